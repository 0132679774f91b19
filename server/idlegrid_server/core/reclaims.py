"""How fast owners got their machines back: what many reclaims say together. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from idlegrid_server.core.retention import DAY

WINDOW: Final = 30 * DAY
"""Seconds that reclaims are looked back at: as long as the record keeps them by default."""
MOST_OF_NODE: Final = 1_000
"""Newest reclaims of one node that its figures are of."""
MOST_OF_ALL: Final = 10_000
"""The same of all nodes together: they are read and sorted in some 20 ms, whatever the record holds."""
COUNTER: Final = "reclaims"
"""The record's counter of all that there ever were."""
Timed = tuple[float, float | None, float | None]
"""What is looked at of a reclaim: when the owner came, and after how many seconds every run stood, and none held memory
any more; None where that never came. Plain, because there are ten thousand of them.
"""


@dataclass(frozen=True, slots=True)
class ReclaimFigures:
    """Half of the reclaims, and 99 of 100, took no longer than that, in seconds; None where none says."""

    count: int = 0
    frozen_p50: float | None = None
    frozen_p99: float | None = None
    memory_p50: float | None = None
    memory_p99: float | None = None
    since: float | None = None
    """When the oldest of them was."""


def figures(reclaims: Sequence[Timed]) -> ReclaimFigures:
    """The figures of these reclaims, whatever their order."""
    if not reclaims:
        return ReclaimFigures()
    frozen = sorted(seconds for _, seconds, _ in reclaims if seconds is not None)
    memory = sorted(seconds for *_, seconds in reclaims if seconds is not None)
    since = min(at for at, *_ in reclaims)
    times = (percentile(frozen, 50), percentile(frozen, 99), percentile(memory, 50), percentile(memory, 99))
    return ReclaimFigures(len(reclaims), *times, since)


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """By nearest rank: a value that was measured, never one between two."""
    return ordered[math.ceil(percent * len(ordered) / 100) - 1] if ordered else None
