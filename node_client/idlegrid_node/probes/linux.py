"""The probes of the owner's input and of films on Linux."""

from collections.abc import Mapping

from idlegrid_node.policy import Policy
from idlegrid_node.probes.bus import Bus
from idlegrid_node.probes.devices import DevicesProbe
from idlegrid_node.probes.idle_detect import IdleDetectProbe
from idlegrid_node.probes.inhibitors import InhibitorsProbe
from idlegrid_node.probes.mutter import MutterProbe
from idlegrid_node.probes.reading import Reading
from idlegrid_node.probes.sessions import SessionsProbe
from idlegrid_node.probes.terminals import TerminalsProbe
from idlegrid_node.probes.touched import InputFileProbe
from idlegrid_node.probes.watched import Probe
from idlegrid_node.probes.x11 import X11Probe

CONSOLE = ("idle_detect", "input file", "X11", "Mutter", "devices")
"""Those that see a desktop's keyboard and pointer."""


class LinuxKit:
    """See `platforms.Kit`. A login is a terminal's, or a remote desktop's: without terminals none is looked at."""

    def __init__(self, policy: Policy) -> None:
        self._bus, self._x11, self.devices = Bus(), X11Probe(), DevicesProbe()
        self.sessions = SessionsProbe(self._bus)
        self.inhibitors = InhibitorsProbe(self._bus)
        self.input: dict[str, Probe] = {
            "idle_detect": IdleDetectProbe(),
            "input file": InputFileProbe(policy.input_file),
            "X11": self._x11,
            "Mutter": MutterProbe(self._bus),
            "devices": self.devices,
        }
        if policy.watch_terminals:
            self.input["terminals"] = TerminalsProbe()
        if policy.watch_sessions and policy.watch_terminals:
            self.input["sessions"] = self.sessions

    def unseen(self, seen: Mapping[str, Reading]) -> str:
        """Return which graphical session, by logind, no signal tells of that sees the console."""
        sees = {name for name in CONSOLE if name in seen and not seen[name].absent}
        if self.devices.refused:
            sees -= {"devices"}
        desktop = self.sessions.desktop
        return f"no signal sees the desktop of session {desktop}" if desktop and not sees else ""

    def close(self) -> None:
        """End the child processes, close the devices."""
        for held in (self._bus, self._x11, self.devices):
            held.close()
