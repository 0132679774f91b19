"""The queue in memory: for tests and trials, with the same behaviour as the one on Redis, and the same test suite.

It can be told to fail as Redis does: to be away, to come back, and to lose everything.
"""

import math
import time
import uuid
from bisect import insort
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock

from idlegrid_server.core.errors import QueueUnavailable
from idlegrid_server.core.matching import Offer, parse_queue
from idlegrid_server.core.ports import Clock, QueueDepth, SystemClock
from idlegrid_server.core.queue_ops import Drop, Ended, NodeGone, NodeSeen, Push, QueueOp, Remove, Started, Wake
from idlegrid_server.queue.aside import AsideWatch
from idlegrid_server.queue.offers import Allowed, allowed


@dataclass(slots=True)
class _Data:
    """All that a wipe takes."""

    waiting: dict[str, deque[str]] = field(default_factory=dict)
    aside: dict[str, str] = field(default_factory=dict)
    """Run → the queue it was popped from."""
    executing: dict[str, str] = field(default_factory=dict)
    """Run → its queue."""
    scores: dict[str, float] = field(default_factory=dict)
    nodes: dict[str, NodeSeen] = field(default_factory=dict)
    ended: Counter[tuple[str, bool]] = field(default_factory=Counter)
    marked: bool = False
    bias: dict[str, float] = field(default_factory=dict)
    """Lane → seconds."""
    wakes: set[int] = field(default_factory=set)
    delivery: bool = False

    def head(self, queue: str) -> float | None:
        """The score of what waits first, with the queue's bias."""
        waiting = self.waiting.get(queue)
        bias = self.bias.get(parse_queue(queue).lane, 0.0)
        return self.scores.get(waiting[0], 0.0) + bias if waiting else None

    def take_out(self, run_uuid: str, queue: str) -> None:
        """Out of wherever the run is."""
        if self.is_waiting(run_uuid):
            self.waiting[queue].remove(run_uuid)
        self.aside.pop(run_uuid, None)
        self.executing.pop(run_uuid, None)

    def is_waiting(self, run_uuid: str) -> bool:
        """Whether the run is in its queue; it is in one place at a time, and has a score while it is in any."""
        return run_uuid in self.scores and run_uuid not in self.aside and run_uuid not in self.executing


class MemoryQueue:
    """`core.ports.Queue` without a Redis. Safe to use from several threads."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = RLock()
        self._data = _Data()
        self._life = uuid.uuid4().hex
        self._away = self._suspended = False
        self._aside = AsideWatch()

    def break_down(self) -> None:
        """From now on every call raises QueueUnavailable."""
        self._away = True

    def mend(self) -> None:
        """Answer again; everything is still there, but it is a new life, as after a restart of Redis."""
        self._away = False
        self._life = uuid.uuid4().hex

    def wipe(self) -> None:
        """Lose everything, as after FLUSHALL."""
        with self._lock:
            self._data = _Data()

    def suspend(self, suspended: bool = True) -> None:
        """What `rq suspend` and `rq resume` do."""
        self._suspended = suspended

    def pop(self, offers: Sequence[Offer]) -> list[list[str]]:
        """For each offer the UUIDs of the runs it may take now, oldest first over the queues it can serve."""
        with self._lock:
            self._answer()
            ranks = sorted((self._data.head(queue) or 0.0, queue) for queue, runs in self._data.waiting.items() if runs)
            choices = allowed(offers, [queue for _, queue in ranks])
            return [self._lease(offer, choice) for offer, choice in zip(offers, choices, strict=True)]

    def _lease(self, offer: Offer, choice: Allowed) -> list[str]:
        popped: list[str] = []
        if self._suspended:
            return popped
        sizes = {queue: (cpu, memory) for queue, cpu, memory in choice}
        ranks = sorted((score, queue) for queue in sizes if (score := self._data.head(queue)) is not None)
        cpu, memory = offer.cpu, offer.memory_mb
        while ranks and len(popped) < offer.slots:
            _, queue = ranks.pop(0)
            if sizes[queue][0] > cpu or sizes[queue][1] > memory:
                continue
            cpu, memory = cpu - sizes[queue][0], memory - sizes[queue][1]
            popped.append(self._pop(queue))
            if (score := self._data.head(queue)) is not None:
                insort(ranks, (score, queue))
        return popped

    def _pop(self, queue: str) -> str:
        run_uuid = self._data.waiting[queue].popleft()
        self._data.aside[run_uuid] = queue
        return run_uuid

    def apply(self, ops: Iterable[QueueOp]) -> None:
        """Carry out the ops in order."""
        with self._lock:
            self._answer()
            for op in ops:
                self._carry_out(op)

    def _carry_out(self, op: QueueOp) -> None:
        data = self._data
        match op:
            case Push():
                self._push(op)
            case Started():
                data.take_out(op.run_uuid, op.queue)
                data.waiting.setdefault(op.queue, deque())
                data.executing[op.run_uuid] = op.queue
                data.scores.setdefault(op.run_uuid, 0.0)
            case Ended():
                self._end(op)
            case Remove():
                data.take_out(op.run_uuid, op.queue)
                data.scores.pop(op.run_uuid, None)
            case Drop():
                if data.aside.pop(op.run_uuid, None) is not None:
                    data.scores.pop(op.run_uuid, None)
            case NodeSeen() | NodeGone():
                self._show(op)
            case Wake():
                data.wakes.add(math.ceil(op.at))

    def _show(self, node: NodeSeen | NodeGone) -> None:
        if isinstance(node, NodeSeen):
            self._data.nodes[node.node_id] = node
        else:
            self._data.nodes.pop(node.node_id, None)

    def _push(self, op: Push) -> None:
        data = self._data
        waiting = data.waiting.setdefault(op.queue, deque())
        if data.is_waiting(op.run_uuid):
            return
        data.take_out(op.run_uuid, op.queue)
        data.scores[op.run_uuid] = op.score
        if op.front:
            waiting.appendleft(op.run_uuid)
        else:
            waiting.append(op.run_uuid)

    def _end(self, op: Ended) -> None:
        data = self._data
        if data.executing.pop(op.run_uuid, None) or data.aside.pop(op.run_uuid, None):
            data.scores.pop(op.run_uuid, None)
        if op.success is not None and op.node_id in data.nodes:
            data.ended[op.node_id, op.success] += 1

    def suspended(self) -> bool:
        """Whether leasing is suspended."""
        self._answer()
        return self._suspended

    def ping(self) -> float:
        """How long an answer takes, in seconds."""
        began = time.perf_counter()
        self._answer()
        return time.perf_counter() - began

    def identity(self) -> str:
        """This life's name when all pending runs are known to be here, else something new each time."""
        self._answer()
        return self._life if self._data.marked else f"{self._life}/unmarked-{uuid.uuid4().hex}"

    def mark(self) -> None:
        """Say that all pending runs are in the queue."""
        self._answer()
        self._data.marked = True

    def forget(self) -> None:
        """Drop every queue, the biases and the mark; what is known of nodes, and the wakes, stay."""
        with self._lock:
            self._answer()
            self._data = _Data(nodes=self._data.nodes, ended=self._data.ended, wakes=self._data.wakes)

    def stuck(self) -> list[str]:
        """UUIDs that two calls, at least ten seconds apart, both found set aside."""
        with self._lock:
            self._answer()
            return self._aside.stuck(list(self._data.aside), self._clock.monotonic())

    def depths(self) -> list[QueueDepth]:
        """Every known queue, by name."""
        with self._lock:
            self._answer()
            executing = Counter(self._data.executing.values())
            return [
                QueueDepth(queue, len(runs), executing[queue]) for queue, runs in sorted(self._data.waiting.items())
            ]

    def heads(self, queues: Sequence[str]) -> dict[str, str]:
        """The UUID at the front of each of the queues that holds any."""
        with self._lock:
            self._answer()
            waiting = {queue: self._data.waiting.get(queue) for queue in queues}
            return {queue: runs[0] for queue, runs in waiting.items() if runs}

    def favour(self, bias: Mapping[str, float]) -> None:
        """Serve each lane as if its runs had come so many seconds later; replaces all biases."""
        with self._lock:
            self._answer()
            self._data.bias = dict(bias)

    def wakes_due(self) -> list[int]:
        """The seconds asked for by `Wake` that have come, each once: whoever plays the waker takes them from here."""
        with self._lock:
            due = sorted(second for second in self._data.wakes if second <= self._clock.now())
            self._data.wakes.difference_update(due)
            return due

    def schedule_beat(self) -> None:
        """Nothing stands between placing a beat and its arrival here."""
        self._answer()

    def beat_age(self) -> float | None:
        """Seconds since the last beat: there is no waker here that could have died."""
        self._answer()
        return 0.0

    def schedule_delivery(self) -> None:
        """Remember that it was asked for."""
        self._answer()
        self._data.delivery = True

    def delivery_due(self) -> bool:
        """Whether a delivery was asked for since the last call: whoever plays the webhooks worker looks here."""
        with self._lock:
            asked, self._data.delivery = self._data.delivery, False
            return asked

    def _answer(self) -> None:
        if self._away:
            raise QueueUnavailable("The queue does not answer: it was broken down")
