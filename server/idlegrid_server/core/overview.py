"""How a grid stands and how it stood: nodes in six kinds, and samples laid onto the points of a window. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from idlegrid_server.core.model import NodeHealth, NodeState, NodeWish
from idlegrid_server.core.retention import DAY
from idlegrid_server.core.waiting import HELD_BACK, HELD_STATES

LOST_FOR: Final = 7 * DAY
"""Seconds for which a node that was lost counts as lost; after that as one that is away."""
SAMPLE_EVERY: Final = 20.0
"""Seconds between two samples: 45 of them are the quarter of an hour that a console shows."""
STANDS_FOR: Final = 3 * SAMPLE_EVERY
"""Seconds that a sample tells how the grid stood: a coordinator that starts anew, or one look that failed, leaves no
gap."""


class Kind(StrEnum):
    """What a node is to those who look at the grid as a whole."""

    IDLE = "idle"
    WORKING = "working"
    OWNER = "owner"
    """Its owner is there, or has just left."""
    HELD = "held"
    """Paused, draining, starting, in quarantine, or it does not know."""
    LOST = "lost"
    """Nobody has heard of it, though it never said that it leaves."""
    AWAY = "away"
    """It has left."""


KINDS: Final = tuple(kind.value for kind in Kind)
"""In the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What tells a node's kind."""

    state: NodeState
    reason: str
    wish: NodeWish
    health: NodeHealth
    lately: bool
    """Whether it has been so for less than `LOST_FOR`."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How the grid stood at an instant: runs that wait and run, and nodes by kind."""

    at: float
    waiting: int
    running: int
    nodes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Points:
    """Samples in equal steps; None where nobody looked."""

    start: float
    step_seconds: float
    waiting: list[int | None]
    running: list[int | None]
    nodes: dict[str, list[int | None]]


@dataclass(frozen=True, slots=True)
class Overview:
    """How the grid stands: runs by state now, those that ended since an instant by state, and nodes by kind."""

    at: float
    runs: Mapping[str, int]
    ended: Mapping[str, int]
    nodes: Mapping[str, int]
    samples: Points


def kind_of(standing: Standing) -> Kind:
    """The kind of a node. The operator's word comes before what the node does."""
    if standing.health is not NodeHealth.ALIVE:
        return Kind.LOST if standing.health is NodeHealth.LOST and standing.lately else Kind.AWAY
    if standing.wish is not NodeWish.ACTIVE or standing.state in HELD_STATES or standing.state is NodeState.UNKNOWN:
        return Kind.HELD
    if standing.state in (NodeState.IDLE, NodeState.RUNNING):
        return Kind.IDLE if standing.state is NodeState.IDLE else Kind.WORKING
    return Kind.HELD if standing.reason in HELD_BACK else Kind.OWNER


def census(nodes: Iterable[tuple[Standing, int]]) -> dict[str, int]:
    """How many nodes there are of each kind, from how many stand in the same way."""
    found: Counter[str] = Counter()
    for standing, number in nodes:
        found[kind_of(standing).value] += number
    return {kind: found[kind] for kind in KINDS}


def start_of(now: float, window: float, points: int) -> float:
    """Where a window in so many steps begins, the last of which is under way.

    Steps lie at whole multiples of their length, so that what is asked for again lies on the same ones.
    """
    step = window / points
    return (math.floor(now / step) + 1 - points) * step


def laid(samples: Sequence[Sample], start: float, step: float, points: int) -> Points:
    """Each step with the newest sample from before its end that still tells of it. Samples come oldest first."""
    shown: list[Sample | None] = []
    newest: Sample | None = None
    following = 0
    for index in range(points):
        end = start + (index + 1) * step
        while following < len(samples) and samples[following].at < end:
            newest, following = samples[following], following + 1
        shown.append(newest if newest is not None and newest.at >= end - max(step, STANDS_FOR) else None)
    return Points(
        start,
        step,
        [None if one is None else one.waiting for one in shown],
        [None if one is None else one.running for one in shown],
        {kind: [None if one is None else one.nodes.get(kind, 0) for one in shown] for kind in KINDS},
    )
