"""Making runs of tasks: by hand, by schedule, by their parents' completion, and once more."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.commands.submit import made_before, new_run, remember
from idlegrid_server.core.commands.tasks import existing, schedule_next
from idlegrid_server.core.definitions import DEPENDENCY, NO_SUCH_FILE, Link, Task, TaskStatus, Trigger, work_of
from idlegrid_server.core.errors import Conflict, NotFound
from idlegrid_server.core.limits import DEFAULT_SANDBOX, DOWNTIME
from idlegrid_server.core.matching import QueueOrder
from idlegrid_server.core.model import Need, Output, Payload, Priority, Run, RunState, Submission
from idlegrid_server.core.ports import Calendar
from idlegrid_server.core.webhooks import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerWish:
    """What a caller wants of one run of a task; None leaves it to the task."""

    trigger: Trigger = Trigger.MANUAL
    parameters: str | None = None
    """A JSON object as text, laid over the task's own."""
    priority: Priority | None = None
    timeout: float | None = None
    submitter: str | None = None
    """Who triggers it, even namelessly, as where no keys are asked for; None is nobody: it counts as the task's own."""
    trace_id: str = ""


def make_run(batch: Batch, task: Task, uuid: str, wish: TriggerWish, order: QueueOrder) -> Run:
    """A run of a loaded task."""
    run = new_run(_submission(task, wish), uuid, batch.now, order)
    waits = [] if wish.trigger is Trigger.DEPENDENCY else _unsatisfied(batch, task)
    if waits:
        run.state, run.reason = RunState.WAITING, DEPENDENCY
        batch.new_waits.extend((uuid, link.parent_id, link.noted_run_id) for link in waits)
    _add(batch, run, _payload(batch, task, wish))
    return run


def _add(batch: Batch, run: Run, payload: Payload) -> None:
    """Without the file that it executes a run is made to fail at once."""
    lacking = _lacking_file(batch, run, payload)
    if lacking:
        run.state, run.reason, run.not_before = RunState.WAITING, NO_SUCH_FILE, batch.now
        batch.outputs[run.uuid] = Output(None, f"no such file: {lacking}")
    batch.add_run(run, payload)
    batch.notify(run, "task_created")
    if run.task_id is not None:
        batch.happen(EventType.TASK_TRIGGERED, run)


def _lacking_file(batch: Batch, run: Run, payload: Payload) -> str:
    """The file that the run is to execute and its task does not have."""
    if payload.code or run.task_type != "python":
        return ""
    command = str(json.loads(payload.work)["command"])
    return "" if command in batch.file_names.get(run.task_id or 0, ()) else command


def _unsatisfied(batch: Batch, task: Task) -> list[Link]:
    return [link for link in batch.links.get(task.id, ()) if not link.is_satisfied]


def _submission(task: Task, wish: TriggerWish) -> Submission:
    of = task.definition
    return Submission(
        code="",
        timeout=of.timeout if wish.timeout is None else wish.timeout,
        need=_need(task),
        priority=of.priority if wish.priority is None else wish.priority,
        submitter=task.submitter if wish.submitter is None else wish.submitter,
        retry_limit=of.retry_limit,
        task_id=task.id,
        task_name=task.name,
        trigger=wish.trigger.value,
        expected_seconds=task.expected_seconds,
        trace_id=wish.trace_id,
    )


def _need(task: Task) -> Need:
    """What its runs need. A legacy worker knows code alone, so what is more than that states its sandbox level."""
    need = task.definition.need
    plain = task.has_code and not task.definition.arguments
    return need if plain or need.min_sandbox is not None else replace(need, min_sandbox=DEFAULT_SANDBOX)


def _payload(batch: Batch, task: Task, wish: TriggerWish) -> Payload:
    parameters = task.definition.parameters
    if wish.parameters is not None:
        parameters = json.dumps({**json.loads(parameters), **json.loads(wish.parameters)})
    return Payload(batch.codes.get(task.id, ""), parameters, work_of(task.definition))


@dataclass(slots=True)
class TriggerTask:
    """Make a run of a task now, at most once per Idempotency-Key."""

    task_id: int
    uuid: str
    wish: TriggerWish
    order: QueueOrder
    key: str = ""
    fingerprint: str = ""
    _made: list[str] = field(default_factory=list)

    def needs(self) -> Needs:
        """The task with all that its runs are made of."""
        return Needs(tasks={self.task_id}, to_run={self.task_id}, keys={self.key} if self.key else set())

    def apply(self, batch: Batch) -> None:
        """Make the run. Raises NotFound, Conflict for a paused task, InvalidInput for a key used otherwise."""
        self._made = made_before(batch, self.key, self.fingerprint)
        if self._made:
            return
        task = existing(batch, self.task_id)
        if task.status is TaskStatus.PAUSED:
            raise Conflict(f"Task {task.id} is paused: resume it first")
        make_run(batch, task, self.uuid, self.wish, self.order)
        self._made = [self.uuid]
        remember(batch, self.key, self.fingerprint, self._made)

    def answer(self, batch: Batch) -> Run:
        """The run with its id."""
        return batch.runs[self._made[0]]


@dataclass(frozen=True, slots=True)
class Firing:
    """What became of a task that was due."""

    task_id: int
    name: str
    due: float
    run: Run | None
    """None when it was skipped, because so many of its runs were unfinished."""
    unfinished: int
    trace_id: str


@dataclass(slots=True)
class FireTasks:
    """Make one run of each task that is due, and note when it is due next.

    After downtime that is in the future, however often it was due meanwhile; else what is still due comes next.

    Who comes second finds it due later; `UNIQUE(task_id, scheduled_for)` stands behind that.
    """

    task_ids: Sequence[int]
    uuids: Sequence[str]
    """A fresh one for each task."""
    trace_ids: Sequence[str]
    """The same."""
    calendar: Calendar
    order: QueueOrder
    _fired: list[Firing] = field(default_factory=list)

    def needs(self) -> Needs:
        """The tasks with all that their runs are made of."""
        return Needs(tasks=set(self.task_ids), to_run=set(self.task_ids))

    def apply(self, batch: Batch) -> None:
        """Fire each that is due and not paused."""
        self._fired.clear()
        for task_id, uuid, trace_id in zip(self.task_ids, self.uuids, self.trace_ids, strict=True):
            task = batch.tasks.get(task_id)
            if task is not None and task.next_run_at is not None and task.next_run_at <= batch.now:
                self._fire(batch, task, uuid, trace_id, task.next_run_at)

    def _fire(self, batch: Batch, task: Task, uuid: str, trace_id: str, due: float) -> None:
        run, unfinished = None, task.unfinished
        if unfinished < task.definition.max_instances:
            run = make_run(batch, task, uuid, TriggerWish(trigger=Trigger.SCHEDULE, trace_id=trace_id), self.order)
            run.scheduled_for = due
        missed = batch.now - due > DOWNTIME
        schedule_next(batch, task, self.calendar, batch.now if missed else due, due)
        batch.changed_tasks[task.id] = task
        self._fired.append(Firing(task.id, task.name, due, run, unfinished, trace_id))

    def answer(self, batch: Batch) -> list[Firing]:
        """What became of those that were due."""
        return self._fired


@dataclass(slots=True)
class FireDependents:
    """Make a run of each unscheduled task whose parents have all completed since they last triggered it."""

    task_ids: Sequence[int]
    uuids: Sequence[str]
    trace_ids: Sequence[str]
    order: QueueOrder
    _made: list[Run] = field(default_factory=list)

    def needs(self) -> Needs:
        """The tasks with all that their runs are made of."""
        return Needs(tasks=set(self.task_ids), to_run=set(self.task_ids))

    def apply(self, batch: Batch) -> None:
        """Make the runs; each set of completed parent runs triggers once."""
        self._made.clear()
        for task_id, uuid, trace_id in zip(self.task_ids, self.uuids, self.trace_ids, strict=True):
            task, links = batch.tasks.get(task_id), batch.links.get(task_id, [])
            if task is not None and _is_ready(task, links):
                wish = TriggerWish(trigger=Trigger.DEPENDENCY, trace_id=trace_id)
                self._follow(batch, task, links, make_run(batch, task, uuid, wish, self.order))

    def _follow(self, batch: Batch, task: Task, links: Sequence[Link], run: Run) -> None:
        run.parents_key = ",".join(str(link.last_completed_id) for link in links)
        batch.used.extend((task.id, link.parent_id, link.last_completed_id) for link in links)
        batch.links[task.id] = [replace(link, used_run_id=link.last_completed_id) for link in links]
        self._made.append(run)

    def answer(self, batch: Batch) -> list[Run]:
        """The runs that were made."""
        return self._made


def _is_ready(task: Task, links: Sequence[Link]) -> bool:
    idle = task.status is not TaskStatus.PAUSED and not task.definition.timing.is_scheduled
    return idle and bool(links) and all(link.is_new for link in links)


@dataclass(slots=True)
class RestartRun:
    """Make a run like one that has ended: its code, command, parameters and needs, and its task if that is there."""

    run_id: int
    uuid: str
    submitter: str
    order: QueueOrder
    key: str = ""
    fingerprint: str = ""
    trace_id: str = ""
    _made: list[str] = field(default_factory=list)

    def needs(self) -> Needs:
        """The run with its code."""
        return Needs(ids={self.run_id}, sources={self.run_id}, keys={self.key} if self.key else set())

    def apply(self, batch: Batch) -> None:
        """Make the run. Raises NotFound, or Conflict for a run that has not ended."""
        self._made = made_before(batch, self.key, self.fingerprint)
        if self._made:
            return
        source = batch.by_id.get(self.run_id)
        if source is None:
            raise NotFound(f"Run {self.run_id} not found")
        if not source.state.is_final:
            raise Conflict(f"Run {self.run_id} has not ended ({source.state}): abort it first, or wait")
        task = batch.tasks.get(source.task_id or 0)
        run = new_run(_again(source, task, self.submitter, self.trace_id), self.uuid, batch.now, self.order)
        _add(batch, run, batch.payloads[source.uuid])
        self._made = [self.uuid]
        remember(batch, self.key, self.fingerprint, self._made)

    def answer(self, batch: Batch) -> Run:
        """The new run with its id."""
        return batch.runs[self._made[0]]


def _again(source: Run, task: Task | None, submitter: str, trace_id: str) -> Submission:
    stated = source.queue.split("/")[4].endswith("-stated")
    need = Need(
        task_type=source.task_type,
        cpu=source.cpu,
        memory_mb=source.memory_mb,
        requires=tuple(json.loads(source.requires)),
        min_sandbox=source.min_sandbox if stated else None,
    )
    return Submission(
        code="",
        timeout=source.timeout,
        need=need,
        priority=Priority(source.priority),
        submitter=submitter,
        retry_limit=source.retry_limit,
        task_id=None if task is None else task.id,
        task_name=source.task_name,
        trigger=Trigger.RESTART.value,
        expected_seconds=None if task is None else task.expected_seconds,
        trace_id=trace_id,
    )
