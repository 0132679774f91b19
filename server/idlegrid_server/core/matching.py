"""Requirement classes: which queue a run belongs to, and which queues a node can serve.

Runs that no node could tell apart share a queue (Ray's scheduling class, HTCondor's autocluster), so that leasing
walks a few hundred queues and never the runs. A class is readable from its queue's name and the other way round.

Within a class the oldest run comes first. Where that is not wanted a class has several queues, its lanes: one per
submitter (`fair`), or one per expected length (`shortest`).
"""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from idlegrid_server.core.limits import AGEING_SECONDS, DEFAULT_SANDBOX, MOST_LENGTH_PENALTY, SHORTEST_FACTOR
from idlegrid_server.core.model import Need, Node, NodeHealth, Priority, Submission

STATED: Final = "-stated"
"""Marks a sandbox level that the submitter stated: a class of its own, which legacy workers never get."""

LANE: Final = "/@"
"""Stands before the lane in a queue's name; no task type and no label has an `@`."""
SUBMITTER_LANE: Final = "u"
"""Begins the name of a submitter's lane, the only ones that have a bias."""


class QueueOrder(StrEnum):
    """Which of the runs that a node could take comes first, as far as priorities do not say."""

    FIFO = "fifo"
    """The oldest."""
    FAIR = "fair"
    """Of the submitter who used least lately."""
    SHORTEST = "shortest"
    """The one expected to end first."""


@dataclass(frozen=True, slots=True)
class RequirementClass:
    """What all runs of one queue ask for: cores rounded up to halves, memory to a power of two (MB)."""

    priority: Priority
    task_type: str
    cpu: float
    memory_mb: int
    min_sandbox: int
    sandbox_stated: bool
    requires: tuple[str, ...]
    lane: str = ""

    @property
    def queue(self) -> str:
        """The queue's name, e.g. `normal/python/1c/512M/s3` or `high/python/0.5c/1024M/s4-stated/gpu+lab/@64s`."""
        parts = [self.priority.name.lower(), self.task_type, f"{self.cpu:g}c", f"{self.memory_mb}M"]
        parts.append(f"s{self.min_sandbox}{STATED if self.sandbox_stated else ''}")
        name = "/".join(parts + (["+".join(self.requires)] if self.requires else []))
        return f"{name}{LANE}{self.lane}" if self.lane else name


@dataclass(frozen=True, slots=True)
class Capability:
    """What a node can take at all, whatever it does right now."""

    task_types: frozenset[str]
    labels: frozenset[str]
    cpu: float
    memory_mb: int
    sandbox: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What a node would take now: how many runs, and the room they must fit in together."""

    node_id: str
    capability: Capability
    slots: int
    cpu: float
    memory_mb: int
    only: frozenset[str] | None = None
    """When given, just these queues, in all their lanes (a legacy worker takes only the default class)."""


def requirement_class(need: Need, priority: Priority, lane: str = "") -> RequirementClass:
    """The class of a run with this need and priority, in a lane of it."""
    cpu = math.ceil(need.cpu * 2) / 2
    memory = 1 << max(0, math.ceil(need.memory_mb) - 1).bit_length()
    stated, labels = need.min_sandbox is not None, tuple(sorted(set(need.requires)))
    return RequirementClass(priority, need.task_type, cpu, memory, sandbox_level(need), stated, labels, lane)


def sandbox_level(need: Need) -> int:
    """The lowest sandbox level that will do."""
    return DEFAULT_SANDBOX if need.min_sandbox is None else need.min_sandbox


def lane_of(order: QueueOrder, submission: Submission) -> str:
    """The lane of its class in which a run waits; empty when it has only one."""
    if order is QueueOrder.FAIR:
        return submitter_lane(submission.submitter)
    if order is QueueOrder.SHORTEST:
        expected = submission.timeout if submission.expected_seconds is None else submission.expected_seconds
        return f"{1 << max(0, math.ceil(expected) - 1).bit_length()}s"
    return ""


@lru_cache(maxsize=4096)
def submitter_lane(submitter: str) -> str:
    """The lane of a submitter's runs in every class: a digest, because a queue's name is plain and short."""
    return SUBMITTER_LANE + hashlib.blake2s(submitter.encode(), digest_size=5).hexdigest()


def biases(usage: Mapping[str, float]) -> dict[str, float]:
    """What `Queue.favour` wants to know for the order `fair`.

    Whoever used so many seconds lately is served as if all that is waiting had come so many seconds later.
    """
    return {submitter_lane(submitter): seconds for submitter, seconds in usage.items()}


def without_lane(queue: str) -> str:
    """The queue's name without its lane."""
    return queue.partition(LANE)[0]


@lru_cache(maxsize=4096)
def parse_queue(queue: str) -> RequirementClass:
    """The class that a queue's name stands for. Raises ValueError or KeyError for a name of another make."""
    name, _, lane = queue.partition(LANE)
    priority, task_type, cpu, memory, sandbox, *labels = name.split("/")
    return RequirementClass(
        Priority[priority.upper()],
        task_type,
        float(cpu[:-1]),
        int(memory[:-1]),
        int(sandbox[1:].removesuffix(STATED)),
        sandbox.endswith(STATED),
        tuple(labels[0].split("+")) if labels else (),
        lane,
    )


@lru_cache(maxsize=65536)
def can_serve(capability: Capability, queue: str) -> bool:
    """Whether a node could ever run what is in the queue."""
    wanted = parse_queue(queue)
    return (
        wanted.task_type in capability.task_types
        and capability.sandbox >= wanted.min_sandbox
        and wanted.cpu <= capability.cpu
        and wanted.memory_mb <= capability.memory_mb
        and capability.labels.issuperset(wanted.requires)
    )


def fits(offer: Offer, queue: str) -> bool:
    """Whether one run of the queue fits into what the offer has left."""
    if offer.only is not None and without_lane(queue) not in offer.only:
        return False
    wanted = parse_queue(queue)
    return wanted.cpu <= offer.cpu and wanted.memory_mb <= offer.memory_mb and can_serve(offer.capability, queue)


def score(queued_at: float, priority: int, queue: str = "") -> float:
    """The order in which heads of queues are served, lowest first: age, with a level of priority worth an hour.

    In the order `shortest` a run expected to take a minute longer is served as if it had come ten minutes later, but
    never more than a day: so nothing starves. A submitter's bias comes on top, in the queue (`Queue.favour`).
    """
    return queued_at - AGEING_SECONDS * priority + _length_penalty(queue.partition(LANE)[2])


def _length_penalty(lane: str) -> float:
    if not lane or lane.startswith(SUBMITTER_LANE):
        return 0.0
    return min(SHORTEST_FACTOR * float(lane.removesuffix("s")), MOST_LENGTH_PENALTY)


def capability(node: Node) -> Capability:
    """What the node can take at all, as far as its operator allows.

    A class asks for its upper bound, so a node must offer that much.
    """
    return Capability(
        frozenset(types_of(node)), frozenset(node.labels), node.cpu_cores, node.memory_mb, node.sandbox.level
    )


def types_of(node: Node) -> tuple[str, ...]:
    """The task types that the node offers and its operator allows."""
    allowed = node.operator_types
    return node.task_types if allowed is None else tuple(kind for kind in node.task_types if kind in allowed)


def waiting_for(queue: str, nodes: Iterable[Node]) -> str | None:
    """Why a queued run waits, as a sentence for its submitter; None when a node could take it at once."""
    alive = [node for node in nodes if node.health is NodeHealth.ALIVE]
    if not alive:
        return "No node has joined the grid: start one with `idlegrid node --server URL`."
    able = [node for node in alive if can_serve(capability(node), queue)]
    if not able:
        return _unmet(parse_queue(queue), alive)
    if any(node.state in ("idle", "running") for node in able):
        return None
    states = ", ".join(sorted({f"{node.state.value} ({node.reason})" for node in able}))
    return f"{len(able)} node(s) could take it; they are {states}."


def _unmet(wanted: RequirementClass, nodes: list[Node]) -> str:
    """The first need that no node meets, with what the best one offers."""
    cores, memory = max(node.cpu_cores for node in nodes), max(node.memory_mb for node in nodes)
    if wanted.cpu > cores:
        return f"No node offers {wanted.cpu:g} cores; the largest offers {cores:g}."
    if wanted.memory_mb > memory:
        return f"No node offers {wanted.memory_mb} MB of memory; the largest offers {memory} MB."
    if not any(wanted.task_type in types_of(node) for node in nodes):
        return f"No node runs tasks of the type {wanted.task_type}."
    if all(node.sandbox.level < wanted.min_sandbox for node in nodes):
        return _unmet_sandbox(wanted.min_sandbox, nodes)
    missing = "+".join(wanted.requires) or "this combination of needs"
    return f"No node offers {missing} together with the cores and memory asked for."


def _unmet_sandbox(level: int, nodes: list[Node]) -> str:
    """What the best node has; of equally good ones, one that knows its remedy."""
    best = max((node.sandbox for node in nodes), key=lambda sandbox: (sandbox.level, bool(sandbox.remedy)))
    words = f"No node has a sandbox of level {level}; the best has level {best.level}."
    return f"{words} To raise it there: {best.remedy}" if best.remedy else words
