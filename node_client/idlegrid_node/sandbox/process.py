"""One started sandbox: its pipes, and how it is stopped, continued and killed."""

import contextlib
import functools
import marshal
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from importlib import resources

from idlegrid_node.sandbox.bwrap import ENVIRONMENT, Interpreter, command

_SOURCE = resources.files(__package__).joinpath("inner.py").read_text("utf-8")
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
STOP, CONTINUE = b"s", b"c"


def program(python: Interpreter) -> str:
    """Return `inner.py` as text for `python -c`.

    An interpreter of our own version gets it compiled: that saves 1.2 ms of each start.
    """
    if python.version != VERSION:
        return _SOURCE
    compiled = marshal.dumps(compile(_SOURCE, "<sandbox>", "exec", optimize=2))
    return f"import marshal;exec(marshal.loads(bytes.fromhex('{compiled.hex()}')))"


@dataclass(frozen=True)
class Backend:
    """How code is started on this machine.

    `bwrap` is bubblewrap's path, or empty: then code runs as a plain process and is trusted (level 1).
    `uid` is the unprivileged user to become first (a node started as root), or None.
    """

    python: Interpreter
    bwrap: str = ""
    uid: int | None = None

    @functools.cached_property
    def program(self) -> str:
        """The supervisor, as text for `python -c`."""
        return program(self.python)

    @property
    def level(self) -> int:
        """3: isolated from files, network, processes; 1: limits only."""
        return 3 if self.bwrap else 1


class Guest:
    """A process tree that runs one job.

    It must be started by a thread that outlives it: bubblewrap's death signal follows the *thread* that
    started it. `out`, `err` and `report` are non-blocking descriptors to read; `control` is to write.
    """

    def __init__(self, backend: Backend, tmpfs_bytes: int, folder: str) -> None:
        report, report_inside = os.pipe()
        try:
            self._popen = _start(backend, tmpfs_bytes, folder, report_inside)
        except BaseException:
            os.close(report)
            raise
        finally:
            os.close(report_inside)
        stdin, stdout, stderr = self._popen.stdin, self._popen.stdout, self._popen.stderr
        assert stdin is not None and stdout is not None and stderr is not None  # noqa: S101, PT018 - for mypy
        self.pid = self._popen.pid
        self.control, self.out, self.err, self.report = stdin.fileno(), stdout.fileno(), stderr.fileno(), report
        for fd in (self.control, self.out, self.err, self.report):
            os.set_blocking(fd, False)
        _last_in_line(self.pid)

    def write(self, data: bytes) -> int:
        """Write to the control pipe as much as it takes now; a reader that is gone takes all."""
        try:
            return os.write(self.control, data)
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            return len(data)

    def kill(self) -> None:
        """Send SIGKILL to the sandbox; everything in it dies with it. Does not wait."""
        with contextlib.suppress(ProcessLookupError):
            if self._popen.poll() is None:
                os.kill(self.pid, signal.SIGKILL)

    def close(self) -> int:
        """Kill what is left, wait for its end, close the pipes; returns the exit status as `Popen` does."""
        self.kill()
        status = self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        with contextlib.suppress(OSError):
            os.close(self.report)
        return status


def _start(backend: Backend, tmpfs_bytes: int, folder: str, report: int) -> "subprocess.Popen[bytes]":
    python = backend.python
    inner = [python.executable, "-I", "-S", "-X", "utf8", "-c", backend.program, str(report)]
    sandbox = command(backend.bwrap, python, tmpfs_bytes) if backend.bwrap else []
    plain = {**ENVIRONMENT, "HOME": folder, "TMPDIR": folder}
    drop = backend.uid is not None
    return subprocess.Popen(
        [*sandbox, *inner],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        pass_fds=(report,),
        env={} if backend.bwrap else plain,
        cwd="/" if backend.bwrap else folder,
        start_new_session=not backend.bwrap,
        user=backend.uid,
        group=backend.uid,
        extra_groups=[] if drop else None,
    )


def _last_in_line(pid: int) -> None:
    """Make the guest the kernel's first victim when memory is short; raising the score needs no right."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "w") as file:
        file.write("1000")
