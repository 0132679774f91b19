"""Requirement classes: which queue a run belongs to, and which queues a node can serve.

Runs that no node could tell apart share a queue (Ray's scheduling class, HTCondor's autocluster), so that leasing
walks a few hundred queues and never the runs. A class is readable from its queue's name and the other way round.

Within a class the oldest run comes first. Where that is not wanted a class has several queues, its lanes: one per
submitter (`fair`), or one per expected length (`shortest`).
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from idlegrid_server.core.limits import AGEING_SECONDS, DEFAULT_SANDBOX, MOST_LENGTH_PENALTY, SHORTEST_FACTOR
from idlegrid_server.core.model import Need, Node, Priority, Submission

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
        expected = expected_length(submission.expected_seconds, submission.timeout)
        return f"{1 << max(0, math.ceil(expected) - 1).bit_length()}s"
    return ""


def expected_length(experience: float | None, timeout: float) -> float:
    """For how many seconds a run should take its node: as its task's runs did, else at most as long as it may."""
    return timeout if experience is None else experience


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


def least(queue: str) -> Capability:
    """The least that a node must be able to, to serve the queue."""
    wanted = parse_queue(queue)
    types, labels = frozenset({wanted.task_type}), frozenset(wanted.requires)
    return Capability(types, labels, wanted.cpu, wanted.memory_mb, wanted.min_sandbox)


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


def slots_of(node: Node) -> int:
    """How many runs the node takes at a time: the lower of its slots and its operator's limit."""
    return node.slots if node.max_tasks is None else min(node.slots, node.max_tasks)
