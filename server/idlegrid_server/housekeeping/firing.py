"""What makes runs without anybody asking: schedules that are due, and parents that have completed."""

from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from idlegrid_server.core.commands import CancelUnfinished, FireDependents, FireTasks, Firing, SettleWaits
from idlegrid_server.core.limits import LATE_FIRING, WAKE_HORIZON
from idlegrid_server.core.matching import QueueOrder
from idlegrid_server.core.ports import Calendar, Clock, Ids, Queue
from idlegrid_server.core.queries import Reader
from idlegrid_server.core.queue_ops import Wake
from idlegrid_server.core.writer import Writer

log = structlog.get_logger(__name__)

CHUNK: Final = 250
"""Tasks fired in one command, so that requests get their turn in between."""


class Firer:
    """Fires tasks, and lets those go on that wait for others. Each firing is made once, whoever comes to make it."""

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        queue: Queue,
        clock: Clock,
        ids: Ids,
        calendar: Calendar,
        order: QueueOrder,
    ) -> None:
        self._writer, self._reader, self._queue, self._clock = writer, reader, queue, clock
        self._ids, self._calendar, self._order = ids, calendar, order

    def fire_due(self, late: float = 0.0) -> None:
        """Fire what has been due for `late` seconds or more."""
        now = self._clock.now()
        fired = CHUNK
        while fired == CHUNK:
            due = self._reader.due_tasks(now - late, CHUNK)
            fired = len(due)
            # A child notes its parents' runs, so those that are due with it must be written before it is made.
            for tasks in in_turns(due, self._reader.parents_among(due)):
                names = self._uuids(tasks), self._traces("fire", tasks)
                self._say(self._writer.do(FireTasks(tasks, *names, self._calendar, self._order)))

    def fire_late(self) -> None:
        """Fire what nobody was woken for."""
        self.fire_due(LATE_FIRING)

    def _uuids(self, tasks: Sequence[int]) -> list[str]:
        return [self._ids.run_uuid() for _ in tasks]

    def _traces(self, kind: str, tasks: Sequence[int]) -> list[str]:
        return [self._ids.trace_id(kind) for _ in tasks]

    def _say(self, firings: Sequence[Firing]) -> None:
        for firing in firings:
            words = {"action": "fire", "task_id": firing.task_id, "task": firing.name, "due": firing.due}
            words["trace_id"] = firing.trace_id
            if firing.run is None:
                log.warning("firing skipped: enough runs are unfinished", unfinished=firing.unfinished, **words)
            else:
                log.info("task fired", run_id=firing.run.id, **words)

    def follow(self) -> None:
        """Let runs go on whose parents have ended, and make those of dependents whose parents have completed."""
        while waiting := self._reader.settled_waits(CHUNK):
            self._writer.do(SettleWaits(waiting))
        while ready := self._reader.ready_dependents(CHUNK):
            names = self._uuids(ready), self._traces("follow", ready)
            made = self._writer.do(FireDependents(ready, *names, self._order))
            for run in made:
                words = {"action": "follow", "task_id": run.task_id, "run_id": run.id, "trace_id": run.trace_id}
                log.info("task triggered by its parents", **words)
            if not made:
                return

    def place_wakes(self) -> None:
        """Have us woken for what is due soon; again and again, since the queue may lose it. Raises QueueUnavailable."""
        now = self._clock.now()
        self._queue.apply([Wake(at) for at in self._reader.due_times(now, now + WAKE_HORIZON)])

    def cancel_orphans(self) -> None:
        """End runs that a deleted task has left behind."""
        orphans = self._reader.orphans(CHUNK)
        if orphans:
            self._writer.do(CancelUnfinished(orphans))


def in_turns(tasks: Sequence[int], parents: Mapping[int, set[int]]) -> list[list[int]]:
    """The tasks in as few turns as it takes for parents to come before their children; the order stays in each."""
    turns: list[list[int]] = []
    left, done = list(tasks), set[int]()
    while left:
        turn = [task for task in left if parents.get(task, set()) <= done] or left
        turns.append(turn)
        done.update(turn)
        left = [task for task in left if task not in done]
    return turns
