"""The host's memory floor: the owner's machine never runs out of memory because of us.

A limit per attempt does not see everything (socket buffers and many small files show in no process), and
limits that fit one by one may not fit together with what the owner starts. So the machine itself is watched.
"""

import math
import threading
from collections.abc import Callable, Hashable
from pathlib import Path

from idlegrid_node.sandbox.meter import MIB

LOOK_SECONDS = 0.05
"""As often as a run's memory is looked at; reading /proc/meminfo costs 0.03 ms, and there may be many runs."""
GRACE_SECONDS = 0.5
"""What the kernel gets to free a killed tree: 2 GB took it 0.11 s."""


def available_mb(path: Path = Path("/proc/meminfo")) -> float:
    """Return what can be had without swapping, in MB; infinite if it cannot be told, so that nobody dies of it."""
    return _field_mb(path, "MemAvailable:", math.inf)


def total_mb(path: Path = Path("/proc/meminfo")) -> float:
    """Return the machine's memory in MB; 0 if it cannot be told."""
    return _field_mb(path, "MemTotal:", 0.0)


def swap_free_mb(path: Path = Path("/proc/meminfo")) -> float:
    """Return the free swap space, zram's included, in MB; 0 if it cannot be told."""
    return _field_mb(path, "SwapFree:", 0.0)


def default_reserve_mb(total_mb: float) -> float:
    """Return the reserve for a machine of `total_mb`: 5 % of it, at least 256, at most 1024 MB.

    Between two looks a program fills up to 0.5 GB (`LOOK_SECONDS` at 10 GB/s), and Linux begins to drop the
    owner's programs from the page cache well before the end: less than 256 MB would be noticed at the mouse.
    5 % is half of what earlyoom waits for, as attempts have limits of their own. More than 1 GB would only
    keep memory idle: it is two looks of a fast core, whatever the size of the machine.
    """
    return min(1024.0, max(256.0, 0.05 * total_mb))


class HostFloor:
    """Says which attempt must die for the machine. Thread-safe; one for all attempts of a node.

    `read` returns the available memory in MB. All times are of one monotonic clock, in seconds.
    """

    def __init__(self, reserve_mb: float, read: Callable[[], float] = available_mb) -> None:
        self.reserve_mb = reserve_mb
        self._read = read
        self._lock = threading.Lock()
        self._order: dict[Hashable, None] = {}
        self._condemned: set[Hashable] = set()
        self._available_mb = math.inf
        self._read_at = -math.inf
        self._told_at = -math.inf

    def enter(self, key: Hashable) -> None:
        """Note an attempt that starts: it is the newest."""
        with self._lock:
            self._order[key] = None

    def leave(self, key: Hashable) -> None:
        """Forget an attempt that is over."""
        with self._lock:
            self._order.pop(key, None)
            self._condemned.discard(key)

    def must_die(self, key: Hashable, now: float) -> bool:
        """Tell whether the attempt must be killed now: the newest one, while less than the reserve is available.

        The newest has lost the least. Once told, it is told the same until it leaves; the next one is picked
        at the earliest `GRACE_SECONDS` later, when the kernel has had time to take back the first one's memory.
        """
        with self._lock:
            if key in self._condemned:
                return True
            if not self._short(now) or now - self._told_at < GRACE_SECONDS or key != self._newest():
                return False
            self._condemned.add(key)
            self._told_at = now
            return True

    def _short(self, now: float) -> bool:
        if now - self._read_at >= LOOK_SECONDS:
            self._available_mb, self._read_at = self._read(), now
        return self._available_mb < self.reserve_mb

    def _newest(self) -> Hashable | None:
        return next((key for key in reversed(self._order) if key not in self._condemned), None)


def _field_mb(path: Path, name: str, otherwise: float) -> float:
    try:
        for line in path.read_text("ascii", "replace").splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024 / MIB
    except (OSError, ValueError, IndexError):
        return otherwise
    return otherwise
