"""One job's life in a sandbox: started, fed, read, measured, frozen and thawed, ended.

Everything happens in the one thread that calls `run`; other threads ask for things through a pipe.
The wall clock stands while the job is frozen, and so does its CPU clock: nothing of it runs.
"""

import contextlib
import os
import selectors
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from idlegrid_node.errors import SandboxUnavailable
from idlegrid_node.sandbox.checkpoint import Checkpoints
from idlegrid_node.sandbox.ending import Ending
from idlegrid_node.sandbox.files import FilesOut
from idlegrid_node.sandbox.freezer import Freezer
from idlegrid_node.sandbox.job import FileIn, Job
from idlegrid_node.sandbox.launch import readable
from idlegrid_node.sandbox.limits import Watcher
from idlegrid_node.sandbox.meter import Usage
from idlegrid_node.sandbox.notice import Notice
from idlegrid_node.sandbox.report import Event, FileBegins, FileBytes, Line, Piece
from idlegrid_node.sandbox.sandbox import Sandbox
from idlegrid_node.stopwatch import Stopwatch

START_SECONDS = 60.0
"""How long a sandbox may take to be ready and to begin; its code's own time has not begun then."""
COLLECT_SECONDS = 30.0
"""How long the files that were left may take to come."""
KILL_ACK_SECONDS = 0.1
CHUNK = 64 * 1024

Sink = Callable[[str, bytes], None]


class Execution:
    """Runs `job` once, in what `open_sandbox` gives. `run` blocks in one thread; any other may call the rest.

    `watcher` looks at the limits; `files` receives what the code leaves, `checkpoints` what it keeps for its next
    attempt (None: nothing is kept).
    """

    def __init__(
        self,
        open_sandbox: Callable[[], Sandbox],
        job: Job,
        watcher: Watcher,
        files: FilesOut,
        *,
        checkpoints: Checkpoints | None = None,
        sink: Sink | None = None,
        changed: Callable[[], None] | None = None,
    ) -> None:
        self._open_sandbox = open_sandbox
        self._job = job
        self._watcher = watcher
        self._files = files
        self._checkpoints = checkpoints
        self._sink = sink or (lambda _stream, _data: None)
        self._changed = changed or (lambda: None)
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._freezer = Freezer()
        self._stop_cause = ""
        self._notice = Notice()
        self._closed = False
        self._watch = Stopwatch(0.0)
        self._watch.pause(0.0)
        self._stand_by = 0.0
        self._done = False
        self.ending = Ending()

    @property
    def frozen(self) -> bool:
        """Whether every process of the job stands still."""
        return self._freezer.stands

    def freeze(self, cause: str = "evicted") -> None:
        """Stop every process of the job; if that cannot be had at once it is killed, and `cause` is why."""
        self._freezer.freeze(cause)
        self._wake()

    def thaw(self) -> None:
        """Let the job go on."""
        self._freezer.thaw()
        self._wake()

    def stop(self, cause: str) -> None:
        """Kill the job; the first cause given stays."""
        self._stop_cause = self._stop_cause or cause
        self._wake()

    def evict(self, cause: str, grace_s: float) -> None:
        """Tell the job to leave, and kill what is left of it after `grace_s` seconds; it ends with `cause`.

        One-way: it goes on if it was frozen, and is not frozen again. Said again it can only get shorter. A job that
        has not begun is stopped.
        """
        self._notice.give(cause, time.monotonic() + grace_s)
        self._wake()

    def run(self, files: Sequence[FileIn] = ()) -> Ending:
        """Start the job, with more `files` before it, and follow it to its end.

        Afterwards `close` must be called by the same thread. What was stopped before is not started.
        """
        self.ending.cause = self._stop_cause or self._notice.cause
        try:
            if not self._over():
                self._sandbox = self._open_sandbox()
                self._begin(files)
                self._follow()
        except (OSError, SandboxUnavailable) as error:
            self._broken(str(error))
        self.ending.wall_seconds = self._watch.elapsed(time.monotonic())
        self.ending.used = self._watcher.used
        self._files.cut_off()
        if self._checkpoints is not None:
            self._checkpoints.cut_off()
        self.ending.files_left_out += self._files.left_out
        return self.ending

    def usage(self) -> Usage:
        """Return what the job uses, as last measured: its peaks of memory and processes."""
        return self._watcher.used

    def held_mb(self, allowed_mb: float) -> float:
        """Return the memory that the job holds now (see `Sandbox.held_mb`)."""
        sandbox = getattr(self, "_sandbox", None)
        return sandbox.held_mb(allowed_mb) if sandbox is not None else 0.0

    def reclaim(self, mb: float) -> float:
        """Let the kernel take memory of a job that stands, and return how many MB it took. Waits for it."""
        return self._sandbox.reclaim(mb) if self.frozen else 0.0

    def release(self) -> None:
        """Free the memory of a job that is being killed, at once: on a busy machine it is slow to die."""
        sandbox = getattr(self, "_sandbox", None)
        if sandbox is not None and self._over():
            sandbox.release()

    def elapsed(self) -> float:
        """Return its running time in seconds so far, without the time frozen."""
        return self._watch.elapsed(time.monotonic())

    def close(self) -> None:
        """Wait until no process of the job is left."""
        sandbox = getattr(self, "_sandbox", None)
        if sandbox is not None:
            sandbox.close()
        if not self._closed:
            self._closed = True
            self._watcher.close()
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake anyway; closed: it is over
            os.write(self._wake_write, b"!")

    def _begin(self, files: Sequence[FileIn]) -> None:
        self._fds = self._sandbox.fds
        self._stand_by = time.monotonic() + START_SECONDS
        self._sandbox.start(replace(self._job, files=files) if files else self._job)

    def _follow(self) -> None:
        fds = self._fds
        with selectors.DefaultSelector() as self._selector:
            for fd in (fds.out, fds.err, fds.report, self._wake_read):
                self._selector.register(fd, selectors.EVENT_READ)
            self._send()
            while not self._over():
                self._turn()
            self._drain()

    def _over(self) -> bool:
        return bool(self.ending.cause) or self._done

    def _turn(self) -> None:
        """Wait for the next thing to happen and deal with it."""
        ready = {key.fd for key, _ in self._selector.select(self._patience())}
        for fd in (self._fds.out, self._fds.err):
            if fd in ready:
                self._read(fd)
        if self._fds.report in ready:
            for event in self._sandbox.read_report():
                self._heed(event)
        if self._fds.job in ready:
            self._send()
        if self._wake_read in ready:
            os.read(self._wake_read, CHUNK)
        if not self._over():
            self._obey()
            self._look_at_limits(time.monotonic())

    def _patience(self) -> float:
        """Return the seconds until something has to be looked at, whatever happens."""
        now = time.monotonic()
        moments = [self._stand_by] if self._waits else []
        if not self.frozen and not self._waits:
            moments += [self._watcher.due, now + self._job.limits.timeout - self._watch.elapsed(now)]
        return max(0.0, min(*moments, self._freezer.ack_by, self._notice.by, now + 60.0) - now)

    @property
    def _waits(self) -> bool:
        """Whether the next word is the supervisor's: the code has not begun, or has ended."""
        return not self.ending.begun or self.ending.status is not None

    def _read(self, fd: int) -> bool:
        """Take what the pipe holds; False when there is nothing (more)."""
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return False
        if not data:
            # The end of output is not the end of the code: the process itself is followed.
            with contextlib.suppress(KeyError):
                self._selector.unregister(fd)
            return False
        stream, capture = ("stdout", self.ending.out) if fd == self._fds.out else ("stderr", self.ending.err)
        kept = capture.add(data)
        if kept:
            self._sink(stream, kept)
        return True

    def _drain(self) -> None:
        """Take what the code printed before it ended; a descendant that still prints is not waited for."""
        for fd, capture in ((self._fds.out, self.ending.out), (self._fds.err, self.ending.err)):
            while not capture.truncated and self._read(fd):
                pass

    def _heed(self, event: Event) -> None:
        self._sandbox.heed(event)
        match event:
            case Line(words):
                self._sensible(lambda: self._hear(words))
            case FileBegins(name, size):
                self._files.begin(name, size)
            case FileBytes(data):
                self._files.add(data)
            case Piece(data):
                self._sensible(lambda: self._keep(data))

    def _sensible(self, take: Callable[[], None]) -> None:
        try:
            take()
        except ValueError as error:
            raise SandboxUnavailable(f"its report makes no sense: {error}") from error

    def _hear(self, words: tuple[bytes, ...]) -> None:
        match words:
            case (b"ready",):
                self._send()
            case (b"begun",):
                self._begun(time.monotonic())
            case (b"stopped" | b"continued" as word,):
                self._answered(frozen=word == b"stopped")
            case (b"leaving",):
                self._leaves()
            case (b"checkpoint" | b"whole" | b"unfit", *_):
                self._hear_of_checkpoint(words)
            case (b"full",):
                self._end("disk_limit")
            case (b"exit", status, cpu, peak):
                self._exited(int(status), float(cpu), int(peak) / 1024)
            case (b"end", left_out):
                self._ended(int(left_out))
            case _:
                raise SandboxUnavailable(f"its report makes no sense: {words!r}")

    def _begun(self, now: float) -> None:
        self.ending.begun = True
        self._watch.go_on(now)
        self._watcher.begin(self._sandbox, now)

    def _ended(self, left_out: int) -> None:
        self._files.end()
        self.ending.files_left_out += left_out
        if self._notice.heard:
            self.ending.cause = self._notice.cause
        self._done = True

    def _leaves(self) -> None:
        self._notice.heard = True
        self._stands(frozen=False)

    def _keep(self, data: bytes) -> None:
        if self._checkpoints is not None:
            self._checkpoints.add(data)

    def _hear_of_checkpoint(self, words: tuple[bytes, ...]) -> None:
        last = self.ending.status is not None
        taken = self._checkpoints is not None and self._checkpoints.hear(words, last=last)
        if words == (b"whole",) and not last:
            self._sandbox.answer(taken=taken)

    def _exited(self, status: int, cpu_seconds: float, peak_mb: float) -> None:
        if not self.ending.begun:
            raise SandboxUnavailable("it ended before it began")
        now = time.monotonic()
        self.ending.status = status
        self._watch.pause(now)
        self._stand_by = now + COLLECT_SECONDS
        self._freezer.await_nothing()
        cause = self._watcher.exited(cpu_seconds, peak_mb)
        if self._notice.heard:
            self._sandbox.let_end()  # what it left is worth having, however it ended
        elif cause:  # also when the code outlived a child: whether the watcher saw it first must not matter
            self._end(cause)

    def _answered(self, *, frozen: bool) -> None:
        if self._freezer.answered():
            self._stands(frozen=frozen)

    def _stands(self, *, frozen: bool) -> None:
        if self._waits or not self._freezer.settle(still=frozen):
            return
        clock = self._watch.pause if frozen else self._watch.go_on
        clock(time.monotonic())
        self._watcher.stands(frozen=frozen)
        self._changed()

    def _obey(self) -> None:
        if self._stop_cause:
            self._end(self._stop_cause)
        elif self._notice.cause:
            self._show_out()
        elif not self._waits and (still := self._freezer.next_order(time.monotonic())) is not None:
            self._sandbox.stop() if still else self._sandbox.resume()

    def _overdue(self) -> None:
        """The supervisor may be waiting for its turn on a busy processor: it stands all the same, whoever stops it."""
        if self._freezer.told_to_stop and self._sandbox.stop_from_outside():
            self._stands(frozen=True)
        else:
            self._end(self._freezer.cause)

    def _show_out(self) -> None:
        """Tell it to leave, once; what has not begun has nothing to save."""
        if not self.ending.begun:
            self._end(self._notice.cause)
        elif not self._notice.given and not self._waits:
            self._notice.given = True
            self._freezer.await_nothing()
            self._sandbox.ask_to_leave()

    def _send(self) -> None:
        """Write what the job's pipe takes; be called again when it takes more."""
        done = self._sandbox.send()
        registered = self._fds.job in self._selector.get_map()
        if not done and not registered:
            self._selector.register(self._fds.job, selectors.EVENT_WRITE)
        elif registered and done:
            self._selector.unregister(self._fds.job)

    def _look_at_limits(self, now: float) -> None:
        if now >= self._freezer.ack_by:
            self._overdue()
        elif now >= self._notice.by:
            self._end(self._notice.cause)
        elif self._waits:
            # It may be we who were kept waiting, by the kernel: what it has said meanwhile counts.
            if now >= self._stand_by and not readable(self._fds.report, 0.0):
                raise SandboxUnavailable("it did not begin in time" if not self.ending.begun else "its end is missing")
        elif self.ending.out.flooded or self.ending.err.flooded:
            self._end("output_limit")
        elif self.frozen:
            return
        elif self._watch.elapsed(now) >= self._job.limits.timeout:
            self._end("timeout")
        elif now >= self._watcher.due and (cause := self._watcher.look(now)):
            self._end(cause)

    def _broken(self, complaint: str) -> None:
        """The sandbox is gone or never came; if it was the kernel that ended it, that was for its memory."""
        if not self._over():
            # Before any code ran its error stream is the sandbox's own; most of it may have been read already.
            said = "" if self.ending.begun else self.ending.err.text().strip()
            self.ending.complaint = said or complaint
            self._end(self._watcher.exited(0.0, 0.0) or "sandbox_failed")

    def _end(self, cause: str) -> None:
        """Kill everything: stopped first, because a killer that competes with busy processes takes seconds.

        What breaks a limit on its way out was evicted all the same.
        """
        if self._over():
            return
        self.ending.cause = self._notice.cause if self._notice.given and not self._stop_cause else cause
        sandbox = getattr(self, "_sandbox", None)
        if sandbox is None:
            return
        if not self.frozen and not self._waits:
            sandbox.stop()
            readable(self._fds.report, KILL_ACK_SECONDS)
            self._watcher.take_note()
        sandbox.kill()
