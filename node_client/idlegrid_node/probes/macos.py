"""The probes of macOS. EXPERIMENTAL: they follow documents (tests/unit/node/recorded), no such machine was at hand.

`ioreg` and `pmset` are part of every macOS, and need no rights.
"""

import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from idlegrid_node.policy import Policy
from idlegrid_node.probes.child import Child
from idlegrid_node.probes.reading import AbsentError, Reading
from idlegrid_node.probes.sessions import by_utmp
from idlegrid_node.probes.touched import InputFileProbe
from idlegrid_node.probes.watched import Probe

IOREG = ("/usr/sbin/ioreg", "-r", "-c", "IOHIDSystem", "-d", "1", "-w", "0")
PMSET = ("/usr/bin/pmset", "-g", "assertions")
CHILD = "idlegrid_node.probes.macos_child"
PATIENCE_S = 2.0
AWAKE = "PreventUserIdleDisplaySleep"
GRAIN_S = 1.0
"""Two counters that tell of one event differ by less."""
CONFIRMED_WITHIN_S = 60.0
Run = Callable[[tuple[str, ...]], str]


def printed(command: tuple[str, ...]) -> str:
    """Return what a command prints. Raises OSError with what it complains of."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    except subprocess.SubprocessError as error:
        raise OSError(f"{command[0]}: {error}") from error
    return done.stdout


def hid_idle_s(text: str) -> float:
    """Return HIDIdleTime of `ioreg` in seconds; it is in ns there. Raises ValueError without one. Pure.

    In a machine's first two minutes there may be none (BOINC's hostinfo_unix.cpp).
    """
    for line in text.splitlines():
        name, equals, value = line.strip(" |+-o").partition(" = ")
        if equals and name == '"HIDIdleTime"':
            return int(value) / 1e9
    raise ValueError("ioreg tells no HIDIdleTime")


def holders(text: str) -> list[str]:
    """Return who keeps the display on, by `pmset -g assertions`. Raises ValueError for other words. Pure."""
    lines = text.splitlines()
    counts = [line.split() for line in lines if line.split()[:1] == [AWAKE]]
    if not counts:
        raise ValueError(f"pmset tells nothing of {AWAKE}")
    named = [line.partition("(")[2].partition(")")[0] for line in lines if f" {AWAKE} named:" in line]
    return named or (["a program"] if counts[0][1] != "0" else [])


@dataclass
class Confirmed:
    """The idle time of CGEventSource, whose resets count from the second one on, unless the devices tell of one, too.

    It alone sees Screen Sharing; and at night it is reset with nobody there (gsong/eyebreak's issue 96).
    """

    _counted: float | None = None
    _reset: float | None = None

    def feed(self, session_s: float, devices_s: float, now: float) -> float:
        """Return the seconds since the last input in the session that counts, as of the monotonic time `now`."""
        at, seen = now - session_s, now - devices_s
        if self._counted is None or seen >= at - GRAIN_S:
            self._counted, self._reset = at, None
        elif at > max(self._counted, self._reset or self._counted) + GRAIN_S:
            if self._reset is not None and at - self._reset <= CONFIRMED_WITHIN_S:
                self._counted = at
            self._reset = at
        return now - self._counted


class HidProbe:
    """Answers with the seconds since a keyboard or a pointer of the machine sent something."""

    def __init__(self, run: Run = printed) -> None:
        self._run = run
        self.last: Reading | None = None

    def __call__(self) -> Reading:
        """Look now. Raises OSError, ValueError."""
        self.last = Reading(hid_idle_s(self._run(IOREG)), "HIDIdleTime", time.monotonic())
        return self.last


class SessionProbe:
    """Answers with the seconds since the last input in the node's graphical session, Screen Sharing's included."""

    def __init__(self, hid: HidProbe, ask: Callable[[], str]) -> None:
        self._hid, self._ask = hid, ask
        self._confirmed = Confirmed()

    def __call__(self) -> Reading:
        """Look now. Raises AbsentError outside a graphical session, and before the devices have answered."""
        told, hid, now = float(self._ask()), self._hid.last, time.monotonic()
        devices = hid.aged(now) if hid else None
        if devices is None:
            raise AbsentError("the devices have not told anything to compare with yet")
        return Reading(self._confirmed.feed(told, devices, now), "CGEventSource", now)


class AssertionsProbe:
    """Answers 1 while a program keeps the display on, else 0."""

    def __init__(self, run: Run = printed) -> None:
        self._run = run

    def __call__(self) -> Reading:
        """Look now. Raises OSError, ValueError."""
        awake = holders(self._run(PMSET))
        why = f"kept awake by {', '.join(awake)}" if awake else "nothing keeps the display on"
        return Reading(float(bool(awake)), why, time.monotonic())


class MacKit:
    """See `platforms.Kit`. The devices see each local desktop; an absent one is a fault."""

    def __init__(self, policy: Policy) -> None:
        self._child = Child(CHILD)
        hid = HidProbe()
        self.inhibitors = AssertionsProbe()
        self.input: dict[str, Probe] = {
            "HID": hid,
            "session": SessionProbe(hid, self._child.ask),
            "input file": InputFileProbe(policy.input_file),
        }
        if policy.watch_sessions and policy.watch_terminals:
            self.input["sessions"] = by_utmp

    def unseen(self, seen: Mapping[str, Reading]) -> str:
        """Return "": without an answer of the devices the input is unknown anyway."""
        return ""

    def close(self) -> None:
        """End the child process."""
        self._child.close()
