"""The coordinator's verbs about tasks. Dialects reach them as `coordinator.tasks`."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from idlegrid_server.core.commands import (
    CreateTask,
    DeleteTask,
    PauseTask,
    RestartRun,
    TriggerTask,
    UpdateTask,
)
from idlegrid_server.core.commands.firing import TriggerWish
from idlegrid_server.core.commands.tasks import Keep
from idlegrid_server.core.definitions import Task, TaskDefinition, TaskStatus
from idlegrid_server.core.errors import NotFound
from idlegrid_server.core.forecast import capacity, expected_start
from idlegrid_server.core.limits import MAX_INT64
from idlegrid_server.core.matching import QueueOrder, can_serve, capability
from idlegrid_server.core.model import Run
from idlegrid_server.core.ports import Calendar, Clock, Ids, TaskFiles
from idlegrid_server.core.queries import Graph, Reader
from idlegrid_server.core.rundesk import cancel_all
from idlegrid_server.core.writer import Writer

MOST_AROUND: Final = 100
"""Tasks in a graph: more cannot be seen on a screen."""


@dataclass(frozen=True, slots=True)
class TaskDetail:
    """A task with what stands beside it in the record."""

    task: Task
    code: str | None
    files: int
    """How many it has."""
    firings: Sequence[float]
    """When it is due next, up to five times; nothing while it is paused."""


class TaskDesk:
    """Makes, changes and runs tasks. Every method raises RecordUnavailable, NotFound for a task that is not there."""

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        files: TaskFiles,
        clock: Clock,
        ids: Ids,
        calendar: Calendar,
        order: QueueOrder,
    ) -> None:
        self.files = files
        self._writer, self._reader, self._clock, self._ids = writer, reader, clock, ids
        self._calendar, self._order = calendar, order

    async def create(
        self, definition: TaskDefinition, code: str | None, parents: Sequence[str], submitter: str
    ) -> Task:
        """Make a task; `parents` are ids or names. Raises InvalidInput, Conflict for a name that is taken."""
        return await self._writer.ask(
            CreateTask(calendar=self._calendar, parents=parents, code=code, definition=definition, submitter=submitter)
        )

    async def update(
        self,
        task_id: int,
        edit: Callable[[TaskDefinition], TaskDefinition],
        *,
        code: str | Keep | None,
        parents: Sequence[str] | None,
        new_name: str | None,
    ) -> Task:
        """Change a task; `edit` makes the new definition from the one it has, and must be pure.

        Raises InvalidInput, Conflict for a name that is taken.
        """
        return await self._writer.ask(
            UpdateTask(
                calendar=self._calendar,
                parents=parents,
                code=code,
                task_id=checked_id(task_id),
                edit=edit,
                new_name=new_name,
            )
        )

    async def pause(self, task_id: int, *, paused: bool) -> Task:
        """Have it fire no more, or again."""
        return await self._writer.ask(PauseTask(checked_id(task_id), paused, self._calendar))

    async def remove(self, task_id: int) -> None:
        """Delete it and cancel its unfinished runs. Raises Conflict when others depend on it."""
        await self._writer.ask(DeleteTask(checked_id(task_id)))
        await cancel_all(self._writer, partial(self._reader.unfinished, task_ids=[task_id]))

    async def trigger(self, task_id: int, wish: TriggerWish, key: str = "", fingerprint: str = "") -> Run:
        """Make a run of it now. With a key, at most once. Raises Conflict for a paused task."""
        command = TriggerTask(checked_id(task_id), self._ids.run_uuid(), wish, self._order, key, fingerprint)
        return await self._writer.ask(command)

    async def restart(self, run_id: int, submitter: str, trace_id: str, key: str = "", fingerprint: str = "") -> Run:
        """Make a run like one that has ended. Raises NotFound, Conflict when it has not."""
        uuid = self._ids.run_uuid()
        command = RestartRun(checked_id(run_id, "Run"), uuid, submitter, self._order, key, fingerprint, trace_id)
        return await self._writer.ask(command)

    async def detail(self, task_id: int) -> TaskDetail:
        """A task with its code, its number of files, and its next firings."""
        return await asyncio.to_thread(self._whole, checked_id(task_id))

    def _whole(self, task_id: int) -> TaskDetail:
        task = self._reader.task(task_id)
        if task is None:
            raise NotFound(f"Task {task_id} not found")
        code = self._reader.task_code(task_id) if task.has_code else None
        return TaskDetail(task, code, len(self.files.of_task(task_id)), self.firings(task))

    async def graph(self, task_id: int) -> Graph:
        """The tasks around it, at most `MOST_AROUND`."""
        graph = await asyncio.to_thread(self._reader.graph, checked_id(task_id), MOST_AROUND)
        if not graph.tasks:
            raise NotFound(f"Task {task_id} not found")
        return graph

    def firings(self, task: Task, most: int = 5) -> list[float]:
        """When it is due next."""
        due, firings = task.next_run_at, list[float]()
        while due is not None and len(firings) < most and task.status is not TaskStatus.PAUSED:
            firings.append(due)
            due = self._calendar.next(task.definition.timing, due, firings[0])
        return firings

    async def estimate(self, run: Run, task: Task) -> float | None:
        """When a run that was just made will have ended, by experience; None when nothing is known."""
        seconds = task.expected_seconds
        if seconds is None:
            return None
        totals = await asyncio.to_thread(self._reader.totals)
        nodes = await asyncio.to_thread(self._reader.nodes)
        able = [node for node in nodes if node.is_alive and can_serve(capability(node), run.queue)]
        at_a_time = capacity(run.queue, able)
        if not at_a_time:
            return None
        before = max(0, totals.of("pending", "running") - 1)
        return expected_start(self._clock.now(), before, at_a_time, totals.average_seconds) + seconds


def checked_id(number: int, what: str = "Task") -> int:
    """An id that a database can hold. Raises NotFound: no other number was ever given to a task or a run."""
    if not 0 < number <= MAX_INT64:
        raise NotFound(f"{what} {number} not found")
    return number
