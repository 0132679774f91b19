"""Child processes: each leads its own process group, writes into a pipe of ours, and cannot outlive us."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from idlegrid_server.up.stopping import Stage

PR_SET_PDEATHSIG = 1
"""linux/prctl.h: the signal a process gets when the thread that made it ends."""

PR_SET_CHILD_SUBREAPER = 36
"""linux/prctl.h: orphans among our descendants become our children, not init's."""

LINUX = sys.platform == "linux"
_PRCTL = ctypes.CDLL(None, use_errno=True).prctl if LINUX else None


def _nothing(failures: int) -> None:
    """Most children need no preparation."""


@dataclass(frozen=True)
class ChildSpec:
    """What to start: `argv` with `env` on top of our environment, once every condition in `needs` holds.

    `prepare` is called before every start with the number of quick ends in a row. Without an `essential` child
    the grid cannot be brought up.
    """

    name: str
    argv: Sequence[str]
    stage: Stage
    env: Mapping[str, str] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    essential: bool = False
    prepare: Callable[[int], None] = _nothing


@dataclass(frozen=True)
class Spawned:
    """A started child and the reading end of the pipe that its output and errors go to."""

    popen: subprocess.Popen[bytes]
    output: int

    def has_ended(self) -> bool:
        """Whether it has ended; until `clear_away` its number stays its own."""
        return os.waitid(os.P_PID, self.popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def clear_away(self) -> int:
        """End what it left in its group, so that its successor is alone; returns its exit status."""
        self.signal_group(signal.SIGKILL)
        return self.popen.wait()

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the child and what it has started, as far as that stayed in its group."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)


def spawn(spec: ChildSpec) -> Spawned:
    """Start a child. Raises OSError when its program cannot be started.

    Call it from the main thread, and with no other thread running: Linux ties the parent's death to the
    thread, and code between fork and exec must not wait for a lock that another thread held.
    """
    reader, writer = os.pipe()
    try:
        popen = subprocess.Popen(
            list(spec.argv),
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            env=os.environ | spec.env,
            process_group=0,
            preexec_fn=_die_with(os.getpid()) if LINUX else None,
        )
    except OSError:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    os.set_blocking(reader, False)
    return Spawned(popen, reader)


def adopt_orphans() -> None:
    """Become the parent of every orphan among our descendants, so that `end_orphans` finds them (Linux)."""
    if _PRCTL is not None:
        _PRCTL(PR_SET_CHILD_SUBREAPER, 1)


def end_orphans() -> None:
    """Kill whatever our children left behind; all our children must have been waited for."""
    while orphans := _children():
        for pid in orphans:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _die_with(parent: int) -> Callable[[], None]:
    def between_fork_and_exec() -> None:
        # SIGKILL: nobody is left who would wait, and every part of a grid survives it.
        if _PRCTL is not None:
            _PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return between_fork_and_exec


def _children() -> list[int]:
    if not LINUX:
        return []
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _is_ours(entry)]


def _is_ours(entry: Path) -> bool:
    try:
        stat = (entry / "stat").read_text(errors="replace")
    except OSError:
        return False
    # proc(5): the name stands in brackets and may hold anything, so what follows the last one is counted.
    return int(stat.rpartition(")")[2].split()[1]) == os.getpid()
