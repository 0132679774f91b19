"""Requirement classes: which queue a run belongs to, and which queues a node can serve.

Runs that no node could tell apart share a queue (Ray's scheduling class, HTCondor's autocluster), so that leasing
walks a few hundred queues and never the runs. A class is readable from its queue's name and the other way round.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from idlegrid_server.core.limits import AGEING_SECONDS, DEFAULT_SANDBOX
from idlegrid_server.core.model import Need, Node, NodeHealth, Priority

STATED: Final = "-stated"
"""Marks a sandbox level that the submitter stated: a class of its own, which legacy workers never get."""


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

    @property
    def queue(self) -> str:
        """The queue's name, e.g. `normal/python/1c/512M/s3` or `high/python/0.5c/1024M/s4-stated/gpu+lab`."""
        parts = [self.priority.name.lower(), self.task_type, f"{self.cpu:g}c", f"{self.memory_mb}M"]
        parts.append(f"s{self.min_sandbox}{STATED if self.sandbox_stated else ''}")
        return "/".join(parts + (["+".join(self.requires)] if self.requires else []))


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
    """When given, just these queues (a legacy worker takes only the default class)."""


def requirement_class(need: Need, priority: Priority) -> RequirementClass:
    """The class of a run with this need and priority."""
    cpu = math.ceil(need.cpu * 2) / 2
    memory = 1 << max(0, math.ceil(need.memory_mb) - 1).bit_length()
    stated, labels = need.min_sandbox is not None, tuple(sorted(set(need.requires)))
    return RequirementClass(priority, need.task_type, cpu, memory, sandbox_level(need), stated, labels)


def sandbox_level(need: Need) -> int:
    """The lowest sandbox level that will do."""
    return DEFAULT_SANDBOX if need.min_sandbox is None else need.min_sandbox


@lru_cache(maxsize=4096)
def parse_queue(queue: str) -> RequirementClass:
    """The class that a queue's name stands for. Raises ValueError or KeyError for a name of another make."""
    priority, task_type, cpu, memory, sandbox, *labels = queue.split("/")
    return RequirementClass(
        Priority[priority.upper()],
        task_type,
        float(cpu[:-1]),
        int(memory[:-1]),
        int(sandbox[1:].removesuffix(STATED)),
        sandbox.endswith(STATED),
        tuple(labels[0].split("+")) if labels else (),
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
    if offer.only is not None and queue not in offer.only:
        return False
    wanted = parse_queue(queue)
    return wanted.cpu <= offer.cpu and wanted.memory_mb <= offer.memory_mb and can_serve(offer.capability, queue)


def score(queued_at: float, priority: int) -> float:
    """The order in which heads of queues are served, lowest first: age, with a level of priority worth an hour."""
    return queued_at - AGEING_SECONDS * priority


def capability(node: Node) -> Capability:
    """What the node can take at all. A class asks for its upper bound, so a node must offer that much."""
    return Capability(
        frozenset(node.task_types), frozenset(node.labels), node.cpu_cores, node.memory_mb, node.sandbox.level
    )


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
    if not any(wanted.task_type in node.task_types for node in nodes):
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
