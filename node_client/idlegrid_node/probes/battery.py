"""Whether the machine runs on its battery."""

import time

from idlegrid_node.probes.reading import Reading


def on_battery() -> Reading:
    """Answer 1 on battery, 0 on mains power or without a battery."""
    import psutil

    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    drains = battery is not None and battery.power_plugged is False
    return Reading(float(drains), "battery" if drains else "mains power", time.monotonic())
