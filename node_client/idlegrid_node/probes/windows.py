"""The probes of Windows. EXPERIMENTAL: they follow documents (tests/unit/node/recorded), no such machine was at hand.

GetLastInputInfo tells of the session that asks, and no other: a service, in session 0, sees no input at all.
"""

import time
from collections.abc import Callable, Iterable, Mapping

from idlegrid_node.policy import Policy
from idlegrid_node.probes import windows_calls as calls
from idlegrid_node.probes.reading import AbsentError, Reading
from idlegrid_node.probes.touched import InputFileProbe
from idlegrid_node.probes.watched import Probe

TICKS = 1 << 32
"""GetTickCount's milliseconds have 32 bits: they begin anew after 49.7 days."""
AHEAD_TICKS = 60_000
"""An input of just after the tick was read is a little younger than now, and not 49.7 days old."""
SERVICES = 0
DISPLAY_REQUIRED = 0x2
"""ES_DISPLAY_REQUIRED of SetThreadExecutionState."""


def since(input_ms: int, now_ms: int) -> float:
    """Return the seconds from one tick to another, over the counter's end. Pure."""
    passed = (now_ms - input_ms) % TICKS
    return 0.0 if passed > TICKS - AHEAD_TICKS else passed / 1000.0


def others(sessions: Iterable[calls.Session], own: int) -> float | None:
    """Return the seconds since the last input in any session but our own; None where there is no other. Pure.

    One that is in use and does not tell (a console's LastInputTime is 0) is in use now.
    """
    used = [session for session in sessions if session.active and session.id not in {SERVICES, own}]
    ages = [session.idle_s if session.idle_s is not None else 0.0 for session in used]
    return min(ages, default=None)


class LastInputProbe:
    """Answers with the seconds since the last input in the node's own session."""

    def __init__(
        self,
        session: Callable[[], int] = calls.own_session,
        ticks: Callable[[], tuple[int, int]] = calls.last_input_and_now,
    ) -> None:
        self._session, self._ticks = session, ticks

    def __call__(self) -> Reading:
        """Look now. Raises OSError for a service, which no input reaches."""
        if self._session() == SERVICES:
            raise OSError("a service (session 0) sees no input: start the node in the owner's session, at logon")
        return Reading(since(*self._ticks()), "GetLastInputInfo", time.monotonic())


class OtherSessionsProbe:
    """Answers with the seconds since the last input in another user's session, or a remote desktop's."""

    def __init__(
        self,
        session: Callable[[], int] = calls.own_session,
        sessions: Callable[[], Iterable[calls.Session]] = calls.sessions,
    ) -> None:
        self._session, self._sessions = session, sessions

    def __call__(self) -> Reading:
        """Look now. Raises AbsentError where there is no other session, OSError."""
        idle = others(self._sessions(), self._session())
        if idle is None:
            raise AbsentError("no other session is in use")
        return Reading(idle, "another session", time.monotonic())


class DisplayProbe:
    """Answers 1 while a program keeps the display on, else 0."""

    def __init__(self, state: Callable[[], int] = calls.execution_state) -> None:
        self._state = state

    def __call__(self) -> Reading:
        """Look now. Raises OSError."""
        awake = bool(self._state() & DISPLAY_REQUIRED)
        why = "a program keeps the display on" if awake else "nothing keeps the display on"
        return Reading(float(awake), why, time.monotonic())


class WindowsKit:
    """See `platforms.Kit`. The node's own session tells of all input in it."""

    def __init__(self, policy: Policy) -> None:
        self.inhibitors = DisplayProbe()
        self.input: dict[str, Probe] = {
            "last input": LastInputProbe(),
            "input file": InputFileProbe(policy.input_file),
        }
        if policy.watch_sessions:
            self.input["other sessions"] = OtherSessionsProbe()

    def unseen(self, seen: Mapping[str, Reading]) -> str:
        """Return "": without an answer of our own session the input is unknown anyway."""
        return ""

    def close(self) -> None:
        """Nothing is held."""
