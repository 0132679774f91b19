"""What a report says of an attempt that has ended. Pure."""

import os
import re
from dataclasses import dataclass

from idlegrid_node.sandbox.execution import Ending
from idlegrid_node.wire import Lease

ERROR_CHARACTERS = 16 * 1024
_TRACEBACK = "Traceback (most recent call last):"
_NODE_CAUSES = {"timeout": "timed_out", "cancelled": "cancelled", "shutdown": "returned"}


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
        outcome = _NODE_CAUSES.get(ending.cause, "failed")
        return Verdict(outcome, ending.cause, _sentence(ending, lease))
    exit_code = os.waitstatus_to_exitcode(ending.status or 0)
    if exit_code == 0:
        return Verdict("completed", exit_code=0)
    return Verdict("failed", "user_error", _own_error(ending.err.text(), exit_code), exit_code)


def result_text(text: str) -> str:
    """Return the standard output as the result: without its last newline."""
    return text.removesuffix("\n")


def _sentence(ending: Ending, lease: Lease) -> str:
    match ending.cause:
        case "timeout":
            return f"timeout: ran longer than {lease.timeout:g} s"
        case "memory_limit":
            return f"memory limit: used more than {lease.memory_mb} MB"
        case "output_limit":
            return "output limit: printed far more than the 1 MB that is kept"
        case "cancelled":
            return "cancelled: it was stopped while it ran"
        case "shutdown":
            return "returned: the node is shutting down"
        case _:
            return f"the sandbox failed: {ending.err.text().strip()[-ERROR_CHARACTERS:] or 'it ended by itself'}"


def _own_error(stderr: str, exit_code: int) -> str:
    start = stderr.rfind(_TRACEBACK)
    text = (stderr[start:] if start >= 0 else stderr[-ERROR_CHARACTERS:]).strip()
    if text and (start >= 0 or exit_code > 0):
        return text[-ERROR_CHARACTERS:]
    return f"killed by signal {-exit_code}" if exit_code < 0 else f"exit status {exit_code}"


def last_line(error: str | None) -> str:
    """Return an error's last line, for the log."""
    return re.split(r"\n", (error or "").strip())[-1][:200]
