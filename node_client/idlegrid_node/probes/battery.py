"""Whether the machine runs on its battery."""

import sys
import time
from pathlib import Path

from idlegrid_node.probes.reading import AbsentError, Reading

SUPPLIES = Path("/sys/class/power_supply")


class BatteryProbe:
    """Answers 1 on battery, 0 on mains power."""

    def __init__(self, folder: Path = SUPPLIES) -> None:
        self._folder = folder

    def __call__(self) -> Reading:
        """Look now. Raises AbsentError without a battery, OSError when it does not tell."""
        drains = _by_kernel(self._folder) if sys.platform == "linux" else _by_psutil()
        return Reading(float(drains), "battery" if drains else "mains power", time.monotonic())


def _by_kernel(folder: Path) -> bool:
    try:
        supplies = [told(supply) for supply in sorted(folder.iterdir())]
    except FileNotFoundError as error:
        raise AbsentError("the kernel knows no power supply") from error
    return drains(supplies)


def told(supply: Path) -> dict[str, str]:
    """Return what the kernel tells of a supply (its Documentation/ABI/testing/sysfs-class-power). Raises OSError."""
    names = ("type", "scope", "online", "status")
    return {name: (supply / name).read_text().strip() for name in names if (supply / name).exists()}


def drains(supplies: list[dict[str, str]]) -> bool:
    """Tell whether a battery of the machine is used. Raises AbsentError without one, OSError for none that tells. Pure.

    One of scope `Device` is a mouse's or a headset's. While a charger is plugged in, a battery may well be `Not
    charging`.
    """
    ours = [supply for supply in supplies if supply.get("scope") != "Device"]
    batteries = [supply.get("status", "Unknown") for supply in ours if supply.get("type") == "Battery"]
    if not batteries:
        raise AbsentError("no battery")
    chargers = [supply.get("online") for supply in ours if supply.get("type") not in {"Battery", None}]
    if any(online not in {"0", None} for online in chargers):
        return False
    if set(batteries) == {"Unknown"} and not chargers:
        raise OSError("the battery does not tell whether it is used")
    return "Discharging" in batteries or set(batteries) == {"Unknown"}


def _by_psutil() -> bool:
    import psutil

    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is None:
        raise AbsentError("no battery")
    if battery.power_plugged is None:
        raise OSError("the battery does not tell whether it is used")
    return not battery.power_plugged
