"""Which nodes could take what waits: queues by class, and nodes by what they offer. Pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from idlegrid_server.core.matching import Capability, can_serve, parse_queue, without_lane
from idlegrid_server.core.model import Node, NodeHealth
from idlegrid_server.core.ports import QueueDepth
from idlegrid_server.core.waiting import grants, is_taking, judge, node_reasons


@dataclass(frozen=True, slots=True)
class Serving:
    """How many nodes could take what is in a queue, and how many of them take work now."""

    able: int
    taking: int


NOBODY: Final = Serving(0, 0)


@dataclass(frozen=True, slots=True)
class Head:
    """The run at the front of a queue, and when it was made."""

    run_id: int
    made_at: float


@dataclass(frozen=True, slots=True)
class Grid:
    """What the nodes offer, in the steps that queues ask in: few rows, however many nodes there are."""

    here: Mapping[Capability, Serving]
    """How many of the nodes that are there offer this, and how many of these take work."""
    known: Mapping[Capability, Node]
    """A node that offers this, be it there or away: the one with the most memory."""


def offered(nodes: Iterable[tuple[Node, int]]) -> Grid:
    """What nodes offer, each of which stands for so many."""
    here: dict[Capability, Serving] = {}
    known: dict[Capability, Node] = {}
    for node, number in nodes:
        offer = _in_steps(grants(node))
        known[offer] = max(known.get(offer, node), node, key=lambda one: one.memory_mb)
        if node.is_alive:
            before = here.get(offer, NOBODY)
            here[offer] = Serving(before.able + number, before.taking + number * is_taking(node))
    return Grid(here, known)


def _in_steps(offer: Capability) -> Capability:
    """Half cores, and powers of two in MB."""
    memory = 1 << (int(offer.memory_mb).bit_length() - 1) if offer.memory_mb >= 1 else 0
    return replace(offer, cpu=math.floor(offer.cpu * 2) / 2, memory_mb=memory)


def serving(queue: str, grid: Grid) -> Serving:
    """Who could serve a queue, and who does."""
    able = [serving for offer, serving in grid.here.items() if can_serve(offer, queue)]
    return Serving(sum(one.able for one in able), sum(one.taking for one in able))


def never(queue: str, grid: Grid) -> str:
    """Why no node could ever take what is in the queue, not even one that is away; empty when one could."""
    if any(can_serve(offer, queue) for offer in grid.known):
        return ""
    back = (replace(node, health=NodeHealth.ALIVE) for node in grid.known.values())
    return " ".join(reason.message for reason in node_reasons(queue, judge(queue, back)))


def by_class(depths: Iterable[QueueDepth]) -> dict[str, QueueDepth]:
    """Queues that hold something, or whose runs are on nodes, with all lanes of a class as one."""
    found: dict[str, QueueDepth] = {}
    for depth in depths:
        if depth.pending or depth.executing:
            queue = without_lane(depth.queue)
            known = found.get(queue, QueueDepth(queue, 0, 0))
            found[queue] = QueueDepth(queue, known.pending + depth.pending, known.executing + depth.executing)
    return found


def oldest(heads: Mapping[str, str], runs: Mapping[str, Head]) -> dict[str, Head]:
    """The oldest front run of each class, from the UUIDs at the fronts of its lanes."""
    found: dict[str, Head] = {}
    for queue, uuid in heads.items():
        head, name = runs.get(uuid), without_lane(queue)
        if head is not None and (name not in found or head.made_at < found[name].made_at):
            found[name] = head
    return found


def class_words(queue: str) -> str:
    """What a queue asks of a node, but its sandbox, in a few words: `1 core, 512 MB, gpu+lab`."""
    wanted = parse_queue(queue)
    words = [f"{wanted.cpu:g} core{'' if wanted.cpu == 1 else 's'}", f"{wanted.memory_mb} MB"]
    return ", ".join(words + (["+".join(wanted.requires)] if wanted.requires else []))
