"""All probes of a machine, asked together."""

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from idlegrid_node.policy import Policy
from idlegrid_node.presence import Signs
from idlegrid_node.probes.battery import on_battery
from idlegrid_node.probes.bus import Bus
from idlegrid_node.probes.cpu import CpuProbe
from idlegrid_node.probes.devices import DevicesProbe
from idlegrid_node.probes.exclusive import ExclusiveProbe
from idlegrid_node.probes.inhibitors import InhibitorsProbe
from idlegrid_node.probes.input import InputProbe, latest
from idlegrid_node.probes.memory import free_memory
from idlegrid_node.probes.mutter import MutterProbe
from idlegrid_node.probes.pressure import PressureProbe
from idlegrid_node.probes.reading import Reading
from idlegrid_node.probes.sessions import SessionsProbe
from idlegrid_node.probes.watched import Probe, Watched
from idlegrid_node.probes.x11 import X11Probe

PATIENCE_S = 0.3
"""How long one look may take in all: with the poll of 0.5 s it leaves the owner's second whole."""
MISSES = 2
"""One late answer is chance; after two in a row a probe cannot tell (its last answer is used once)."""
INPUT = ("files", "X11", "Mutter", "devices", "sessions")
"""The probes that tell of input; the latest of all counts."""
CONSOLE = ("X11", "Mutter", "devices")
"""Those of them that see a desktop's keyboard and pointer."""


class Closes(Protocol):
    """Holds a child process or open files."""

    def close(self) -> None:
        """Let go of it."""


class Panel:
    """Asks all probes at once and makes one picture of the answers. `instead` replaces some, by name."""

    def __init__(self, policy: Policy, guests: Callable[[], float], instead: Mapping[str, Probe] | None = None) -> None:
        bus, x11, devices = Bus(), X11Probe(), DevicesProbe()
        self._closes: tuple[Closes, ...] = (bus, x11, devices)
        self._files = InputProbe(policy.input_file, logins=policy.watch_terminals)
        self._sessions = SessionsProbe(bus)
        probes: dict[str, Probe] = {
            "files": self._files,
            "X11": x11,
            "Mutter": MutterProbe(bus),
            "devices": devices,
            "cpu": CpuProbe(guests),
            "battery": on_battery,
            "memory": free_memory,
            "exclusive": ExclusiveProbe(policy.exclusive_programs),
            "cpu pressure": PressureProbe("cpu"),
            "memory pressure": PressureProbe("memory"),
        }
        if policy.watch_sessions and policy.watch_terminals:  # a login is a terminal's, or a remote desktop's
            probes["sessions"] = self._sessions
        if policy.inhibitors_count:
            probes["inhibitors"] = InhibitorsProbe(bus)
        self._probes = {name: Watched(name, probe) for name, probe in (probes | dict(instead or {})).items()}
        self._last: dict[str, Reading] = {}
        self._missed = dict.fromkeys(self._probes, 0)
        self._seen: dict[str, Reading] = {}
        self.why = ""

    def look(self) -> Signs:
        """Return what is seen now; takes PATIENCE_S at most."""
        for probe in self._probes.values():
            probe.ask()
        deadline = time.monotonic() + PATIENCE_S
        seen = {name: self._settled(name, probe.answer(deadline)) for name, probe in self._probes.items()}
        seen["input"] = self._input(seen)
        self._seen = seen
        self.why = "; ".join(f"{name}: {reading.why}" for name, reading in seen.items())
        return Signs(
            input_idle_s=seen["input"].aged(time.monotonic()),
            other_cpu_pct=seen["cpu"].value,
            on_battery=_flag(seen["battery"]),
            free_memory_pct=seen["memory"].value,
            inhibited=_flag(seen.get("inhibitors")),
            exclusive=_flag(seen["exclusive"]),
            cpu_pressure_pct=seen["cpu pressure"].value,
            memory_pressure_pct=seen["memory pressure"].value,
        )

    def readings(self) -> Mapping[str, Reading]:
        """Return what each probe answered at the last look, by its name; `input` is what they tell together."""
        return dict(self._seen)

    def close(self) -> None:
        """Let the probes' threads and child processes end."""
        for probe in self._probes.values():
            probe.close()
        for held in self._closes:
            held.close()

    def _input(self, seen: Mapping[str, Reading]) -> Reading:
        signals = {name: seen[name] for name in INPUT if name in seen}
        console = self._files.watches_console or any(not signals[name].absent for name in CONSOLE)
        desktop = self._sessions.desktop if "sessions" in seen else ""
        return latest(signals, desktop=desktop, watches_console=console)

    def _settled(self, name: str, reading: Reading) -> Reading:
        if not reading.broken:
            self._last[name], self._missed[name] = reading, 0
            return reading
        self._missed[name] += 1
        return reading if self._missed[name] >= MISSES else self._last.get(name, reading)


def _flag(reading: Reading | None) -> bool | None:
    """Return what is so. Where there is nothing to ask, or no longer, it is not so; unknown is what is broken."""
    if reading is None or reading.broken:
        return None
    return bool(reading.value)
