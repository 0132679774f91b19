"""Definitions: making, changing, pausing and deleting tasks."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.definitions import Task, TaskDefinition, TaskStatus, Timing, check_definition
from idlegrid_server.core.errors import Conflict, InvalidInput, NotFound
from idlegrid_server.core.limits import MAX_INT64, WAKE_HORIZON
from idlegrid_server.core.ports import Calendar
from idlegrid_server.core.queue_ops import Wake
from idlegrid_server.core.webhooks import EventType


class Keep(Enum):
    """Said instead of a value: leave it as it is."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


def existing(batch: Batch, task_id: int) -> Task:
    """A loaded task. Raises NotFound."""
    task = batch.tasks.get(task_id)
    if task is None:
        raise NotFound(f"Task {task_id} not found")
    return task


def schedule_next(batch: Batch, task: Task, calendar: Calendar, after: float, since: float) -> None:
    """Note when the task is due next, and have us woken when that is soon."""
    task.next_run_at = calendar.next(task.definition.timing, after, since)
    if task.next_run_at is not None and task.next_run_at <= batch.now + WAKE_HORIZON:
        batch.ops.append(Wake(task.next_run_at))


@dataclass(slots=True)
class _Defining:
    """What making and changing have in common: the name, the parents, the timing."""

    calendar: Calendar
    parents: Sequence[str] | None
    """Ids or names of tasks, as their author wrote them; None leaves them as they are."""
    code: str | Keep | None

    def _wanted(self) -> Needs:
        """The named parents. An id that no task can have needs no look."""
        words = self.parents or ()
        return Needs(
            tasks={int(word) for word in words if _is_id(word)},
            names={word for word in words if not word.isdigit()},
            edges=self.parents is not None,
        )

    def _resolve(self, batch: Batch, own: int) -> tuple[int, ...]:
        """The parents' ids, ascending. Raises InvalidInput naming what is unknown, or the cycle."""
        found = {word: batch.names.get(word) or (int(word) if _is_id(word) else 0) for word in self.parents or ()}
        known = set(batch.names.values()) | batch.tasks.keys()
        unknown = [word for word, task_id in found.items() if task_id not in known]
        if unknown:
            words = f"There is no task {unknown[0]} to depend on"
            raise InvalidInput(words, field="dependencies", rule="exists", value=unknown[0])
        parents = tuple(sorted(set(found.values())))
        if cycle := find_cycle({**batch.edges, own: set(parents)}, own):
            words = f"These tasks would wait for each other: {' -> '.join(map(str, cycle))}"
            raise InvalidInput(words, field="dependencies", rule="acyclic", value=[str(task) for task in cycle])
        return parents

    def _check(self, batch: Batch, definition: TaskDefinition, own: int, *, has_code: bool) -> None:
        check_definition(definition, has_code=has_code)
        self.calendar.check(definition.timing)
        if batch.names.get(definition.name, own) != own:
            raise Conflict(f"There is a task named {definition.name} already (task {batch.names[definition.name]})")


@dataclass(slots=True)
class CreateTask(_Defining):
    """Make a task; it runs when it is triggered, due, or its parents have completed."""

    definition: TaskDefinition
    submitter: str = ""
    _made: list[Task] = field(default_factory=list)

    def needs(self) -> Needs:
        """The parents, and whether the name is free."""
        needs = self._wanted()
        needs.names.add(self.definition.name)
        return needs

    def apply(self, batch: Batch) -> None:
        """Make it. Raises InvalidInput, or Conflict for a name that is taken."""
        code = None if isinstance(self.code, Keep) else self.code
        self._check(batch, self.definition, 0, has_code=code is not None)
        definition = replace(self.definition, dependencies=self._resolve(batch, 0))
        task = Task(
            id=0,
            definition=definition,
            submitter=self.submitter,
            created_at=batch.now,
            updated_at=batch.now,
            has_code=code is not None,
        )
        batch.names[task.name] = -1
        batch.new_tasks.append((task, code))
        batch.count(f"tasks:{task.status}", 1)
        schedule_next(batch, task, self.calendar, batch.now, batch.now)
        batch.happen(EventType.TASK_CREATED, task)
        self._made = [task]

    def answer(self, batch: Batch) -> Task:
        """The task with its id."""
        return self._made[0]


@dataclass(slots=True)
class UpdateTask(_Defining):
    """Change what its author says of a task; `edit` makes the new definition from the old."""

    task_id: int
    edit: Callable[[TaskDefinition], TaskDefinition]
    new_name: str | None = None
    """When the edit changes it: looked up whether it is free."""

    def needs(self) -> Needs:
        """The task, its parents, and whether a new name is free."""
        needs = self._wanted()
        needs.tasks.add(self.task_id)
        if self.new_name is not None:
            needs.names.add(self.new_name)
        return needs

    def apply(self, batch: Batch) -> None:
        """Change it. Raises NotFound, InvalidInput, or Conflict for a name that is taken."""
        task = existing(batch, self.task_id)
        before = task.definition
        has_code = task.has_code if isinstance(self.code, Keep) else self.code is not None
        definition = self.edit(before)
        self._check(batch, definition, task.id, has_code=has_code)
        if self.parents is not None:
            definition = replace(definition, dependencies=self._resolve(batch, task.id))
            batch.edges[task.id] = set(definition.dependencies)
        task.definition, task.updated_at, task.has_code = definition, batch.now, has_code
        batch.redefined[task.id] = task
        if not isinstance(self.code, Keep):
            batch.new_codes[task.id] = self.code
        if definition.timing != before.timing:
            self._retime(batch, task, before.timing)
        batch.happen(EventType.TASK_UPDATED, task)

    def _retime(self, batch: Batch, task: Task, before: Timing) -> None:
        if task.status is TaskStatus.PAUSED:
            return
        schedule_next(batch, task, self.calendar, batch.now, batch.now)
        if task.definition.timing.is_scheduled and not before.is_scheduled:
            set_status(batch, task, TaskStatus.ACTIVE)

    def answer(self, batch: Batch) -> Task:
        """The task as it is now."""
        return batch.tasks[self.task_id]


def set_status(batch: Batch, task: Task, status: TaskStatus) -> None:
    """Change where the task stands, and count that."""

    def enter(task: Task) -> None:
        task.status = status

    batch.change_task(task, enter)


@dataclass(slots=True)
class PauseTask:
    """Have a task fire no more, or again. What runs goes on; what was due meanwhile is not made up."""

    task_id: int
    paused: bool
    calendar: Calendar

    def needs(self) -> Needs:
        """The task."""
        return Needs(tasks={self.task_id})

    def apply(self, batch: Batch) -> None:
        """Pause or resume; again is no error. Raises NotFound."""
        task = existing(batch, self.task_id)
        if self.paused == (task.status is TaskStatus.PAUSED):
            return
        set_status(batch, task, TaskStatus.PAUSED if self.paused else TaskStatus.ACTIVE)
        task.updated_at = batch.now
        batch.redefined[task.id] = task
        batch.happen(EventType.TASK_UPDATED, task)
        if self.paused:
            task.next_run_at = None
        else:
            schedule_next(batch, task, self.calendar, batch.now, batch.now)
            batch.follow = True

    def answer(self, batch: Batch) -> Task:
        """The task."""
        return batch.tasks[self.task_id]


@dataclass(slots=True)
class DeleteTask:
    """Take a task out of the record. Its finished runs stay; the unfinished ones are the caller's to cancel."""

    task_id: int

    def needs(self) -> Needs:
        """The task, and who depends on it."""
        return Needs(tasks={self.task_id}, edges=True)

    def apply(self, batch: Batch) -> None:
        """Delete it. Raises NotFound, or Conflict when others depend on it."""
        task = existing(batch, self.task_id)
        children = sorted(child for child, parents in batch.edges.items() if self.task_id in parents)
        if children:
            words = ", ".join(map(str, children))
            raise Conflict(f"Task {self.task_id} cannot be deleted: it is a dependency of task(s) {words}")
        del batch.tasks[self.task_id]
        batch.changed_tasks.pop(self.task_id, None)
        batch.redefined.pop(self.task_id, None)
        batch.removed_tasks.append(self.task_id)
        batch.count(f"tasks:{task.status}", -1)
        batch.happen(EventType.TASK_DELETED, task)

    def answer(self, batch: Batch) -> None:
        """Nothing is left to tell."""


def find_cycle(edges: dict[int, set[int]], start: int) -> list[int]:
    """A way from `start` back to itself along dependencies; empty when there is none."""
    ways: list[list[int]] = [[start]]
    seen: set[int] = set()
    while ways:
        way = ways.pop()
        for parent in _parents(edges, way[-1]):
            if parent == start:
                return [*way, parent]
            if parent not in seen:
                seen.add(parent)
                ways.append([*way, parent])
    return []


def _parents(edges: dict[int, set[int]], task: int) -> Iterable[int]:
    return sorted(edges.get(task, ()))


def _is_id(word: str) -> bool:
    """Whether the word can be a task's id; a database holds no longer one."""
    return word.isascii() and word.isdigit() and 0 < int(word) <= MAX_INT64
