"""One started sandbox: its pipes, and how it is stopped, continued and killed."""

import contextlib
import functools
import marshal
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

from idlegrid_node.sandbox import meter, seccomp
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
        self._sandboxed = bool(backend.bwrap)
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
        """Send SIGKILL to the sandbox; everything in it dies with it. Does not wait.

        Without a sandbox nothing dies by itself: there the processes are looked for, one by one.
        """
        if self._popen.poll() is not None:
            return
        for pid in [self.pid] if self._sandboxed else list(meter.tree(self.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

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
    if not backend.bwrap:
        environment = {**ENVIRONMENT, "HOME": folder, "TMPDIR": folder}
        return _spawn(inner, backend.uid, (report,), environment, folder, new_session=True)
    with _filter() as filter_fd:
        sandbox = command(backend.bwrap, python, tmpfs_bytes, filter_fd)
        passed = (report,) if filter_fd is None else (report, filter_fd)
        return _spawn([*sandbox, *inner], backend.uid, passed, {}, "/")


def _spawn(
    words: list[str],
    uid: int | None,
    passed: tuple[int, ...],
    environment: dict[str, str],
    folder: str,
    *,
    new_session: bool = False,
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        pass_fds=passed,
        env=environment,
        cwd=folder,
        start_new_session=new_session,
        user=uid,
        group=uid,
        extra_groups=None if uid is None else [],
    )


@contextlib.contextmanager
def _filter() -> Iterator[int | None]:
    """Yield a descriptor to read the system-call filter from, once; None where there is no filter."""
    program = seccomp.program()
    if not program:
        yield None
        return
    source, sink = os.pipe()
    try:
        os.write(sink, program)
        os.close(sink)
        yield source
    finally:
        os.close(source)


def _last_in_line(pid: int) -> None:
    """Make the guest the kernel's first victim when memory is short; raising the score needs no right."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "w") as file:
        file.write("1000")
