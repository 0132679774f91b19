"""Why a run does not run yet, whole: what holds it back, who is before it, and when it may start."""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from idlegrid_server.core.commands.submit import new_run
from idlegrid_server.core.definitions import DEPENDENCY, NO_SUCH_FILE, Wait
from idlegrid_server.core.errors import NotFound, QueueUnavailable
from idlegrid_server.core.forecast import capacity, expected_start
from idlegrid_server.core.lifecycle import Event
from idlegrid_server.core.limits import MAX_INT64
from idlegrid_server.core.matching import QueueOrder, biases, can_serve, capability, least, parse_queue, score
from idlegrid_server.core.model import Run, RunState, Submission
from idlegrid_server.core.ports import Clock, Queue
from idlegrid_server.core.queries import Reader
from idlegrid_server.core.reasons import Reason, behind, queue_away, queue_suspended
from idlegrid_server.core.taskdesk import checked_id
from idlegrid_server.core.waiting import Judged, judge, node_reasons, run_reasons, where

QUEUED_BY: Final = frozenset({Event.RELEASE, Event.EVICT, Event.RETURN, Event.LOSE})
"""What puts a run into its queue again, at the back (the first) or at the front."""
NOTHING_WOULD: Final = "Nothing would hold it back: a node is free to take it."
"""Of a run that has not been made."""
STORY_LINES: Final = 20
"""Newest lines of a run's story in which that is looked for."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a run is not running, or where it stands."""

    run: Run
    summary: str
    nodes: Judged
    reasons: Sequence[Reason] = ()
    """All that hold it back, the most decisive first."""
    ahead: int | None = None
    """Runs that are served before it by nodes that could take it; None unless it is queued and the queue answers."""
    may_start_at: float | None = None
    """An estimate; None when nobody can tell."""


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """The queue as it is: whether leasing is suspended, and which queues hold something."""

    suspended: bool
    queues: Sequence[str]


class Explainer:
    """Asks the record and the queue about one run."""

    def __init__(self, reader: Reader, queue: Queue, clock: Clock, order: QueueOrder) -> None:
        self._reader, self._queue, self._clock, self._order = reader, queue, clock, order

    async def explain(self, run_id: int) -> Explanation:
        """Raises NotFound, RecordUnavailable. Without a queue it says what the record knows."""
        return await asyncio.to_thread(self._look, checked_id(run_id, "Run"))

    async def preview(self, wish: Submission) -> Explanation:
        """What would hold back a run that was made now; none is. Raises RecordUnavailable."""
        return await asyncio.to_thread(self._would_wait, wish)

    def _would_wait(self, wish: Submission) -> Explanation:
        run = new_run(wish, "", self._clock.now(), self._order)
        # It would be the newest, also of those that are made at this very moment.
        run.id = MAX_INT64
        found = self._waits(run)
        return found if found.reasons else replace(found, summary=NOTHING_WOULD)

    def _look(self, run_id: int) -> Explanation:
        view = self._reader.view(run_id)
        if view is None:
            raise NotFound(f"Run {run_id} not found")
        run = view.run
        if run.state in (RunState.WAITING, RunState.PENDING) and run.reason != NO_SUCH_FILE:
            return self._waits(run)
        node = self._reader.node(run.node_id) if run.state is RunState.RUNNING and run.node_id else None
        return Explanation(run, where(run, node), judge(run.queue, self._reader.node_kinds()))

    def _waits(self, run: Run) -> Explanation:
        facts, judged = self._facts(), judge(run.queue, self._reader.nodes(), self._reader.taken())
        waits = self._reader.waits_of(run.id) if run.reason == DEPENDENCY else []
        ahead = self._ahead(run, judged, facts.queues) if facts and run.state is RunState.PENDING else None
        reasons = all_reasons(run, facts, waits, judged, ahead)
        summary = reasons[0].message if reasons else where(run, None)
        return Explanation(run, summary, judged, reasons, ahead, self._may_start_at(run, facts, judged, ahead))

    def _facts(self) -> QueueFacts | None:
        """None when the queue does not answer."""
        try:
            suspended, depths = self._queue.suspended(), self._queue.depths()
        except QueueUnavailable:
            return None
        return QueueFacts(suspended, [depth.queue for depth in depths if depth.pending])

    def _ahead(self, run: Run, judged: Judged, queues: Iterable[str]) -> int:
        # Where no node could take it, the least that one needs to be able to stands for those to come.
        able = {capability(node) for node in judged.able} or {least(run.queue)}
        rivals = [queue for queue in queues if any(can_serve(one, queue) for one in able)]
        bias = biases(self._reader.recent_usage(self._clock.now())) if self._order is QueueOrder.FAIR else {}
        before = served_before(run, self._queued_at(run), rivals, bias)
        return self._reader.ahead(run, before)

    def _queued_at(self, run: Run) -> float:
        """When it would have been made to stand where it does, had it never left the queue.

        One whose delay or dependency is over was put at the back, behind all that had come by then, though its age
        counts again as soon as it is first there. One that a node gave back is at the front: there its age tells.
        """
        if not run.attempts and run.task_id is None:
            return run.created_at
        story = self._reader.last_story(run.id, STORY_LINES)
        newest = next((line for line in reversed(story) if line.event in QUEUED_BY), None)
        if newest is None or newest.event != Event.RELEASE:
            return run.created_at
        came = newest.at if run.not_before is None else run.not_before
        by_age, by_coming = (self._reader.ahead(run, {run.queue: when}) for when in (run.created_at, came))
        return run.created_at if by_age == by_coming else came

    def _may_start_at(self, run: Run, facts: QueueFacts | None, judged: Judged, ahead: int | None) -> float | None:
        if run.state is RunState.WAITING:
            return None if run.reason == DEPENDENCY else run.not_before
        if facts is None or facts.suspended or ahead is None or not judged.taking:
            return None
        now = self._clock.now()
        if judged.free and not ahead:
            return now
        at_a_time = max(1, capacity(run.queue, judged.taking))
        # What is full lets nobody in before one of its runs has ended.
        before = max(ahead + judged.held, 0 if judged.free else at_a_time)
        mean = self._reader.totals().average_seconds
        return expected_start(now, before, at_a_time, mean) if mean or before < at_a_time else None


def all_reasons(
    run: Run, facts: QueueFacts | None, waits: Sequence[Wait], judged: Judged, ahead: int | None
) -> list[Reason]:
    """All that hold a run back that has not started, the most decisive first; without `facts` the queue is away."""
    queue = [queue_away()] if facts is None else [queue_suspended()] if facts.suspended else []
    others = [behind(ahead)] if ahead else []
    return [*queue, *run_reasons(run, waits), *node_reasons(run.queue, judged), *others]


def served_before(run: Run, queued_at: float, rivals: Iterable[str], bias: Mapping[str, float]) -> dict[str, float]:
    """For each queue the time before which its runs were made that are served before this one.

    Of queues whose heads have the same score the first by name is served first, as the leasing script has it.
    """
    mine = score(queued_at, run.priority, run.queue) + _bias(run.queue, bias)
    before = {run.queue: queued_at}
    for queue in rivals:
        if queue != run.queue:
            when = mine - score(0.0, parse_queue(queue).priority, queue) - _bias(queue, bias)
            before[queue] = math.nextafter(when, math.inf if queue < run.queue else -math.inf)
    return before


def _bias(queue: str, bias: Mapping[str, float]) -> float:
    return bias.get(parse_queue(queue).lane, 0.0)
