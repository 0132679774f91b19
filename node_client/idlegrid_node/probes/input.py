"""When somebody last touched the machine: the latest over all signals that can tell."""

import time
from collections.abc import Mapping

from idlegrid_node.probes.reading import Reading


def latest(signals: Mapping[str, Reading], *, unseen: str = "") -> Reading:
    """Return the latest input over all signals. Pure, but for the clock.

    None when a signal that is there does not answer (it may be the one the owner uses), when none is there, and
    when a desktop is not seen by any of them: `unseen` says which.
    """
    now = time.monotonic()
    broken = [reading.why for reading in signals.values() if reading.broken]
    if broken:
        return Reading(None, "; ".join(broken), now)
    seen = [(idle, reading) for reading in signals.values() if (idle := reading.aged(now)) is not None]
    if not seen:
        return Reading(None, "no signal tells when the last input was", now)
    if unseen:
        return Reading(None, unseen, now)
    idle, youngest = min(seen, key=lambda pair: pair[0])
    return Reading(idle, youngest.why, now)
