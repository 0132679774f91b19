"""What a report says of an attempt that has ended. Pure."""

import os
import re
from dataclasses import dataclass

from idlegrid_node.sandbox.ending import Ending
from idlegrid_node.sandbox.job import Limits
from idlegrid_node.wire import Lease

ERROR_CHARACTERS = 16 * 1024
_TRACEBACK = "Traceback (most recent call last):"
_OUTCOMES = {
    "timeout": "timed_out",
    "cancelled": "cancelled",
    "shutdown": "returned",
    # The code did nothing wrong: another node may see it through.
    "sandbox_failed": "crashed",
    "host_memory_floor": "crashed",
}
_LAST_WORDS = (
    (re.compile(r"\[Errno (28|27|122)\]"), "disk_limit"),  # ENOSPC, EFBIG, EDQUOT
    (re.compile(r"\[Errno 11\]|can't start new thread"), "process_limit"),
    (re.compile(r"\[Errno 12\]|^MemoryError"), "memory_limit"),
)
"""How Python's last line tells that the code ran into a limit that refuses rather than kills."""
_SHELLS_LAST_WORDS = (
    (re.compile(r"No space left on device$|File too large$|Disk quota exceeded$"), "disk_limit"),
    (re.compile(r"Cannot fork$|Resource temporarily unavailable$"), "process_limit"),
    (re.compile(r"Cannot allocate memory$|Out of space$"), "memory_limit"),
)
"""The same of a shell and the programs it starts, as the C library words it (dash has `Cannot fork` of its own)."""


@dataclass(frozen=True)
class Verdict:
    """A report's `outcome`, `reason`, `error` and `exit_code` (negative: the signal that killed it)."""

    outcome: str
    reason: str = ""
    error: str | None = None
    exit_code: int | None = None


def judge(ending: Ending, lease: Lease) -> Verdict:
    """Say how the attempt went."""
    if ending.cause.startswith("evicted:"):
        return Verdict("evicted", ending.cause.removeprefix("evicted:"), "the owner of the machine came back")
    if ending.cause:
        outcome = _OUTCOMES.get(ending.cause, "failed")
        return Verdict(outcome, ending.cause, _sentence(ending, lease))
    exit_code = os.waitstatus_to_exitcode(ending.status or 0)
    if exit_code == 0:
        return Verdict("completed", exit_code=0)
    error = _own_error(ending.err.text(), exit_code)
    return Verdict("failed", _refused_by(error, lease), error, exit_code)


def result_text(text: str) -> str:
    """Return the standard output as the result: without its last newline."""
    return text.removesuffix("\n")


def _refused_by(error: str, lease: Lease) -> str:
    """Return the limit that a traceback, or a shell's complaint, ends with, or `user_error`."""
    if _TRACEBACK not in error and lease.task_type != "shell":
        return "user_error"
    words = _LAST_WORDS if _TRACEBACK in error else _SHELLS_LAST_WORDS
    return next((limit for sign, limit in words if sign.search(last_line(error))), "user_error")


def _sentence(ending: Ending, lease: Lease) -> str:
    limits = Limits(memory_mb=lease.memory_mb, cpu=lease.cpu, timeout=lease.timeout)
    sentences = {
        "timeout": f"timeout: ran longer than {lease.timeout:g} s",
        "cpu_limit": f"CPU limit: used more than {limits.cpu_seconds:g} s of CPU time ({lease.cpu:g} cores for"
        f" {lease.timeout:g} s)",
        "memory_limit": f"memory limit: used more than {lease.memory_mb} MB",
        "process_limit": f"process limit: started more than {limits.processes} processes and threads",
        "output_limit": "output limit: printed far more than the 1 MB that is kept",
        "disk_limit": f"disk limit: wrote more than {limits.disk_mb} MB",
        "host_memory_floor": "host memory floor: the machine itself ran short of memory",
        "cancelled": "cancelled: it was stopped while it ran",
        "shutdown": "returned: the node is shutting down",
    }
    said = ending.complaint or ending.err.text().strip()[-ERROR_CHARACTERS:] or "it ended by itself"
    return sentences.get(ending.cause, f"the sandbox failed: {said}")


def _own_error(stderr: str, exit_code: int) -> str:
    start = stderr.rfind(_TRACEBACK)
    text = (stderr[start:] if start >= 0 else stderr[-ERROR_CHARACTERS:]).strip()
    if text and (start >= 0 or exit_code > 0):
        return text[-ERROR_CHARACTERS:]
    return f"killed by signal {-exit_code}" if exit_code < 0 else f"exit status {exit_code}"


def last_line(error: str | None) -> str:
    """Return an error's last line, for the log."""
    return re.split(r"\n", (error or "").strip())[-1][:200]
