"""How much of the machine other programs use: the share of all cores, without our own runs."""

import os
import time
from collections.abc import Callable
from typing import NamedTuple

from idlegrid_node.probes.reading import Reading

MIN_INTERVAL_S = 0.2
"""Below this the kernel's clock ticks (10 ms) make the share a guess."""


class Ticks(NamedTuple):
    """CPU seconds since the machine started: used by anybody, by us, and in all."""

    busy: float
    own: float
    total: float


def share(before: Ticks, after: Ticks) -> float:
    """Return the others' share of all cores between two readings, in percent. Pure."""
    total = after.total - before.total
    others = (after.busy - before.busy) - (after.own - before.own)
    return 100.0 * min(1.0, max(0.0, others / total)) if total > 0 else 0.0


class CpuProbe:
    """Answers with the others' share since the last look; `guests` tells our runs' CPU seconds so far."""

    def __init__(self, guests: Callable[[], float]) -> None:
        self._guests = guests
        self._before: Ticks | None = None
        self._at = 0.0
        self._last = 0.0

    def __call__(self) -> Reading:
        """Look now; the first look has nothing to compare with, and answers 0. Raises what psutil does."""
        now = time.monotonic()
        if self._before is None or now - self._at >= MIN_INTERVAL_S:
            after = self._look()
            self._last, self._before, self._at = share(self._before or after, after), after, now
        return Reading(self._last, "cpu of other programs", now)

    def _look(self) -> Ticks:
        import psutil

        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        # guest time is part of user time already: proc(5)
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        own = os.times()
        return Ticks(total - idle, own.user + own.system + self._guests(), total)
