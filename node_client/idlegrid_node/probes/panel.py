"""All probes of a machine, asked together."""

import os
import time
from collections.abc import Callable

from idlegrid_node.ladder import Signs
from idlegrid_node.policy import Policy
from idlegrid_node.probes.battery import on_battery
from idlegrid_node.probes.cpu import CpuProbe
from idlegrid_node.probes.input import InputProbe
from idlegrid_node.probes.memory import free_memory
from idlegrid_node.probes.reading import Reading
from idlegrid_node.probes.watched import Watched

PATIENCE_S = 0.3
"""How long one look may take in all: with the poll of 0.5 s it leaves the owner's second whole."""
MISSES = 2
"""One late answer is chance; after two in a row a probe cannot tell (its last answer is used once)."""


class Panel:
    """Asks all probes at once and makes one picture of the answers."""

    def __init__(self, policy: Policy, guests: Callable[[], float]) -> None:
        self._probes = {
            "input": Watched("input", InputProbe(policy.input_file, _x11(), logins=policy.watch_terminals)),
            "cpu": Watched("cpu", CpuProbe(guests)),
            "battery": Watched("battery", on_battery),
            "memory": Watched("memory", free_memory),
        }
        self._last: dict[str, Reading] = {}
        self._missed = dict.fromkeys(self._probes, 0)
        self.why = ""

    def look(self) -> Signs:
        """Return what is seen now; takes PATIENCE_S at most."""
        for probe in self._probes.values():
            probe.ask()
        deadline = time.monotonic() + PATIENCE_S
        seen = {name: self._settled(name, probe.answer(deadline)) for name, probe in self._probes.items()}
        self.why = "; ".join(f"{name}: {reading.why}" for name, reading in seen.items())
        battery = seen["battery"].value
        return Signs(
            input_idle_s=_aged(seen["input"]),
            other_cpu_pct=seen["cpu"].value,
            on_battery=None if battery is None else battery > 0,
            free_memory_pct=seen["memory"].value,
        )

    def close(self) -> None:
        """Let the probes' threads end."""
        for probe in self._probes.values():
            probe.close()

    def _settled(self, name: str, reading: Reading) -> Reading:
        if reading.value is not None:
            self._last[name], self._missed[name] = reading, 0
            return reading
        self._missed[name] += 1
        return reading if self._missed[name] >= MISSES else self._last.get(name, reading)


def _aged(reading: Reading) -> float | None:
    """Return the idle time as of now: an answer used again has grown older."""
    return None if reading.value is None else reading.value + (time.monotonic() - reading.at)


def _x11() -> Callable[[float], float | None] | None:
    if not os.environ.get("DISPLAY"):
        return None
    from idlegrid_node.probes.x11 import X11Signal

    return X11Signal()
