"""All probes of a machine, asked together."""

import time
from collections.abc import Callable, Mapping

from idlegrid_node.policy import Policy
from idlegrid_node.presence import Signs
from idlegrid_node.probes.battery import BatteryProbe
from idlegrid_node.probes.cpu import CpuProbe
from idlegrid_node.probes.exclusive import ExclusiveProbe
from idlegrid_node.probes.input import latest
from idlegrid_node.probes.memory import free_memory
from idlegrid_node.probes.platforms import kit
from idlegrid_node.probes.pressure import PressureProbe
from idlegrid_node.probes.reading import Reading
from idlegrid_node.probes.watched import Probe, Watched

PATIENCE_S = 0.3
"""How long one look may take in all: with the poll of 0.5 s it leaves the owner's second whole."""
MISSES = 2
"""One late answer is chance; after two in a row a probe cannot tell (its last answer is used once)."""
SIGNS = {
    "input": "input_idle_s",
    "cpu": "other_cpu_pct",
    "battery": "on_battery",
    "memory": "free_memory_pct",
    "inhibitors": "inhibited",
    "exclusive": "exclusive",
    "cpu pressure": "cpu_pressure_pct",
    "memory pressure": "memory_pressure_pct",
}
"""Which of `Signs` each reading is."""


class Panel:
    """The probes; `guests` tells our runs' CPU seconds so far, `instead` replaces some, by name."""

    def __init__(self, policy: Policy, guests: Callable[[], float], instead: Mapping[str, Probe] | None = None) -> None:
        self._kit, self._exclusive = kit(policy), ExclusiveProbe(policy.exclusive_programs)
        probes: dict[str, Probe] = {
            **self._kit.input,
            "cpu": CpuProbe(guests),
            "battery": BatteryProbe(),
            "memory": free_memory,
            "exclusive": self._exclusive,
            "cpu pressure": PressureProbe("cpu"),
            "memory pressure": PressureProbe("memory"),
        }
        if policy.inhibitors_count:
            probes["inhibitors"] = self._kit.inhibitors
        self._probes = {name: Watched(name, probe) for name, probe in (probes | dict(instead or {})).items()}
        self._last: dict[str, Reading] = {}
        self._missed = dict.fromkeys(self._probes, 0)
        self._seen: dict[str, Reading] = {}

    def look(self) -> Signs:
        """Return what is seen now; takes PATIENCE_S at most."""
        for probe in self._probes.values():
            probe.ask()
        deadline = time.monotonic() + PATIENCE_S
        seen = {name: self._settled(name, probe.answer(deadline)) for name, probe in self._probes.items()}
        seen["input"] = self._input(seen)
        self._seen = seen
        return _signs(seen, time.monotonic())

    def adopt(self, policy: Policy) -> None:
        """Look by another policy; what it watches beside programs stays."""
        self._exclusive.look_for(policy.exclusive_programs)

    def readings(self) -> Mapping[str, Reading]:
        """Return what each probe answered at the last look, by its name; `input` is what they tell together."""
        return dict(self._seen)

    def close(self) -> None:
        """Let the probes' threads and child processes end."""
        for probe in self._probes.values():
            probe.close()
        self._kit.close()

    def _input(self, seen: Mapping[str, Reading]) -> Reading:
        signals = {name: seen[name] for name in self._kit.input}
        return latest(signals, unseen=self._kit.unseen(seen))

    def _settled(self, name: str, reading: Reading) -> Reading:
        if not reading.broken:
            self._last[name], self._missed[name] = reading, 0
            return reading
        self._missed[name] += 1
        return reading if self._missed[name] >= MISSES else self._last.get(name, reading)


def _signs(seen: Mapping[str, Reading], now: float) -> Signs:
    return Signs(
        input_idle_s=seen["input"].aged(now),
        other_cpu_pct=seen["cpu"].value,
        on_battery=_flag(seen["battery"]),
        free_memory_pct=seen["memory"].value,
        inhibited=_flag(seen.get("inhibitors")),
        exclusive=_flag(seen["exclusive"]),
        cpu_pressure_pct=seen["cpu pressure"].value,
        memory_pressure_pct=seen["memory pressure"].value,
        faults={sign: seen[name].why for name, sign in SIGNS.items() if name in seen and seen[name].broken},
    )


def _flag(reading: Reading | None) -> bool | None:
    """Return what is so. Where there is nothing to ask, or no longer, it is not so; unknown is what is broken."""
    if reading is None or reading.broken:
        return None
    return bool(reading.value)
