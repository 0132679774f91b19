"""One job for the sandbox: what to run, and the limits that hold it."""

import json
import marshal
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from idlegrid_node.sandbox.cores import budget

MIB = 2**20
MIN_ADDRESS_SPACE_MB = 2048
"""RLIMIT_AS counts reserved addresses, not memory (100 idle threads reserve 1.8 GB): a wide backstop only."""
DISK_MB = 256
"""Room for files of a run of the usual size; what lies there counts as its memory too."""
CPU_BACKSTOP_SECONDS = 5
"""The kernel's own limit per process lies so far beyond the watcher's: what it ends has no name."""
WORDS_FORMAT = 2
"""A version of `marshal` that every Python reads: the interpreter inside may be older than ours."""


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


class Way(StrEnum):
    """The ways to run a job."""

    CODE = "code"
    FILE = "file"
    SHELL = "shell"


@dataclass(frozen=True)
class FileIn:
    """A file that lies in the working folder before the code starts. `name` is relative, and may have folders."""

    name: str
    content: bytes | memoryview


@dataclass(frozen=True)
class Job:
    """What to run, by its `way`: Python `code`, or the Python file or the shell's command that is first in `argv`.

    With its parameters, its limits and its files.
    """

    code: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    way: Way = Way.CODE
    argv: Sequence[str] = ("-c",)
    files: Sequence[FileIn] = ()


def frame(job: Job, others: int = 0) -> Iterator[bytes | memoryview]:
    """Yield the bytes that `child.py` reads from its stdin: the job at once, then its files, none of them copied.

    `others` are processes of the same user outside, where the kernel counts them together with the job's.
    """
    code = job.code.encode("utf-8", "surrogatepass")
    parameters = json.dumps(job.parameters).encode()
    words = marshal.dumps([str(job.way), *job.argv], WORDS_FORMAT)
    limits = job.limits
    numbers = (
        limits.processes + others,
        limits.files,
        limits.disk_mb * MIB,
        limits.address_space,
        math.ceil(limits.cpu_seconds) + CPU_BACKSTOP_SECONDS,
    )
    head = " ".join(map(str, (len(code), len(parameters), len(words), len(job.files), *numbers)))
    yield b"".join((head.encode(), b"\n", code, parameters, words))
    for file in job.files:
        name = file.name.encode()
        yield b"%d %d\n" % (len(file.content), len(name)) + name
        yield file.content
