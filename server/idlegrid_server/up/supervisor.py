"""Keeps children running and stops them in order. `state` and `stopping` decide; here it is carried out.

One thread: everything happens in the event loop of the main thread (see `process.spawn` for why).
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from idlegrid_server.up.errors import ChildFailed
from idlegrid_server.up.output import ChildLog
from idlegrid_server.up.process import ChildSpec, Spawned, spawn
from idlegrid_server.up.state import Child, hopeless, next_due
from idlegrid_server.up.stopping import hurried, signals

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Each asks for the end; asking again hurries."""

STOP_TICK = 0.05
"""How often, in seconds, a stop looks at the clock; it also wakes when a child ends."""

READ_BYTES = 65536
"""A pipe's usual capacity on Linux, pipe(7)."""

READS_AT_ONCE = 16
"""So many pipefuls of one child's output are taken before the others get their turn."""

CANNOT_START = 127
"""The exit status of a program that cannot be started, as a shell gives it."""


class Supervisor:
    """Runs the children that `specs` describe until it is asked to stop.

    Output goes to `logs`; `say` gets one line for each thing people should know; `echo` every line of output.
    `clock` counts seconds.
    """

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        logs: Path,
        say: Callable[[str], None],
        echo: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ready = False
        self._specs = {spec.name: spec for spec in specs}
        self._say = say
        self._clock = clock
        self._children = {spec.name: Child(spec.needs, due=clock()) for spec in specs}
        self._running: dict[str, Spawned] = {}
        self._logs = {name: ChildLog(logs, name, echo) for name in self._specs}
        self._outputs: dict[int, str] = {}
        self._met: set[str] = set()
        self._stop_requests = 0
        self._stop_began = 0.0
        self._wake = asyncio.Event()

    @property
    def stopping(self) -> bool:
        """Whether it has been asked to stop."""
        return self._stop_requests > 0

    def meet(self, condition: str) -> None:
        """Say that `condition` holds from now on: children that only waited for it are started."""
        self._met.add(condition)
        self._wake.set()

    def stop(self) -> None:
        """Ask for the end; asking again hurries."""
        self._stop_requests += 1
        if self._stop_requests == 1:
            self._stop_began = self._clock()
            self._say("Stopping …")
        self._wake.set()

    async def run(self) -> None:
        """Start what is to be started, again and again, until stopped; then end every child, within 10 s.

        Raises `ChildFailed` when an essential child cannot be brought up; no child is left then either.
        """
        self._listen()
        try:
            while not self._stop_requests:
                self._reap()
                self._start_due()
                await self._sleep(next_due(self._children.values(), self._clock()))
        finally:
            await self._end_all()
            self._close_outputs()

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self._wake.set)
        for number in STOP_SIGNALS:
            # nohup leaves SIGHUP ignored, and means it.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                loop.add_signal_handler(number, self.stop)

    async def _sleep(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    def _start_due(self) -> None:
        for name, child in self._children.items():
            if child.may_start(self._clock(), self._met):
                self._start(self._specs[name])

    def _start(self, spec: ChildSpec) -> None:
        child = self._children[spec.name] = self._children[spec.name].begun(self._clock())
        try:
            spec.prepare(child.failures)
            spawned = spawn(spec)
        except OSError as error:
            self._logs[spec.name].write(f"cannot be started: {error}\n".encode())
            self._note_end(spec.name, CANNOT_START)
            return
        self._running[spec.name] = spawned
        self._outputs[spawned.output] = spec.name
        asyncio.get_running_loop().add_reader(spawned.output, self._read, spawned.output)

    def _reap(self) -> None:
        for name, spawned in list(self._running.items()):
            if spawned.has_ended():
                del self._running[name]
                status = spawned.clear_away()
                self._read(spawned.output)
                if not self._stop_requests:
                    self._note_end(name, status)

    def _note_end(self, name: str, status: int) -> None:
        child = self._children[name] = self._children[name].ended(self._clock())
        log = self._logs[name]
        if self._specs[name].essential and not self.ready and hopeless(child, status):
            raise ChildFailed(f"{name} {_how(status)}: {log.last_line or 'it said nothing'} (all of it: {log.path})")
        pause = child.due - self._clock()
        hint = f": {log.last_line}" if log.last_line and status else ""
        self._say(f"{name} {_how(status)}, starting it again in {pause:.0f} s{hint} (log: {log.path})")

    async def _end_all(self) -> None:
        self._stop_requests = max(1, self._stop_requests)
        self._stop_began = self._stop_began or self._clock()
        sent: dict[str, signal.Signals] = {}
        while self._running:
            elapsed = hurried(self._clock() - self._stop_began, self._stop_requests)
            alive = {name: self._specs[name].stage for name in self._running}
            for name, wish in signals(alive, elapsed).items():
                if sent.get(name) != wish:
                    sent[name] = wish
                    self._end(name, wish)
            await self._sleep(STOP_TICK)
            self._reap()

    def _end(self, name: str, wish: signal.Signals) -> None:
        spawned = self._running[name]
        if wish == signal.SIGKILL:
            self._say(f"{name} does not end by itself, killing it")
            spawned.signal_group(wish)
        else:
            # Only the child itself: it knows best in which order its own processes end.
            spawned.popen.send_signal(wish)

    def _read(self, output: int) -> None:
        # A few pieces at a time: one that prints without end must not keep the loop from the others.
        for _ in range(READS_AT_ONCE):
            if output not in self._outputs:
                return
            try:
                data = os.read(output, READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._close(output)
                return
            self._logs[self._outputs[output]].write(data)

    def _close(self, output: int) -> None:
        asyncio.get_running_loop().remove_reader(output)
        del self._outputs[output]
        os.close(output)

    def _close_outputs(self) -> None:
        for output in list(self._outputs):
            self._close(output)
        for log in self._logs.values():
            log.close()


def _how(status: int) -> str:
    if status < 0:
        names = {number.value: number.name for number in signal.Signals}
        return f"was ended by {names.get(-status, f'signal {-status}')}"
    return f"ended with status {status}"
