"""Starting a sandbox's process: its command line, its environment, its descriptors, its user."""

import contextlib
import os
import platform
import select
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from idlegrid_node.errors import SandboxUnavailable
from idlegrid_node.sandbox import seccomp
from idlegrid_node.sandbox.backend import Backend, Kind
from idlegrid_node.sandbox.bwrap import ENVIRONMENT, KEYRINGS, PACKAGES_INSIDE, Interpreter, command
from idlegrid_node.sandbox.job import MIB


@dataclass
class Launched:
    """A started process and our ends of its pipes, all non-blocking.

    `out`, `err` and `report` are to read; `job` (the process's stdin) and `control` are to write.
    """

    popen: "subprocess.Popen[bytes]"
    job: int
    control: int
    out: int
    err: int
    report: int
    under_control: bool = True

    def order(self, order: bytes) -> None:
        """Write an order, unless it is over."""
        if self.under_control:
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(self.control, order)

    def close_control(self) -> None:
        """Close the pipe for orders: the supervisor ends everything. Twice is once."""
        if self.under_control:
            self.under_control = False
            os.close(self.control)

    def close_pipes(self) -> None:
        """Close our ends, once."""
        for pipe in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self.close_control()
        os.close(self.report)


def readable(fd: int, seconds: float) -> bool:
    """Wait until there is something to read, so many seconds at most; however high the descriptor's number."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(max(0.0, seconds) * 1000))


def launch(backend: Backend, disk_mb: int, uid: int | None, folder: str) -> Launched:
    """Start the supervisor, with room for `disk_mb` of files, as the user `uid`, in `folder`.

    By a thread that outlives the sandbox: bubblewrap's death signal follows the *thread* that started it
    (PR_SET_PDEATHSIG, prctl(2)). Raises OSError when it cannot be started.
    """
    report, report_inside = os.pipe()
    control_inside, control = os.pipe()
    try:
        popen = _start(backend, disk_mb, uid, folder, (report_inside, control_inside))
    except BaseException:
        os.close(report)
        os.close(control)
        raise
    finally:
        os.close(report_inside)
        os.close(control_inside)
    stdin, stdout, stderr = popen.stdin, popen.stdout, popen.stderr
    assert stdin is not None and stdout is not None and stderr is not None  # noqa: S101, PT018 - for mypy
    launched = Launched(popen, stdin.fileno(), control, stdout.fileno(), stderr.fileno(), report)
    for fd in (launched.job, control, launched.out, launched.err, report):
        os.set_blocking(fd, False)
    return launched


def _start(
    backend: Backend, disk_mb: int, uid: int | None, folder: str, pipes: tuple[int, int]
) -> "subprocess.Popen[bytes]":
    isolated = backend.kind is Kind.BUBBLEWRAP
    watched_bytes = 0 if isolated else disk_mb * MIB
    packages = PACKAGES_INSIDE if backend.packages and isolated else backend.packages
    arguments = [*map(str, (*pipes, watched_bytes)), packages, ",".join(backend.preload)]
    text, program_fd = backend.program
    inner = [backend.python.executable, "-I", "-S", "-X", "utf8", "-c", text, *arguments]
    passed = (*pipes, program_fd)
    if not isolated:
        environment = {**ENVIRONMENT, **_libraries(backend.python), "HOME": folder, "TMPDIR": folder}
        return _spawn(inner, uid, passed, environment, folder, new_session=True)
    with _filter() as filter_fd:
        hidden = filter(os.path.exists, KEYRINGS)
        sandbox = command(backend.bwrap, backend.python, disk_mb * MIB, filter_fd, backend.packages, hidden)
        return _spawn([*sandbox, *inner], uid, (*passed, filter_fd), {}, "/", new_session=False)


def _libraries(python: Interpreter) -> dict[str, str]:
    """An interpreter that is shown elsewhere than it was built for would load the system's library."""
    return {} if python.home.startswith("/usr") else {"LD_LIBRARY_PATH": f"{python.home}/lib"}


def _spawn(
    words: list[str], uid: int | None, passed: tuple[int, ...], environment: dict[str, str], folder: str, *,
    new_session: bool,
) -> "subprocess.Popen[bytes]":  # fmt: skip
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
def _filter() -> Iterator[int]:
    """Yield a descriptor to read the system-call filter from: each start needs its own, it is read to its end."""
    program = seccomp.program(seccomp.Profile.ISOLATED)
    if not program:
        raise SandboxUnavailable(f"no system calls are known for {platform.machine()}: there is no filter for it")
    source, sink = os.pipe()
    try:
        os.write(sink, program)
        os.close(sink)
        yield source
    finally:
        os.close(source)
