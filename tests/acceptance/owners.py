"""An owner of a machine, for tests: who comes back by a real sign, and stays until told to go."""

import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Protocol

import psutil

from idlegrid_node.sandbox.meter import NICEST

from ..displays import virtual_display
from .grids import Program, started_node

GOES_ON_AFTER_A_STOP = """\
import os, signal, time
stops = []
signal.signal(signal.SIGCONT, lambda *_: stops.append(1))
child = os.fork()
print('up', flush=True) if child else None
while not stops:
    time.sleep(0.02)
if child:
    os.wait()
    time.sleep(3)
    print('went on')
"""
"""Ends by itself, but only once it has stood still and goes on again."""

IMPATIENT = {
    "start_after_s": 2.0,
    "resume_after_s": 1.5,
    "busy_if_input_within_s": 1.5,
    "poll_claimed_s": 0.2,
    "poll_watching_s": 0.2,
    "busy_above_pct": 100.0,
    "evict_below_free_memory_pct": 0.0,
    "spare_cores": 0,
    "warm_sandboxes": 0,
    "watch_terminals": False,
    "stop_on_battery": False,
}
"""A desktop's policy that a test need not wait for, and that the load of the machine under test does not make busy."""


def policy_text(**values: object) -> str:
    """A policy file."""
    return "\n".join(f"{name} = {_toml(value)}" for name, value in values.items())


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


class Owner(Protocol):
    """`policy` lets a node see the sign, `display` is where it is to look; `be_there` is to be called over and over."""

    policy: Mapping[str, object]
    display: str

    def be_there(self) -> None: ...

    def go(self) -> None: ...


@contextmanager
def staying(owner: Owner) -> Iterator[None]:
    """The owner is there all the time, whatever the test waits for meanwhile."""
    gone = Event()

    def stay() -> None:
        while not gone.wait(0.3):
            owner.be_there()

    with ThreadPoolExecutor(1) as pool:
        kept_there = pool.submit(stay)
        try:
            yield
        finally:
            gone.set()
        kept_there.result()


class Typist:
    """Presses a key at a real X server."""

    policy: Mapping[str, object] = {}

    def __init__(self, display: str) -> None:
        self.display = display

    def be_there(self) -> None:
        subprocess.run(["xdotool", "key", "a"], check=True, env={**os.environ, "DISPLAY": self.display})

    def go(self) -> None:
        """Leave the keys alone."""


@contextmanager
def typist() -> Iterator[Typist]:
    """Skips the test where there is no Xvfb or no xdotool."""
    with virtual_display() as display:
        yield Typist(display)


class Player:
    """Runs programs that take all processors."""

    policy: Mapping[str, object] = {
        "input": "not_applicable",
        "busy_above_pct": 90.0,
        "busy_for_s": 1.0,
        "clear_below_pct": 90.0,
        "clear_for_s": 0.5,
    }
    display = ""

    def __init__(self) -> None:
        self._programs: list[subprocess.Popen[bytes]] = []

    def be_there(self) -> None:
        if not self._programs:
            command = [sys.executable, "-c", "while True: pass"]
            self._programs = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]

    def go(self) -> None:
        for program in self._programs:
            program.kill()
            program.wait()
        self._programs = []


@contextmanager
def player() -> Iterator[Player]:
    made = Player()
    try:
        yield made
    finally:
        made.go()


class Remote:
    """Types on a terminal, at which a program reads; nobody has typed there for an hour.

    The kernel notes the time of a key only where 8 s have begun since the last one it noted, and to the second: what
    counts as input has to be older than a second.
    """

    policy: Mapping[str, object] = {
        "watch_terminals": True,
        "busy_if_input_within_s": 3.0,
        "resume_after_s": 3.0,
        "start_after_s": 3.0,
    }
    display = ""

    def __init__(self, ours: int, theirs: int) -> None:
        self._ours, self._theirs = ours, theirs
        then = time.time() - 3600
        os.utime(os.ttyname(theirs), (then, then))

    def be_there(self) -> None:
        os.write(self._ours, b"x\n")
        assert os.read(self._theirs, 10) == b"x\n"

    def go(self) -> None:
        """Type no more."""


@contextmanager
def remote() -> Iterator[Remote]:
    ours, theirs = pty.openpty()
    try:
        yield Remote(ours, theirs)
    finally:
        os.close(ours)
        os.close(theirs)


class OwnedNode:
    """A node of one slot on an owner's machine, for the grid at `url`."""

    def __init__(self, url: str, name: str, folder: Path, owner: Owner, **policy: object) -> None:
        self.name = name
        file = folder / f"{name}.toml"
        file.write_text(policy_text(**{**IMPATIENT, **owner.policy, **policy}))
        words = ("--slots", "1", "--profile", "desktop", "--policy-file", str(file))
        nobody = dict.fromkeys(("DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS"), "unix:path=/none")
        self.program: Program = started_node(url, name, folder, *words, DISPLAY=owner.display, **nobody)

    def code(self) -> list[psutil.Process]:
        """The processes of submitted code: those that are as nice as can be."""
        return [process for process in self.program.below() if _nice(process) == NICEST]

    def all_stand(self) -> bool:
        """Whether there is code, and every process of it is stopped."""
        code = self.code()
        return bool(code) and all(_status(process) == psutil.STATUS_STOPPED for process in code)


def _nice(process: psutil.Process) -> int | None:
    with suppress(psutil.NoSuchProcess):
        return int(process.nice())
    return None


def _status(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return str(process.status())
    return ""
