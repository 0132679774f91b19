"""When a run may start, by experience: the one formula for all who ask. Pure."""

from collections.abc import Iterable

from idlegrid_server.core.matching import parse_queue, slots_of
from idlegrid_server.core.model import Node


def capacity(queue: str, nodes: Iterable[Node]) -> int:
    """How many runs of the queue these nodes, all of them able, run at a time."""
    wanted = parse_queue(queue)
    return sum(
        min(slots_of(node), int(node.cpu_cores // wanted.cpu), node.memory_mb // wanted.memory_mb) for node in nodes
    )


def expected_start(now: float, before: int, at_a_time: int, mean: float) -> float:
    """When a run starts that so many others come before, running or queued, which take `mean` seconds each."""
    return now + before // at_a_time * mean
