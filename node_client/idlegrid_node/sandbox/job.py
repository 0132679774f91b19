"""One job for the sandbox: what to run, and the limits that hold it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from idlegrid_node.sandbox.cores import budget

MIB = 2**20
MIN_ADDRESS_SPACE_MB = 2048
"""RLIMIT_AS counts reserved addresses, not memory (100 idle threads reserve 1.8 GB): a wide backstop only."""
DISK_MB = 256
"""Room for files of a run of the usual size; what lies there counts as its memory too."""
CPU_BACKSTOP_SECONDS = 5
"""The kernel's own limit per process lies so far beyond the watcher's: what it ends has no name."""


def disk_mb(memory_mb: int) -> int:
    """Return the room for files in MB: half the run's memory, but DISK_MB for the small ones."""
    return max(DISK_MB, memory_mb // 2)


@dataclass(frozen=True)
class Limits:
    """What a job may use. Memory in MB, times in seconds (`timeout` does not count time frozen), cpu in cores."""

    memory_mb: int = 512
    cpu: float = 1.0
    timeout: float = 300.0
    processes: int = 64
    files: int = 256

    @property
    def disk_mb(self) -> int:
        """Room for files in MB."""
        return disk_mb(self.memory_mb)

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all processes together: the cores asked for, over the whole timeout."""
        return budget(self.cpu, self.timeout)

    @property
    def address_space(self) -> int:
        """Bytes of address space: twice the memory limit, but never too few for threads."""
        return max(2 * self.memory_mb, MIN_ADDRESS_SPACE_MB) * MIB


@dataclass(frozen=True)
class Job:
    """Python code, its parameters and its limits."""

    code: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


def frame(job: Job, others: int = 0) -> bytes:
    """Return the bytes that `inside.py` reads from its stdin.

    `others` are processes of the same user outside, where the kernel counts them together with the job's.
    """
    code = job.code.encode("utf-8", "surrogatepass")
    parameters = json.dumps(job.parameters).encode()
    limits = job.limits
    numbers = (
        limits.processes + others,
        limits.files,
        limits.disk_mb * MIB,
        limits.address_space,
        math.ceil(limits.cpu_seconds) + CPU_BACKSTOP_SECONDS,
    )
    head = " ".join(map(str, (len(code), len(parameters), *numbers)))
    return head.encode() + b"\n" + code + parameters
