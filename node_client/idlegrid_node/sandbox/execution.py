"""One job from start to end in one sandbox: output, limits, freezing, killing. One thread, one loop."""

import contextlib
import os
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from idlegrid_node.output import Capture
from idlegrid_node.sandbox import meter
from idlegrid_node.sandbox.job import Job, frame
from idlegrid_node.sandbox.process import CONTINUE, STOP, Backend, Guest
from idlegrid_node.stopwatch import Stopwatch

METER_SECONDS = 0.05
"""How often memory is looked at; a desktop fills up to 0.5 GB in it."""
ACK_SECONDS = 0.3
"""How long the inside may take to say that everything stands; then it is killed instead."""
THAW_ACK_SECONDS = 30.0
KILL_ACK_SECONDS = 0.1
CHUNK = 64 * 1024

Sink = Callable[[str, bytes], None]


@dataclass
class Ending:
    """How a job ended.

    `cause` is empty when the code ended by itself, with `status` as os.wait() gives it. Else the node ended
    it: `timeout`, `memory_limit`, `output_limit`, `sandbox_failed`, or what was given to `stop`.
    """

    cause: str = ""
    status: int | None = None
    out: Capture = field(default_factory=Capture)
    err: Capture = field(default_factory=Capture)
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    max_memory_mb: float = 0.0


class Execution:
    """Runs `job` once. `run` blocks in one thread; the other methods may be called by any other."""

    def __init__(
        self,
        backend: Backend,
        job: Job,
        timeout: float,
        *,
        folder: str = "/",
        sink: Sink | None = None,
        changed: Callable[[], None] | None = None,
    ) -> None:
        self._backend = backend
        self._job = job
        self._timeout = timeout
        self._folder = folder
        self._sink = sink or (lambda _stream, _data: None)
        self._changed = changed or (lambda: None)
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._want_frozen = False
        self._freeze_cause = "evicted"
        self._stop_cause = ""
        self._closed = False
        self.frozen = False
        self.ending = Ending()

    def freeze(self, cause: str = "evicted") -> None:
        """Stop every process of the job; if that cannot be had at once it is killed, and `cause` is why."""
        self._freeze_cause, self._want_frozen = cause, True
        self._wake()

    def thaw(self) -> None:
        """Let the job go on."""
        self._want_frozen = False
        self._wake()

    def stop(self, cause: str) -> None:
        """Kill the job; the first cause given stays."""
        self._stop_cause = self._stop_cause or cause
        self._wake()

    def run(self) -> Ending:
        """Start the job and follow it to its end; afterwards `close` must be called by the same thread."""
        self._watch = Stopwatch(time.monotonic())
        try:
            self._guest = Guest(self._backend, self._job.limits.memory_mb * meter.MIB, self._folder)
        except OSError as error:
            self.ending.cause = "sandbox_failed"
            self.ending.err.add(str(error).encode())
            return self.ending
        self._unsent = frame(self._job)
        self._lines = b""
        self._ready = False
        self._manners = meter.LastInLine()
        self._ack_by: float | None = None
        self._meter_at = time.monotonic() + METER_SECONDS
        with selectors.DefaultSelector() as self._selector:
            self._register()
            while not self._over():
                self._turn()
            self._drain()
        self.ending.wall_seconds = self._watch.elapsed(time.monotonic())
        return self.ending

    def usage(self) -> meter.Usage:
        """Return what the job uses, as last measured."""
        return meter.Usage(self.ending.cpu_seconds, self.ending.max_memory_mb)

    def elapsed(self) -> float:
        """Return its running time in seconds so far, without the time frozen."""
        watch = getattr(self, "_watch", None)
        return watch.elapsed(time.monotonic()) if watch else 0.0

    def close(self) -> None:
        """Wait until no process of the job is left."""
        guest = getattr(self, "_guest", None)
        if guest is not None:
            guest.close()
        if not self._closed:
            self._closed = True
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake anyway; closed: it is over
            os.write(self._wake_write, b"!")

    def _register(self) -> None:
        guest = self._guest
        for fd in (guest.out, guest.err, guest.report, self._wake_read):
            self._selector.register(fd, selectors.EVENT_READ)
        self._send()

    def _over(self) -> bool:
        return bool(self.ending.cause) or self.ending.status is not None

    def _turn(self) -> None:
        """Wait for the next thing to happen and deal with it."""
        ready = {key.fd for key, _ in self._selector.select(self._patience())}
        if self._guest.out in ready:
            self._read(self._guest.out)
        if self._guest.err in ready:
            self._read(self._guest.err)
        if self._guest.report in ready:
            self._read_report()
        if self._guest.control in ready:
            self._send()
        if self._wake_read in ready:
            os.read(self._wake_read, CHUNK)
        if not self._over():
            self._obey()
            self._look_at_limits()

    def _patience(self) -> float:
        now = time.monotonic()
        moments = [] if self.frozen else [self._meter_at, now + self._timeout - self._watch.elapsed(now)]
        if self._ack_by is not None:
            moments.append(self._ack_by)
        return max(0.0, min(moments, default=now + 60.0) - now)

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
        stream, capture = ("stdout", self.ending.out) if fd == self._guest.out else ("stderr", self.ending.err)
        kept = capture.add(data)
        if kept:
            self._sink(stream, kept)
        return True

    def _drain(self) -> None:
        """Take what the code printed before it ended; a descendant that still prints is not waited for."""
        for fd, capture in ((self._guest.out, self.ending.out), (self._guest.err, self.ending.err)):
            while not capture.truncated and self._read(fd):
                pass

    def _read_report(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._guest.report, CHUNK)
            if not data:
                self._end("sandbox_failed")
            self._lines += data
        *lines, self._lines = self._lines.split(b"\n")
        for line in lines:
            self._heed(line.split())

    def _heed(self, words: list[bytes]) -> None:
        match words:
            case [b"ready"]:
                self._ready = True
                self._manners.push_back(self._guest.pid)
            case [b"stopped"]:
                self._stands(frozen=True)
            case [b"continued"]:
                self._stands(frozen=False)
            case [b"exit", status, cpu, peak]:
                self.ending.status = int(status)
                self.ending.cpu_seconds = float(cpu)
                self.ending.max_memory_mb = max(self.ending.max_memory_mb, int(peak) / 1024)
            case _:
                self._end("sandbox_failed")

    def _stands(self, *, frozen: bool) -> None:
        self._ack_by, self.frozen = None, frozen
        now = time.monotonic()
        if frozen:
            self._watch.pause(now)
        else:
            self._watch.go_on(now)
        self._changed()

    def _obey(self) -> None:
        if self._stop_cause:
            self._end(self._stop_cause)
        elif self._ack_by is None and self._want_frozen != self.frozen:
            self._unsent += STOP if self._want_frozen else CONTINUE
            # A slow thaw harms nobody. A slow freeze is the owner's time.
            self._ack_by = time.monotonic() + (ACK_SECONDS if self._want_frozen else THAW_ACK_SECONDS)
            self._send()

    def _send(self) -> None:
        """Write what the control pipe takes; be called again when it takes more."""
        self._unsent = self._unsent[self._guest.write(self._unsent) :] if self._unsent else b""
        registered = self._guest.control in self._selector.get_map()
        if self._unsent and not registered:
            self._selector.register(self._guest.control, selectors.EVENT_WRITE)
        elif registered and not self._unsent:
            self._selector.unregister(self._guest.control)

    def _look_at_limits(self) -> None:
        now = time.monotonic()
        if self._ack_by is not None and now >= self._ack_by:
            self._end(self._freeze_cause)
        elif self.ending.out.flooded or self.ending.err.flooded:
            self._end("output_limit")
        elif self.frozen:
            return
        elif self._watch.elapsed(now) >= self._timeout:
            self._end("timeout")
        elif now >= self._meter_at:
            self._measure(now)

    def _measure(self, now: float) -> None:
        self._meter_at = now + METER_SECONDS
        usage = meter.measure(self._guest.pid)
        limit = self._job.limits.memory_mb
        if meter.memory_over(self._guest.pid, limit, usage):
            self._end("memory_limit")
        self.ending.cpu_seconds = max(self.ending.cpu_seconds, usage.cpu_seconds)
        self.ending.max_memory_mb = max(self.ending.max_memory_mb, min(usage.memory_mb, limit * 1.0))
        self._manners.push_back(self._guest.pid)

    def _end(self, cause: str) -> None:
        """Kill everything: stopped first, because a killer that competes with busy processes takes seconds."""
        if self._over():
            return
        self.ending.cause = cause
        if not self.frozen and self._ready:
            self._guest.write(STOP)
            with selectors.DefaultSelector() as only_report:
                only_report.register(self._guest.report, selectors.EVENT_READ)
                only_report.select(KILL_ACK_SECONDS)
        self._guest.kill()
