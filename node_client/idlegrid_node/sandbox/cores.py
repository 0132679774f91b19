"""CPU without control groups: a run that takes more cores than it leased is pinned to as many as it leased."""

import contextlib
import math
import os
import threading
from collections.abc import Iterable, Set

WINDOW_SECONDS = 1.0
"""Long enough for the kernel's 10 ms ticks to say something, short enough for the owner."""
TOLERANCE = 1.25
"""A run of one core has helpers (garbage collector, output); pinning those that meant no harm would cost them."""
STARTUP_SECONDS = 1.0


def budget(cores: float, timeout: float) -> float:
    """Return the CPU seconds that a run may use: its cores for all its time, and one second.

    The second is the interpreter's start and its imports, whose CPU counts before the timeout's clock runs:
    without it a busy loop on one core would be ended for CPU a moment before its timeout, for no fault of its own.
    """
    return cores * timeout + STARTUP_SECONDS


class Placement:
    """How many pinned runs each core has, so that different ones get different cores. Thread-safe; one per node."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._guests: dict[int, int] = {}

    def take(self, available: Set[int], count: int) -> frozenset[int]:
        """Return the `count` least taken cores; of equal ones the last, as devices and the kernel favour the first."""
        with self._lock:
            order = sorted(available, key=lambda core: (self._guests.get(core, 0), -core))
            chosen = frozenset(order[:count])
            for core in chosen:
                self._guests[core] = self._guests.get(core, 0) + 1
            return chosen

    def give(self, cores: Iterable[int]) -> None:
        """Give cores back."""
        with self._lock:
            for core in cores:
                self._guests[core] -= 1


class Shaper:
    """Watches one run; pins all its threads once it used more than 1.25 times its cores over a second or so.

    A run that keeps to its share is never touched. Below one core pinning cannot hold it: `budget` does.
    """

    def __init__(self, cores: float, available: Set[int], placement: Placement) -> None:
        self._cores = cores
        self._available = available
        self._placement = placement
        self._since: tuple[float, float] | None = None
        self.pinned: frozenset[int] = frozenset()

    def look(self, pids: Iterable[int], cpu_seconds: float, now: float) -> None:
        """Take note of what the run's processes used so far; `now` is of any monotonic clock."""
        if not self.pinned and self._takes_too_much(cpu_seconds, now):
            self.pinned = self._placement.take(self._available, math.ceil(self._cores))
        if self.pinned:
            # Each time all of them: a thread is free to take its pin off again.
            _pin(pids, self.pinned)

    def close(self) -> None:
        """Give the cores back when the run is over. May be called again."""
        self._placement.give(self.pinned)
        self.pinned = frozenset()

    def _takes_too_much(self, cpu_seconds: float, now: float) -> bool:
        if self._since is None:
            self._since = (now, cpu_seconds)
        then, used = self._since
        if now - then < WINDOW_SECONDS or math.ceil(self._cores) >= len(self._available):
            return False
        self._since = (now, cpu_seconds)
        return cpu_seconds - used > self._cores * TOLERANCE * (now - then)


def _pin(pids: Iterable[int], cores: frozenset[int]) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(OSError):  # it ended, or became somebody else's
                    os.sched_setaffinity(int(thread), cores)
