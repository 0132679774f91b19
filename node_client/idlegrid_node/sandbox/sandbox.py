"""One started sandbox, for one job: the same interface whatever shuts the code in.

warm --start--> running --stop--> stopped --resume--> running --(ends, or kill)--> close
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator

from idlegrid_node.errors import SandboxUnavailable
from idlegrid_node.sandbox import meter, release, scratch
from idlegrid_node.sandbox.backend import Backend, Kind
from idlegrid_node.sandbox.job import Job, Limits, frame
from idlegrid_node.sandbox.launch import Launched, launch, readable
from idlegrid_node.sandbox.report import Event, Line, ReportParser

STOP, CONTINUE, LEAVE, TAKEN, NOT_TAKEN = b"s", b"c", b"l", b"t", b"n"
CHUNK = 256 * 1024
OWN_TASKS = 4
"""Threads in the tree that are ours: the supervisor has three, and bubblewrap or the watcher of the disk is one."""
LEAVING_CPU = 0.05
"""Cores for code that was told to leave, where a control group holds them: the owner is there."""
LEAVE_SECONDS = 2.0
"""How long a supervisor may take to end what it has, and to clear up."""
FORK_HEADROOM = 8
"""How far the kernel lets a tree grow beyond its limit: what goes over is seen, and ended by name."""


class Sandbox:
    """A supervisor that waits for a job. By a thread that outlives it (see `launch`).

    Raises OSError or `SandboxUnavailable` when it cannot be started. `fds` are to be watched by who follows it.
    """

    def __init__(self, backend: Backend, disk_mb: int) -> None:
        self.backend = backend
        self.disk_mb = disk_mb
        self.ready = False
        self._closed = False
        self._init: _Init | None = None
        self._members: dict[int, None] = {}
        self._cpu = 0.0
        self._held_back = False
        self._pieces: Iterator[bytes | memoryview] = iter(())
        self._unsent = memoryview(b"")
        self._parser = ReportParser()
        with contextlib.ExitStack() as undo:
            self._uid = backend.users.take() if backend.users else None
            undo.callback(self._give_uid)
            self._folder = scratch.make(backend.kind is not Kind.BUBBLEWRAP, self._uid)
            undo.callback(scratch.remove, self._folder)
            self._group = backend.group()
            undo.callback(self._remove_group)
            self.fds: Launched = launch(backend, disk_mb, self._uid, self._folder)
            undo.pop_all()
        self.pid = self.fds.popen.pid
        self._manners = meter.LastInLine()
        meter.first_victim(self.pid)

    def wait_ready(self, seconds: float) -> None:
        """Wait until it can take a job at once. Raises `SandboxUnavailable` if it ends or is not in time."""
        if not self.ready:
            self.wait_for(b"ready", seconds)

    def wait_for(self, word: bytes, seconds: float) -> None:
        """Wait for a word of the supervisor. Raises `SandboxUnavailable` if it ends or is not in time."""
        deadline = time.monotonic() + seconds
        heard = False
        while not heard:
            if not readable(self.fds.report, deadline - time.monotonic()):
                raise SandboxUnavailable(f"the sandbox did not say {word.decode()!r} within {seconds:g} s")
            for event in self.read_report():
                self.heed(event)
                heard = heard or event == Line((word,))

    def heed(self, event: Event) -> None:
        """Take note of an event: `ready` means that all processes there are may be counted and pushed back."""
        match event:
            case Line((b"ready",)):
                self.ready = True
                if self.backend.kind is Kind.BUBBLEWRAP:
                    self._init = _init_of(self.pid)
                if self._group is not None:
                    self._group.add(list(meter.tree(self.pid)))
                self._manners.push_back(self.pid)
                self._manners.settle(self.pid)
            case Line((b"exit", *_)) if not self.ready:
                raise SandboxUnavailable(f"the sandbox ended before it was ready: {self.complaint()}")

    def read_report(self) -> list[Event]:
        """Return what the supervisor has said since the last call.

        Raises `SandboxUnavailable` when it is gone, or says what cannot be.
        """
        try:
            data = os.read(self.fds.report, CHUNK)
        except BlockingIOError:
            return []
        if not data:
            raise SandboxUnavailable(self.complaint())
        try:
            return list(self._parser.feed(data))
        except ValueError as error:
            raise SandboxUnavailable(f"its report makes no sense: {error}") from error

    def complaint(self) -> str:
        """Return what stands on its error stream, for a sandbox that never ran code."""
        with contextlib.suppress(BlockingIOError):
            return os.read(self.fds.err, CHUNK).decode("utf-8", "replace").strip()
        return ""

    def start(self, job: Job) -> None:
        """Hand it the job; `send` until it returns True."""
        limits = job.limits
        self._cpu = limits.cpu
        if self._group is not None:
            self._group.limit(limits.memory_mb, limits.processes + OWN_TASKS + FORK_HEADROOM, limits.cpu)
        shared = self.backend.kind is not Kind.BUBBLEWRAP and self._uid is None
        others = meter.tasks_of_user(os.geteuid()) if shared else 0
        self._pieces = frame(job, others + OWN_TASKS + FORK_HEADROOM)
        self.send()

    def send(self) -> bool:
        """Write what the pipe takes of the job; True when all of it is written, or may not be before it is ready.

        Code that ran before its processes are in the group would be outside of its limits, and so would its children.
        """
        if self._group is not None and not self.ready:
            return True
        try:
            while self._next_piece():
                self._unsent = self._unsent[os.write(self.fds.job, self._unsent) :]
        except BlockingIOError:
            return False
        except BrokenPipeError:
            self._pieces, self._unsent = iter(()), self._unsent[:0]
        return True

    def _next_piece(self) -> bool:
        """Have something to write; False when all is written."""
        while not self._unsent:
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._unsent = memoryview(piece)
        return True

    def stop(self) -> None:
        """Ask the supervisor to stop every process; it confirms with `stopped`."""
        self.fds.order(STOP)

    def stop_from_outside(self) -> bool:
        """Stop every process of the code without the supervisor's help; False if one of them goes on.

        The supervisor itself does not stand: it still carries out its orders, once it has its turn.
        """
        isolated = self.backend.kind is Kind.BUBBLEWRAP
        supervisor = (self._init.pid if self._init else None) if isolated else self.pid
        return supervisor is None or meter.stop_below(supervisor)

    def resume(self) -> None:
        """Ask the supervisor to let all go on; it confirms with `continued`."""
        self.fds.order(CONTINUE)

    def ask_to_leave(self) -> None:
        """Tell the code to leave, on what the owner does not notice; the supervisor confirms with `leaving`."""
        if self._group is not None:
            self._held_back = True
            self._group.hold_cpu(min(LEAVING_CPU, self._cpu))
        self.fds.order(LEAVE)

    def let_end(self) -> None:
        """Give it all its cores again: only its own end is left, and that is to be quick."""
        if self._group is not None and self._held_back:
            self._held_back = False
            self._group.hold_cpu(self._cpu)

    def answer(self, *, taken: bool) -> None:
        """Tell the supervisor what became of the checkpoint that it has sent."""
        self.fds.order(TAKEN if taken else NOT_TAKEN)

    def kill(self) -> None:
        """End everything. Does not wait; whoever can should `stop` first: it is a hundred times quicker."""
        if self.fds.popen.poll() is not None:
            return
        self.let_end()
        if self.backend.kind is not Kind.BUBBLEWRAP:
            # Nothing dies with its parent there: the supervisor ends, and reaps, all that came from it.
            self.fds.close_control()
        elif self._init is not None:
            self._init.kill()
        else:
            # Bubblewrap's child waits for ever if it loses its parent before it has asked to die with it.
            self._kill_each(meter.stopped_tree(self.pid))

    def _kill_each(self, pids: list[int]) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def usage(self) -> meter.Usage:
        """Return what it uses now, without what is ours. Never too low; see `over_memory`."""
        used = self._group.usage() if self._group is not None else meter.measure(self.pid)
        self._manners.push_back(self.pid)
        return meter.Usage(used.cpu_seconds, used.memory_mb, max(0, used.processes - OWN_TASKS))

    def over_memory(self, limits: Limits, used: meter.Usage) -> bool:
        """Tell whether it is over its memory: the kernel's word where it counts, else an exact look."""
        if self._group is not None:
            return self.killed_for_memory()
        return meter.memory_over(self.pid, limits.memory_mb, used)

    def killed_for_memory(self) -> bool:
        """Tell whether the kernel has killed anything of it for its memory."""
        return self._group is not None and self._group.out_of_memory

    def held_mb(self, allowed_mb: float) -> float:
        """Return the memory that it holds; looked at closely, at some cost, where it may be more than is allowed."""
        if self._group is not None:
            return self._group.usage().memory_mb
        # Its tree falls apart while it is killed, and is still there.
        self._members.update(dict.fromkeys(self._tree()))
        return meter.held_mb(list(self._members), allowed_mb)

    def release(self) -> None:
        """Free the memory of one that is being killed, at once."""
        living = self._group.processes() if self._group is not None else self._tree()
        release.kill(living)
        release.free([*living, *self._members])

    def _tree(self) -> list[int]:
        """Return its processes; none once its first is gone, whose pid may be another's then."""
        return self.pids() if self.fds.popen.returncode is None else []

    def reclaim(self, mb: float) -> float:
        """Let the kernel take so many MB back, and return how many it took; where it cannot be asked, none."""
        return 0.0 if self._group is None or self._closed else self._group.reclaim(mb)

    def pids(self) -> list[int]:
        """Return all its processes."""
        return list(meter.tree(self.pid))

    def is_alive(self) -> bool:
        """Tell whether it still waits or runs."""
        return self.fds.popen.poll() is None

    def close(self) -> None:
        """Kill what is left, wait for its end, and give back all that it had. Twice is once."""
        if self._closed:
            return
        self._closed = True
        self.kill()
        self._wait()
        self.fds.close_pipes()
        self._remove_group()
        scratch.remove(self._folder)
        self._give_uid()

    def _wait(self) -> None:
        """Wait for its end, for which it is given some time where it has to clear up itself."""
        try:
            if self._init is not None:
                self._init.wait(LEAVE_SECONDS)
            self.fds.popen.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill_each(meter.stopped_tree(self.pid))
            self.fds.popen.wait()

    def _remove_group(self) -> None:
        if self._group is not None:
            self._group.kill()
            self._group.remove()

    def _give_uid(self) -> None:
        if self.backend.users is not None and self._uid is not None:
            self.backend.users.give(self._uid)


class _Init:
    """The first process of a PID namespace: with it everything in there ends, and it ends last.

    Bubblewrap's own process ends sooner: its user's id must not be lent again by then.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._fd = os.pidfd_open(pid)

    def kill(self) -> None:
        """End all. Does not wait."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._fd, signal.SIGKILL)

    def wait(self, seconds: float) -> None:
        """Wait until nothing of it is left, so many seconds at most, and forget it."""
        readable(self._fd, seconds)
        os.close(self._fd)


def _init_of(pid: int) -> _Init | None:
    """Return the first process inside; None if it is gone: a short program may end before its start is heard of."""
    with contextlib.suppress(ProcessLookupError):
        for child in meter.children(pid):
            return _Init(child)
    return None
