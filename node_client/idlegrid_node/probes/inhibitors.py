"""Whether a program keeps the screen on: a film is use (BOINC's issue 2301).

logind's list covers all users of the machine; desktops keep their own, per session, and not all tell logind.
"""

import os
import time
from typing import Any

from idlegrid_node.probes.bus import Bus
from idlegrid_node.probes.reading import AbsentError, Reading

SYSTEM = "inhibitors of logind"
SESSION = "inhibitors of the desktop"
LOGIND = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager.ListInhibitors")
DESKTOPS: tuple[tuple[str, str, str, tuple[int, ...]], ...] = (
    # 8: "inhibit the session being marked as idle" (gnome-session); org.freedesktop.ScreenSaver's end up here
    ("org.gnome.SessionManager", "/org/gnome/SessionManager", "org.gnome.SessionManager.IsInhibited", (8,)),
    # Xfce, KDE, MATE
    (
        "org.freedesktop.PowerManagement.Inhibit",
        "/org/freedesktop/PowerManagement/Inhibit",
        "org.freedesktop.PowerManagement.Inhibit.HasInhibit",
        (),
    ),
)


async def ask_system(system: Any) -> list[str]:
    """Return who holds an inhibitor of idleness at logind; not what is held by the node itself."""
    held = await system(*LOGIND)
    ours = {os.getppid(), os.getpid()}
    return [
        who
        for what, who, _why, mode, _uid, pid in held
        if "idle" in what.split(":") and mode == "block" and pid not in ours
    ]


async def ask_session(session: Any) -> list[str]:
    """Return the desktop services that say somebody inhibits idleness. Raises AbsentError without any."""
    holds, absent = [], 0
    for service, path, member, body in DESKTOPS:
        try:
            if await session(service, path, member, "u" * len(body), body):
                holds.append(service)
        except AbsentError:
            absent += 1
    if absent == len(DESKTOPS):
        raise AbsentError("no desktop service tells of inhibitors")
    return holds


class InhibitorsProbe:
    """Answers 1 while idleness is inhibited, 0 while it is not."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def __call__(self) -> Reading:
        """Look now. Raises AbsentError when there is nobody to ask, OSError when one of those does not answer."""
        told, absent, faults = [], [], []
        for part in (SYSTEM, SESSION):
            try:
                told.append(self._bus.part(part))
            except AbsentError as error:
                absent.append(str(error))
            except OSError as error:
                faults.append(f"{part}: {error}")
        holders = [who for holders in told for who in holders]
        if faults and not holders:
            raise OSError("; ".join(faults))
        if not told and not faults:
            raise AbsentError("; ".join(absent))
        why = f"kept awake by {', '.join(holders)}" if holders else "nothing keeps the machine awake"
        return Reading(float(bool(holders)), why, time.monotonic())
