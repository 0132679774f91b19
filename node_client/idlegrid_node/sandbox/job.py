"""One job for the sandbox: what to run, and the limits that hold it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MIB = 2**20
MIN_ADDRESS_SPACE_MB = 2048
"""RLIMIT_AS counts reserved addresses, not memory (100 idle threads reserve 1.8 GB): a wide backstop only."""


@dataclass(frozen=True)
class Limits:
    """What a job may use. Memory in MB, file size in bytes; the rest are counts."""

    memory_mb: int = 512
    processes: int = 64
    files: int = 256
    file_bytes: int = 256 * MIB

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


def frame(job: Job) -> bytes:
    """Return the bytes that `inner.py` reads first from its stdin."""
    code = job.code.encode("utf-8", "surrogatepass")
    parameters = json.dumps(job.parameters).encode()
    limits = job.limits
    numbers = (limits.processes, limits.files, limits.file_bytes, limits.address_space)
    head = " ".join(map(str, (len(code), len(parameters), *numbers)))
    return head.encode() + b"\n" + code + parameters
