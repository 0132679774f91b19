"""What the coordinator's own machine does, as psutil measures it."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

FRESH_SECONDS: Final = 1.0
"""Two looks at the processors closer together than this say nothing: the first one's answer stands."""


@dataclass(frozen=True, slots=True)
class MachineUsage:
    """CPU and disk in percent, memory in MB, bytes over all network interfaces since the machine's start."""

    cpu_percent: float
    memory_mb: int
    disk_percent: float
    bytes_in: int
    bytes_out: int


class Machine:
    """Measures; the processors' load is that since the look before, the first one's since this object's making."""

    def __init__(self, folder: Path) -> None:
        """`folder` lies on the disk that counts."""
        self._folder = folder
        self._looked, self._times = time.monotonic(), _cpu_times()
        self._cpu_percent: float | None = None

    def usage(self) -> MachineUsage:
        """How it is now."""
        network: object = psutil.net_io_counters()  # None on a machine without any network
        return MachineUsage(
            cpu_percent=self._cpu(),
            memory_mb=psutil.virtual_memory().used >> 20,
            disk_percent=psutil.disk_usage(str(self._folder)).percent,
            bytes_in=getattr(network, "bytes_recv", 0),
            bytes_out=getattr(network, "bytes_sent", 0),
        )

    def _cpu(self) -> float:
        now = time.monotonic()
        if self._cpu_percent is not None and now - self._looked < FRESH_SECONDS:
            return self._cpu_percent
        times, before = _cpu_times(), self._times
        passed = times[1] - before[1]
        self._looked, self._times = now, times
        self._cpu_percent = round(100 * (times[0] - before[0]) / passed, 1) if passed > 0 else 0.0
        return self._cpu_percent


def _cpu_times() -> tuple[float, float]:
    """(busy, all) seconds of all processors since the machine's start."""
    times = psutil.cpu_times()
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total - times.idle - getattr(times, "iowait", 0.0), total
