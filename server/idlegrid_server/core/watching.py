"""The coordinator's answers to those who watch the grid as a whole: how it stands, what wants them, what waits."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from idlegrid_server.core import attention as judging
from idlegrid_server.core.errors import QueueUnavailable
from idlegrid_server.core.health import Component
from idlegrid_server.core.matching import parse_queue
from idlegrid_server.core.model import Priority
from idlegrid_server.core.node_queries import NodeReader
from idlegrid_server.core.overview import Overview, laid, start_of
from idlegrid_server.core.ports import Clock, Queue, QueueDepth
from idlegrid_server.core.queries import Reader, Timeline
from idlegrid_server.core.reclaims import percentile
from idlegrid_server.core.remembering import Remembering
from idlegrid_server.core.retention import DAY
from idlegrid_server.core.served import Head, Serving, by_class, class_words, offered, oldest, serving
from idlegrid_server.core.watch_queries import Harvest, WatchReader

HOUR: Final = 3_600
"""Seconds of what is harvested at a time."""


@dataclass(frozen=True, slots=True)
class WaitingQueue:
    """A queue: what it holds, who serves it, and the run at its front."""

    depth: QueueDepth
    serving: Serving
    head: Head | None


@dataclass(frozen=True, slots=True)
class Waited:
    """How long the runs of a priority and a class waited that started lately: half, and 95 of 100, no longer."""

    priority: Priority
    words: str
    started: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Queues:
    """All that waits."""

    at: float
    suspended: bool
    queues: Sequence[WaitingQueue]
    waits: Sequence[Waited]

    @property
    def waiting(self) -> int:
        """Runs in all queues."""
        return sum(queue.depth.pending for queue in self.queues)


class Watcher:
    """Every coroutine raises RecordUnavailable. What costs much is remembered for a while."""

    def __init__(self, watch: WatchReader, reader: Reader, nodes: NodeReader, queue: Queue, clock: Clock) -> None:
        self._watch, self._reader, self._nodes = watch, reader, nodes
        self._queue, self._clock = queue, clock
        self._remembering = Remembering(clock.monotonic)

    async def overview(self, since: float | None, window: float, points: int) -> Overview:
        """How the grid stands, what ended since then (None: midnight in UTC), and how it stood in the window."""
        return await asyncio.to_thread(self._overview, since, window, points)

    def _overview(self, since: float | None, window: float, points: int) -> Overview:
        now, step = self._clock.now(), window / points
        start = start_of(now, window, points)
        ended = self._watch.ended_since(now // DAY * DAY if since is None else since, now)
        samples = laid(self._watch.samples(start, step, now), start, step, points)
        return Overview(now, self._reader.totals().by_state, ended, self._watch.census(now), samples)

    async def timeline(self, window: float, buckets: int) -> Timeline:
        """What happened in the last `window` seconds, in equal parts of it."""
        return await asyncio.to_thread(self._timeline, window, buckets)

    def _timeline(self, window: float, buckets: int) -> Timeline:
        def make() -> Timeline:
            return self._reader.timeline(self._clock.now(), window, buckets)

        return self._remembering.get(("timeline", window, buckets), make)

    async def harvest(self, hours: int) -> tuple[int, Harvest]:
        """What was harvested in so many hours of UTC, the last of which is under way; and which is the first."""
        first = int(self._clock.now() // HOUR) - hours + 1
        return first, await asyncio.to_thread(
            self._remembering.get, ("harvest", first), lambda: self._watch.harvest(first)
        )

    async def attention(self, parts: Mapping[str, Component]) -> tuple[list[judging.Item], int]:
        """What wants an operator, the worst first, and how much there is in all; `parts` are the grid's components."""
        return await asyncio.to_thread(self._attention, parts)

    def _attention(self, parts: Mapping[str, Component]) -> tuple[list[judging.Item], int]:
        watch, now, most = self._watch, self._clock.now(), judging.MOST_LOOKED
        items = [
            *judging.components_down(parts),
            *judging.nodes_failing(self._suspects(now)),
            *self._unserved(now),
            *judging.tasks_failing(watch.failing_tasks(most)),
            *judging.nodes_lost(watch.lost_nodes(now, most)),
            *judging.webhooks_off(watch.off_webhooks(most)),
        ]
        return judging.worst(items), len(items)

    def _suspects(self, now: float) -> list[judging.Suspect]:
        """Black holes that the operator has not dealt with yet."""
        found = {node: rates for node, rates in self._nodes.rates(None, now).items() if rates.suspect}
        names = self._watch.trusted(list(found)) if found else {}
        return [judging.Suspect(node, name, found[node]) for node, name in names.items()]

    def _unserved(self, now: float) -> list[judging.Item]:
        """Nothing while the queue does not answer: that is an item of its own."""
        try:
            depths = self._queue.depths()
            heads = self._heads(depths)
        except QueueUnavailable:
            return []
        if not heads:
            return []
        return judging.queues_unserved(by_class(depths), offered(self._watch.kinds(now)), heads)

    def _heads(self, depths: Iterable[QueueDepth]) -> dict[str, Head]:
        """The front run of each class that has any waiting."""
        uuids = self._queue.heads([depth.queue for depth in depths if depth.pending])
        return oldest(uuids, self._watch.heads(list(uuids.values()))) if uuids else {}

    async def queues(self, window: float) -> Queues:
        """What waits, and how long what started in the window had waited. Raises QueueUnavailable."""
        return await asyncio.to_thread(self._queues, window)

    def _queues(self, window: float) -> Queues:
        now, suspended, depths = self._clock.now(), self._queue.suspended(), self._queue.depths()
        heads, grid = self._heads(depths), offered(self._watch.kinds(now))
        queues = [
            WaitingQueue(depth, serving(queue, grid), heads.get(queue)) for queue, depth in by_class(depths).items()
        ]
        queues.sort(key=lambda one: (-parse_queue(one.depth.queue).priority, one.depth.queue))
        return Queues(now, suspended, queues, waited(self._watch.waited(now - window)))


def waited(runs: Iterable[tuple[str, float]]) -> list[Waited]:
    """Waiting times by priority and class, from queues and seconds; the highest priority first."""
    by_queue: dict[str, list[float]] = defaultdict(list)
    for queue, seconds in runs:
        by_queue[queue].append(max(0.0, seconds))
    found: dict[tuple[Priority, str], list[float]] = defaultdict(list)
    for queue, waits in by_queue.items():
        found[parse_queue(queue).priority, class_words(queue)] += waits
    rows = [(key, sorted(waits)) for key, waits in sorted(found.items(), key=lambda row: (-row[0][0], row[0][1]))]
    return [Waited(*key, len(waits), percentile(waits, 50), percentile(waits, 95)) for key, waits in rows]
