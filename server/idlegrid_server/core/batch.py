"""The unit of work: what a group of commands has loaded and what it has changed.

Commands first check, then change; so one that raises has changed nothing, and the others of its batch go on.
"""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from idlegrid_server.core.checkpoints import Checkpoint
from idlegrid_server.core.definitions import Link, Task, Wait
from idlegrid_server.core.lifecycle import Effect, Event, transition
from idlegrid_server.core.matching import expected_length, score
from idlegrid_server.core.model import (
    EndedAttempt,
    IdempotencyKey,
    LogPiece,
    Node,
    NodeSpell,
    Notice,
    Outcome,
    Output,
    Payload,
    Reclaim,
    Run,
    RunState,
    StoryLine,
)
from idlegrid_server.core.queue_ops import Drop, Ended, Push, QueueOp, Remove, Started
from idlegrid_server.core.tasklife import note_made, note_moved
from idlegrid_server.core.webhooks import EventType, Happening

NEWS: Final = {
    RunState.RUNNING: "task_started",
    RunState.COMPLETED: "task_completed",
    RunState.FAILED: "task_failed",
    RunState.TIMED_OUT: "task_failed",
    RunState.CANCELLED: "task_failed",
}
"""What a run's new state is called to those who watch; any other is `task_updated`."""


NODE_EVENTS: Final = {"node_joined": EventType.WORKER_REGISTERED, "node_left": EventType.WORKER_UNREGISTERED}
"""What endpoints hear when those who watch hear this."""
COUNTED: Final = {Outcome.EVICTED: "evictions", Outcome.LOST: "losses", Outcome.CRASHED: "losses"}
"""Ends of attempts that have a counter in the record."""
FAILURES: Final = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.CRASHED})
"""Ends of attempts that count against their node, whatever follows for the run."""
DURATIONS: Final = (0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 600.0, 3_600.0)
"""Upper bounds of the run times that are counted, in seconds: the task API's document, and what lies beyond it."""


def duration_bucket(seconds: float) -> str:
    """The name of the smallest bound that holds a run time."""
    return next((f"{bound:g}" for bound in DURATIONS if seconds <= bound), "inf")


def _sum(row: list[float], *values: float) -> None:
    for place, value in enumerate(values):
        row[place] += value


@dataclass(slots=True)
class Needs:
    """What commands want loaded before they decide."""

    uuids: set[str] = field(default_factory=set)
    ids: set[int] = field(default_factory=set)
    payloads: set[str] = field(default_factory=set)
    """UUIDs (also in `uuids`) whose code is wanted too."""
    resuming: set[str] = field(default_factory=set)
    """UUIDs (also in `uuids`) of runs whose checkpoint is wanted, if they have had an attempt."""
    nodes: set[str] = field(default_factory=set)
    leasing: set[str] = field(default_factory=set)
    """Nodes (also in `nodes`) that runs are leased to: with how many they hold, where that is limited."""
    emptying: set[str] = field(default_factory=set)
    """Nodes (also in `nodes`) that runs are taken from: with all that they hold."""
    keys: set[str] = field(default_factory=set)
    tasks: set[int] = field(default_factory=set)
    """Tasks, with their parents. Those of loaded runs come without being asked for, and without parents."""
    to_run: set[int] = field(default_factory=set)
    """Tasks (also in `tasks`) of which runs are made: with their code, names of files, and links."""
    names: set[str] = field(default_factory=set)
    """Names of tasks whose ids are wanted."""
    sources: set[int] = field(default_factory=set)
    """Ids (also in `ids`) of runs that are made once more: with their code, and their task as in `to_run`."""
    waits: set[str] = field(default_factory=set)
    """UUIDs (also in `uuids`) of runs whose waits are wanted."""
    edges: bool = False
    """Whether all dependencies between tasks are wanted."""

    def add(self, other: "Needs") -> None:
        """Take over what another command wants."""
        self.uuids |= other.uuids
        self.ids |= other.ids
        self.payloads |= other.payloads
        self.resuming |= other.resuming
        self.nodes |= other.nodes
        self.leasing |= other.leasing
        self.emptying |= other.emptying
        self.keys |= other.keys
        self.tasks |= other.tasks
        self.to_run |= other.to_run
        self.names |= other.names
        self.sources |= other.sources
        self.waits |= other.waits
        self.edges = self.edges or other.edges


@dataclass(slots=True)
class Batch:
    """Rows as loaded, and what is to be written. `now` is the batch's one time."""

    now: float
    runs: dict[str, Run] = field(default_factory=dict)
    by_id: dict[int, Run] = field(default_factory=dict)
    payloads: dict[str, Payload] = field(default_factory=dict)
    checkpoints: dict[int, Checkpoint] = field(default_factory=dict)
    """By run, of those that go on from one."""
    nodes: dict[str, Node] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    """How many runs each limited node holds that runs are leased to, those of this batch included."""
    keys: dict[str, IdempotencyKey] = field(default_factory=dict)
    tasks: dict[int, Task] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    codes: dict[int, str] = field(default_factory=dict)
    """Inline code by task."""
    file_names: dict[int, set[str]] = field(default_factory=dict)
    links: dict[int, list[Link]] = field(default_factory=dict)
    """By task: its parents."""
    edges: dict[int, set[int]] = field(default_factory=dict)
    """All dependencies: task → parents."""
    waits: dict[str, list[Wait]] = field(default_factory=dict)

    new_runs: list[tuple[Run, Payload]] = field(default_factory=list)
    changed_runs: dict[str, Run] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    changed_nodes: dict[str, Node] = field(default_factory=dict)
    new_keys: list[IdempotencyKey] = field(default_factory=list)
    new_tasks: list[tuple[Task, str | None]] = field(default_factory=list)
    """With their inline code."""
    changed_tasks: dict[int, Task] = field(default_factory=dict)
    """Whose life went on."""
    redefined: dict[int, Task] = field(default_factory=dict)
    """Whose author changed them."""
    new_codes: dict[int, str | None] = field(default_factory=dict)
    removed_tasks: list[int] = field(default_factory=list)
    used: list[tuple[int, int, int]] = field(default_factory=list)
    """(task, parent, run): this run of the parent has triggered the task."""
    new_waits: list[tuple[str, int, int | None]] = field(default_factory=list)
    """(run, parent, run of the parent or None for the first to come)."""
    satisfied: list[tuple[int, int]] = field(default_factory=list)
    """(run, parent): that wait is over."""
    node_totals: dict[str, list[float]] = field(default_factory=dict)
    """node → [attempts, completed, failed, wall seconds, attempts that failed].

    What completed and failed are runs, which had their last attempt there.
    """
    happened: list[Happening] = field(default_factory=list)
    """What endpoints may want to hear of."""
    addressed: set[int] = field(default_factory=set)
    """Endpoints that hear of something in it; known once it is written."""
    follow: bool = False
    """Whether something was written that other runs may depend on."""
    ended: list[EndedAttempt] = field(default_factory=list)
    story: list[StoryLine] = field(default_factory=list)
    logs: list[LogPiece] = field(default_factory=list)
    usage_points: dict[tuple[int, int], str] = field(default_factory=dict)
    """(run, attempt) → what it used over time, whole, as JSON."""
    spells: list[NodeSpell] = field(default_factory=list)
    reclaims: list[Reclaim] = field(default_factory=list)
    """As nodes told them; one that the record has already is not kept again."""
    usage: dict[tuple[int, str, str], list[float]] = field(default_factory=dict)
    """(hour, submitter, node) → [attempts, cpu seconds, wall seconds]."""
    counts: dict[str, float] = field(default_factory=dict)
    """Changes of the record's counters: runs by state, finished seconds."""

    ops: list[QueueOp] = field(default_factory=list)
    owed: set[str] = field(default_factory=set)
    """Runs whose queue entry is owed to Redis: the outbox."""
    stops: list[tuple[str, Run]] = field(default_factory=list)
    """(node, run) to be killed."""
    _news: list[tuple[str, Run | None, str, str | None]] = field(default_factory=list)
    woken: dict[str, int] = field(default_factory=dict)
    """How many runs each queue got."""
    lengths: dict[str, float] = field(default_factory=dict)
    """For how many seconds the longest of these is expected to run."""

    def include(self, runs: Iterable[Run]) -> None:
        """Make loaded runs findable."""
        for run in runs:
            self.runs[run.uuid] = run
            self.by_id[run.id] = run

    def add_run(self, run: Run, payload: Payload) -> None:
        """A new run; a pending one goes to its queue once the record has it."""
        self.runs[run.uuid] = run
        self.new_runs.append((run, payload))
        self.story.append(StoryLine(run.uuid, self.now, "created", run.queue))
        self.count(run.state, 1)
        task = self.tasks.get(run.task_id or 0)
        if task is not None:
            self.change_task(task, note_made)
        if run.state is RunState.PENDING:
            self.push(run, front=False)
        else:
            self.follow = True

    def change_task(self, task: Task, change: Callable[[Task], None]) -> None:
        """Change a task's life, and count by status."""
        self.count(f"tasks:{task.status}", -1)
        change(task)
        self.count(f"tasks:{task.status}", 1)
        self.changed_tasks[task.id] = task

    def count(self, name: str, by: float) -> None:
        """Change a counter of the record."""
        self.counts[name] = self.counts.get(name, 0) + by

    def touch(self, run: Run) -> None:
        """The run was changed and must be written."""
        self.changed_runs[run.uuid] = run

    def move(self, run: Run, event: Event, detail: str = "", outcome: Outcome | None = None) -> RunState:
        """Take the run along the transition table, and note all that follows; answers its new state.

        `outcome` is how its attempt ended, when it had one. Raises IllegalTransition and changes nothing
        when the table forbids it.
        """
        before = run.state
        step = transition(before, event, f"Its last words: {run.reason or 'none'}.")
        self.count(run.state, -1)
        self.count(step.to, 1)
        run.state = step.to
        self.touch(run)
        self.story.append(StoryLine(run.uuid, self.now, event.value, detail))
        for effect in step.effects:
            self._carry_out(effect, run, outcome)
        if step.to.is_final:
            self._finish(run)
            self.happen(EventType.TASK_COMPLETED if step.to is RunState.COMPLETED else EventType.TASK_FAILED, run)
        task = self.tasks.get(run.task_id or 0)
        if task is not None:
            self.change_task(task, lambda task: note_moved(task, run, before, self.now))
            self.follow = self.follow or step.to.is_final
        return step.to

    def tell(self, run: Run, what: str, detail: str = "") -> None:
        """Something worth knowing that changes no state: it goes into the story and to those who watch.

        Without a `detail` the story names the node.
        """
        self.story.append(StoryLine(run.uuid, self.now, what, detail or run.node_id or ""))
        self.notify(run, "task_updated")

    def _carry_out(self, effect: Effect, run: Run, outcome: Outcome | None) -> None:
        if effect is Effect.ENQUEUE or effect is Effect.ENQUEUE_FRONT:
            self.push(run, front=effect is Effect.ENQUEUE_FRONT)
        elif effect is Effect.DEQUEUE:
            self.ops.append(Remove(run.uuid, run.queue))
        elif effect is Effect.START:
            self.ops.append(Started(run.uuid, run.queue, run.node_id or ""))
            self._hold(run, 1)
        elif effect is Effect.END:
            self._end_attempt(run, outcome or Outcome.CANCELLED)
        else:
            self.stops.append((run.node_id or "", run))

    def _hold(self, run: Run, by: int) -> None:
        if run.node_id in self.held:
            self.held[run.node_id] += by

    def push(self, run: Run, *, front: bool) -> None:
        """The run's queue entry is to be written; the outbox remembers that until it is."""
        self.ops.append(Push(run.uuid, run.queue, score(run.created_at, run.priority, run.queue), front))
        self.owed.add(run.uuid)
        self.woken[run.queue] = self.woken.get(run.queue, 0) + 1
        task = self.tasks.get(run.task_id or 0)
        seconds = expected_length(task.expected_seconds if task else None, run.timeout)
        self.lengths[run.queue] = max(seconds, self.lengths.get(run.queue, 0.0))

    def _end_attempt(self, run: Run, outcome: Outcome) -> None:
        self._hold(run, -1)
        success = {RunState.COMPLETED: True, RunState.PENDING: None, RunState.WAITING: None}.get(run.state, False)
        self.ops.append(Ended(run.uuid, run.queue, run.node_id or "", success))
        self.ended.append(
            EndedAttempt(
                run.id,
                run.attempts,
                run.node_id or "",
                run.lease_id or "",
                run.leased_at or self.now,
                self.now,
                outcome,
                run.reason,
                run.cpu_seconds,
                run.wall_seconds,
                run.max_memory_mb,
                run.processes,
                run.sandbox,
            )
        )
        self._use(run, failure=outcome in FAILURES)
        if outcome in COUNTED:
            self.count(COUNTED[outcome], 1)

    def _use(self, run: Run, *, failure: bool) -> None:
        hour, node = int(self.now // 3600), run.node_id or ""
        _sum(self.usage.setdefault((hour, run.submitter, node), [0.0] * 3), 1, run.cpu_seconds, run.wall_seconds)
        completed, failed = run.state is RunState.COMPLETED, run.state in (RunState.FAILED, RunState.TIMED_OUT)
        _sum(self.node_totals.setdefault(node, [0.0] * 5), 1, completed, failed, run.wall_seconds, failure)
        self.count("compute_seconds", run.cpu_seconds)

    def _finish(self, run: Run) -> None:
        run.finished_at = self.now
        run.frozen = False
        if run.state is RunState.COMPLETED:
            seconds = self.now - (run.started_at or self.now)
            self.count("completed_seconds", seconds)
            self.count(f"duration:{duration_bucket(seconds)}", 1)

    def happen(self, event: EventType, subject: Task | Run | Node) -> None:
        """Something that endpoints may want to hear of. A node is told of as it is now, the others as they are written.

        New tasks and runs have their ids only then, and a run's outcome is whole; a node may be back by then.
        """
        self.happened.append(Happening(event, self.now, copy.copy(subject) if isinstance(subject, Node) else subject))

    def drop(self, run_uuid: str) -> None:
        """A popped entry that no pending run answers to."""
        self.ops.append(Drop(run_uuid))

    def notify(self, run: Run, event: str = "") -> None:
        """Tell those who watch what became of a run; unless it has another name, by the state it is in now."""
        self._news.append((event or NEWS.get(run.state, "task_updated"), run, run.state.value, run.node_id))

    def notify_node(self, event: str, node: Node) -> None:
        """Tell those who watch that a node came or went (`node_joined`, `node_left`)."""
        self.happen(NODE_EVENTS[event], node)
        self._news.append((event, None, node.state.value, node.id))

    def notices(self) -> list[Notice]:
        """What those who watch are to hear; ask after the batch is written, when new runs have their ids."""
        return [
            Notice(event, run.id if run else None, status, node, run.submitter if run else "")
            for event, run, status, node in self._news
        ]
