"""When somebody last touched a GNOME desktop, X11 or Wayland: Mutter counts, and tells over D-Bus."""

import time
from typing import Any

from idlegrid_node.probes.bus import Bus
from idlegrid_node.probes.reading import Reading

PART = "mutter"
SERVICE = "org.gnome.Mutter.IdleMonitor"


async def ask(session: Any) -> int:
    """Return the milliseconds since the last input."""
    return int(await session(SERVICE, "/org/gnome/Mutter/IdleMonitor/Core", f"{SERVICE}.GetIdletime"))


class MutterProbe:
    """Answers with the seconds since the last input on the desktop of the node's user."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def __call__(self) -> Reading:
        """Look now. Raises AbsentError, OSError."""
        return Reading(self._bus.part(PART) / 1000.0, "Mutter", time.monotonic())
