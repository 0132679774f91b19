"""When somebody last touched the machine: the latest over all signals that can tell."""

import os
import struct
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from idlegrid_node.probes.reading import AbsentError, Reading

SHARED = Path("/dev/shm/idle_detect_shmem")  # noqa: S108 - where the service idle_detect publishes
FRESH_S = 60.0  # BOINC's get_idle_time_from_daemon: not older
AHEAD_S = 10.0  # … and not further in the future
IDLE_DETECT, INPUT_FILE = "idle_detect", "input file"  # these see the console, whatever draws on it
Signal = Callable[[float], float | None]
"""Takes the wall clock, answers seconds since the last input, or None for "cannot tell"."""


class InputProbe:
    """Answers with the seconds since the last input that files tell of: of a service, a helper, terminals."""

    def __init__(self, input_file: str = "", *, logins: bool = True) -> None:
        self._signals: dict[str, Signal] = {IDLE_DETECT: idle_detect}
        if logins:
            self._signals["terminals"] = terminals
        if input_file:
            self._signals[INPUT_FILE] = lambda now: file_age(Path(input_file), now)
        self.watches_console = False

    def __call__(self) -> Reading:
        """Look now. Raises AbsentError when no file tells."""
        now = time.time()
        seen = {name: idle for name, signal in self._signals.items() if (idle := signal(now)) is not None}
        at = time.monotonic()
        self.watches_console = bool({IDLE_DETECT, INPUT_FILE} & set(seen))
        if not seen:
            raise AbsentError("no terminal, no idle_detect, no input file")
        name = min(seen, key=seen.__getitem__)
        return Reading(seen[name], name, at)


def latest(signals: Mapping[str, Reading], *, desktop: str = "", watches_console: bool = True) -> Reading:
    """Return the latest input over all signals. Pure, but for the clock.

    None when a signal that is there does not answer (it may be the one the owner uses), when none is there, and
    when a graphical session (`desktop`) is not seen by any signal that sees the console.
    """
    now = time.monotonic()
    broken = [reading.why for reading in signals.values() if reading.broken]
    if broken:
        return Reading(None, "; ".join(broken), now)
    seen = [(idle, reading) for reading in signals.values() if (idle := reading.aged(now)) is not None]
    if not seen:
        return Reading(None, "no signal tells when the last input was", now)
    if desktop and not watches_console:
        return Reading(None, f"no signal sees the desktop of session {desktop}", now)
    idle, youngest = min(seen, key=lambda pair: pair[0])
    return Reading(idle, youngest.why, now)


def file_age(path: Path, now: float) -> float | None:
    """Return the seconds since a file was last modified."""
    try:
        return max(0.0, now - path.stat().st_mtime)
    except OSError:
        return None


def idle_detect(now: float) -> float | None:
    """Return what the service idle_detect publishes: two little-endian int64, of its last look and input."""
    try:
        updated, last_active = struct.unpack("<qq", SHARED.read_bytes()[:16])
    except (OSError, struct.error):
        return None
    return max(0.0, now - last_active) if -AHEAD_S <= now - updated <= FRESH_S else None


def terminals(now: float) -> float | None:
    """Return the seconds since something was typed on a terminal; its clock has a grain of 8 s.

    Listed anew each time: a login that comes later counts too.
    """
    ages = [max(0.0, now - at) for at in _terminal_times()]
    return min(ages, default=None)


def _terminal_times() -> Iterator[float]:
    if not sys.platform.startswith("linux"):
        return
    names = [f"/dev/pts/{name}" for name in _listed("/dev/pts") if name.isdigit()]
    # ttyS and ttyACM are serial adapters, not people; an unused console belongs to root and has no login.
    names += [f"/dev/{name}" for name in _listed("/dev") if name.startswith("tty") and name[3:].isdigit()]
    for name in names:
        try:
            status = os.stat(name)
        except OSError:
            continue
        if name.startswith("/dev/pts") or status.st_uid != 0:
            yield status.st_atime


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
