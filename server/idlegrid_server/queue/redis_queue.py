"""The queue on a real Redis or Valkey (6.2 or newer, not a cluster), in RQ's own data structures."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, cast

from redis.client import Pipeline
from rq.utils import utcformat

from idlegrid_server.core.matching import Offer
from idlegrid_server.core.ports import Clock, QueueDepth, SystemClock
from idlegrid_server.core.queue_ops import NodeSeen, QueueOp, Wake
from idlegrid_server.queue import keys, nodes
from idlegrid_server.queue.aside import AsideWatch
from idlegrid_server.queue.connect import Breaker, client
from idlegrid_server.queue.grouping import Settle, Step, steps
from idlegrid_server.queue.jobs import schedule_beat, schedule_delivery, schedule_wake
from idlegrid_server.queue.offers import Allowed, allowed, is_ours
from idlegrid_server.queue.script import Scripts

SPARE: Final = 8
"""Queues that the script is told of beyond an offer's slots, should another coordinator empty some meanwhile."""
SCAN_PAGE: Final = 1_000
"""Keys looked at in one go while forgetting; Redis serves others in between."""


@lru_cache(maxsize=4096)
def _written(queue: tuple[str, float, int]) -> str:
    return json.dumps(queue)


class RedisQueue:
    """`core.ports.Queue` over Redis. Safe to use from several threads.

    Every method raises QueueUnavailable within a second when Redis does not answer, and at once when it did not a
    moment ago.
    """

    def __init__(self, url: str, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._redis = client(url)
        self._bytes = client(url, decode=False)
        self._scripts = Scripts(self._redis)
        self._breaker = Breaker(self._clock)
        self._aside = AsideWatch()

    def pop(self, offers: Sequence[Offer]) -> list[list[str]]:
        """For each offer the UUIDs of the runs it may take now, oldest first; two round trips for all of them.

        A third only when the oldest queues were emptied by others meanwhile.
        """
        if not any(offer.slots > 0 for offer in offers):
            return [[] for _ in offers]
        with self._breaker.guard():
            queues = cast(list[str], self._redis.zrange(keys.NONEMPTY, 0, -1))
            choices = allowed(offers, queues, SPARE)
            answers = self._lease(offers, choices)
            cut_short = [
                not answer and len(choice) == offer.slots + SPARE
                for offer, choice, answer in zip(offers, choices, answers, strict=True)
            ]
            if not any(cut_short):
                return answers
            everything = [c if cut else [] for c, cut in zip(allowed(offers, queues), cut_short, strict=True)]
            again = self._lease(offers, everything)
        return [late or early for late, early in zip(again, answers, strict=True)]

    def _lease(self, offers: Sequence[Offer], choices: list[Allowed]) -> list[list[str]]:
        pipeline = self._pipeline()
        # Equal nodes share one list, and its text is made once.
        texts = {id(choice): f"[{','.join(map(_written, choice))}]" for choice in choices if choice}
        asked = [i for i, choice in enumerate(choices) if choice]
        for i in asked:
            offer = offers[i]
            self._scripts.lease(pipeline, offer.slots, offer.cpu, offer.memory_mb, texts[id(choices[i])])
        answers: list[list[str]] = [[] for _ in offers]
        if asked:
            for i, uuids in zip(asked, self._scripts.run(pipeline), strict=True):
                answers[i] = uuids
        return answers

    def apply(self, ops: Iterable[QueueOp]) -> None:
        """Carry out the ops in order, in one round trip.

        Not a transaction: each step is atomic by itself and may be repeated, so the caller, who keeps what is owed
        until this returns, simply sends it again.
        """
        todo = steps(ops)
        if not todo:
            return
        now = self._clock.now()
        stamp = str(utcformat(datetime.fromtimestamp(now, UTC)))
        pipeline = self._pipeline()
        for step in todo:
            self._add(pipeline, step, now, stamp)
        with self._breaker.guard():
            self._scripts.run(pipeline)

    def _add(self, pipeline: Pipeline, step: Step, now: float, stamp: str) -> None:
        if isinstance(step, Settle):
            self._scripts.settle(pipeline, step.verb, step.queue, stamp, step.items)
        elif isinstance(step, NodeSeen):
            nodes.seen(pipeline, step, now)
        elif isinstance(step, Wake):
            schedule_wake(pipeline, step.at, now)
        else:
            nodes.gone(pipeline, step, now)

    def suspended(self) -> bool:
        """Whether the operator has suspended leasing (`rq suspend`)."""
        with self._breaker.guard():
            return bool(self._redis.exists(keys.SUSPENDED))

    def ping(self) -> float:
        """How long an answer takes, in seconds."""
        with self._breaker.guard():
            began = self._clock.monotonic()
            self._redis.ping()
            return self._clock.monotonic() - began

    def identity(self) -> str:
        """The server's `run_id` when all pending runs are known to be in it, else something new each time."""
        with self._breaker.guard():
            run_id = self._run_id()
            marked = self._redis.get(keys.MARKER) == run_id
        return run_id if marked else f"{run_id}/unmarked-{uuid.uuid4().hex}"

    def mark(self) -> None:
        """Say that all pending runs are in the queue.

        The mark names the server's life, not who set it: so several coordinators that rebuild after the same
        restart agree, and none takes another's mark for a new loss.
        """
        with self._breaker.guard():
            self._redis.set(keys.MARKER, self._run_id())

    def _run_id(self) -> str:
        return str(self._redis.info("server")["run_id"])

    def forget(self) -> None:
        """Drop every queue of ours with its jobs, and the mark; other queues of RQ's on this Redis stay."""
        with self._breaker.guard():
            gone = [keys.MARKER, keys.NONEMPTY, keys.BIAS]
            for queue in self._queues():
                gone += [keys.queue_key(queue), keys.aside_key(queue), keys.executing_key(queue)]
            self._redis.unlink(*gone)
            self._forget_jobs()

    def _forget_jobs(self) -> None:
        """Whatever has a `place` is ours. A job left behind would make its next push look like a repetition."""
        cursor = -1
        while cursor:
            cursor, found = cast(
                tuple[int, list[str]],
                self._redis.scan(max(cursor, 0), match=f"{keys.JOB_PREFIX}*", count=SCAN_PAGE, _type="HASH"),
            )
            pipeline = self._pipeline()
            for key in found:
                pipeline.hexists(key, "place")
            ours = [key for key, is_one in zip(found, pipeline.execute(), strict=True) if is_one]
            if ours:
                self._redis.unlink(*ours)

    def stuck(self) -> list[str]:
        """UUIDs that two calls, at least ten seconds apart, both found set aside."""
        with self._breaker.guard():
            pipeline = self._pipeline()
            for queue in self._queues():
                pipeline.lrange(keys.aside_key(queue), 0, -1)
            found = [run_uuid for uuids in pipeline.execute() for run_uuid in uuids]
        return self._aside.stuck(found, self._clock.monotonic())

    def depths(self) -> list[QueueDepth]:
        """Every known queue, by name."""
        with self._breaker.guard():
            queues = sorted(self._queues())
            pipeline = self._pipeline()
            for queue in queues:
                pipeline.llen(keys.queue_key(queue))
                pipeline.zcard(keys.executing_key(queue))
            counts = pipeline.execute()
        return [
            QueueDepth(queue, pending, executing)
            for queue, pending, executing in zip(queues, counts[::2], counts[1::2], strict=True)
        ]

    def heads(self, queues: Sequence[str]) -> dict[str, str]:
        """The UUID at the front of each of the queues that holds any."""
        with self._breaker.guard():
            pipeline = self._pipeline()
            for queue in queues:
                pipeline.lindex(keys.queue_key(queue), 0)
            fronts = pipeline.execute()
        return {queue: run_uuid for queue, run_uuid in zip(queues, fronts, strict=True) if run_uuid is not None}

    def favour(self, bias: Mapping[str, float]) -> None:
        """Serve each lane as if its runs had come so many seconds later; replaces all biases."""
        pipeline = self._pipeline()
        self._scripts.favour(pipeline, json.dumps(dict(bias)))
        with self._breaker.guard():
            self._scripts.run(pipeline)

    def schedule_beat(self) -> None:
        """Send a beat through waker and control worker, unless one is on its way; call it as often as you like."""
        with self._breaker.guard():
            schedule_beat(self._bytes, self._clock.now())

    def beat_age(self) -> float | None:
        """Seconds since the last beat that the waker and the control worker brought through; None when none did."""
        with self._breaker.guard():
            stamp = self._redis.get(keys.BEAT)
        return None if stamp is None else max(0.0, self._clock.now() - float(cast(str, stamp)))

    def schedule_delivery(self) -> None:
        """Have the webhooks worker look for what is due, unless it has been told so and has not come to it yet."""
        with self._breaker.guard():
            schedule_delivery(self._bytes)

    def close(self) -> None:
        """Give the connections back."""
        self._redis.close()
        self._bytes.close()

    def _queues(self) -> list[str]:
        known = cast(set[str], self._redis.smembers(keys.QUEUES))
        names = (key.removeprefix(keys.QUEUE_PREFIX) for key in known)
        return [name for name in names if is_ours(name)]

    def _pipeline(self) -> Pipeline:
        return self._redis.pipeline(transaction=False)
