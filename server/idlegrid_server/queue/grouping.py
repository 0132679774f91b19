"""Gathering queue operations, so that what can go together costs one call.

Order matters only within one run or node: operations on different ones may change places, except that pushes to one
end of a queue keep theirs. Pure.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from idlegrid_server.core.queue_ops import Drop, Ended, NodeGone, NodeSeen, Push, QueueOp, Remove, Started, Wake

MOST_ITEMS: Final = 1_500
"""Words of one call: Redis serves nobody else while a script runs, and Lua unpacks at most some 8,000 values."""

_COUNTERS: Final = {True: "successful_job_count", False: "failed_job_count", None: ""}


@dataclass(slots=True)
class Settle:
    """One call of the settling script: a verb for many runs of one queue."""

    verb: str
    queue: str
    items: list[str | float] = field(default_factory=list)


Step = Settle | NodeSeen | NodeGone | Wake


def steps(ops: Iterable[QueueOp]) -> list[Step]:
    """The same operations in as few steps as order allows."""
    done: list[Step] = []
    open_groups: dict[tuple[str, str], Settle] = {}
    touched: set[str] = set()
    for op in _one_wake_a_second(ops):
        if isinstance(op, NodeSeen | NodeGone | Wake):
            done.append(op)
            continue
        if op.run_uuid in touched:
            open_groups.clear()
            touched.clear()
        touched.add(op.run_uuid)
        verb, queue, items = _described(op)
        group = open_groups.get((verb, queue))
        if group is None or len(group.items) >= MOST_ITEMS:
            group = open_groups[verb, queue] = Settle(verb, queue)
            done.append(group)
        group.items.extend(items)
    return done


def _one_wake_a_second(ops: Iterable[QueueOp]) -> Iterator[QueueOp]:
    seconds: set[int] = set()
    for op in ops:
        if isinstance(op, Wake):
            second = math.ceil(op.at)
            if second in seconds:
                continue
            seconds.add(second)
        yield op


def _described(op: Push | Remove | Drop | Started | Ended) -> tuple[str, str, tuple[str | float, ...]]:
    """The script's verb, the queue, and what the verb wants to know of each run."""
    match op:
        case Push():
            return "front" if op.front else "back", op.queue, (op.run_uuid, op.score)
        case Started():
            return "started", op.queue, (op.run_uuid, op.node_id)
        case Ended():
            return "ended", op.queue, (op.run_uuid, op.node_id, _COUNTERS[op.success])
        case Remove():
            return "removed", op.queue, (op.run_uuid,)
        case Drop():
            return "dropped", "", (op.run_uuid,)
