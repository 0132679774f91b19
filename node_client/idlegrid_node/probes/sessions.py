"""Who is logged in, by logind; without it by utmp, which knows terminals only.

Never its IdleHint: desktops do not keep it up to date (systemd's issues 34844, 9622; BOINC's 2256).
"""

import os
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from idlegrid_node.probes.bus import Bus
from idlegrid_node.probes.reading import AbsentError, Reading

PART = "sessions"
SERVICE = "org.freedesktop.login1"
GRAPHICAL = frozenset({"x11", "wayland", "mir"})


class Session(NamedTuple):
    """A login, by logind's names. `tty` is "" without a terminal."""

    id: str
    cls: str
    kind: str
    remote: bool
    locked: bool
    state: str
    tty: str


async def ask(system: Any) -> list[Session]:
    """Return the logins of the machine, of all users."""
    listed = await system(SERVICE, "/org/freedesktop/login1", f"{SERVICE}.Manager.ListSessions")
    return [await _session(system, name, path) for name, _uid, _user, _seat, path in listed]


async def _session(system: Any, name: str, path: str) -> Session:
    told = await system(SERVICE, path, "org.freedesktop.DBus.Properties.GetAll", "s", (f"{SERVICE}.Session",))
    return Session(
        name, told["Class"], told["Type"], told["Remote"], told.get("LockedHint", False), told["State"], told["TTY"]
    )


def people(sessions: Iterable[Session]) -> list[Session]:
    """Return the sessions that somebody is behind: not greeters, managers and what is being closed. Pure."""
    return [session for session in sessions if session.cls.startswith("user") and session.state != "closing"]


def in_use(sessions: Iterable[Session]) -> str:
    """Return the remote session that nothing tells the input of, or "". Pure.

    An ssh command without a terminal, a remote desktop: cannot be told from one in use, so it is in use.
    """
    for session in sessions:
        if session.remote and not session.locked and (not session.tty or session.kind in GRAPHICAL):
            return session.id
    return ""


def desktop(sessions: Iterable[Session]) -> str:
    """Return the graphical session at the machine itself, or "". Pure.

    Its terminal's times stand still while somebody types; other signals have to tell (input.latest).
    """
    return next((session.id for session in sessions if session.kind in GRAPHICAL and not session.remote), "")


class SessionsProbe:
    """Answers with the seconds since the last input in any session; `desktop` names a graphical one."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.desktop = ""

    def __call__(self) -> Reading:
        """Look now. Raises AbsentError when nobody is logged in, OSError when logind does not answer."""
        try:
            sessions = people(Session(*told) for told in self._bus.part(PART))
        except AbsentError:
            self.desktop = ""
            return by_utmp()
        self.desktop = desktop(sessions)
        remote = in_use(sessions)
        if remote:
            return Reading(0.0, f"remote session {remote}, whose input nothing tells", time.monotonic())
        return _youngest((s.tty for s in sessions if s.tty and s.kind not in GRAPHICAL), "logind")


def by_utmp() -> Reading:
    """Return the last input in any session with a terminal. Raises AbsentError without one."""
    import psutil

    return _youngest((user.terminal for user in psutil.users() if user.terminal), "utmp")


def _youngest(terminals: Iterable[str], source: str) -> Reading:
    ages = list(_ages(terminals))
    if not ages:
        raise AbsentError(f"no session with a terminal, by {source}")
    return Reading(min(ages), f"sessions by {source}", time.monotonic())


def _ages(terminals: Iterable[str]) -> Iterator[float]:
    for name in terminals:
        try:
            yield max(0.0, time.time() - os.stat(f"/dev/{name}").st_atime)
        except OSError:
            continue
