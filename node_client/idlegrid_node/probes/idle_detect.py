"""When somebody last touched a desktop, by the service idle_detect, which publishes it in shared memory."""

import struct
import time
from pathlib import Path

from idlegrid_node.probes.reading import AbsentError, Reading

SHARED = Path("/dev/shm/idle_detect_shmem")  # noqa: S108 - where the service idle_detect publishes
FRESH_S = 60.0  # BOINC's get_idle_time_from_daemon: not older
AHEAD_S = 10.0  # … and not further in the future


class IdleDetectProbe:
    """Answers with what the service publishes: two little-endian int64, of its last look and of the last input."""

    def __init__(self, shared: Path = SHARED) -> None:
        self._shared = shared

    def __call__(self) -> Reading:
        """Look now. Raises AbsentError where it never ran, OSError when it looks no more, ValueError torn."""
        try:
            published = self._shared.read_bytes()[:16]
        except FileNotFoundError as error:
            raise AbsentError("idle_detect has not run since the start of the machine") from error
        return Reading(published_idle_s(published, time.time()), "idle_detect", time.monotonic())


def published_idle_s(published: bytes, now: float) -> float:
    """Return the seconds since the last input at the wall clock's `now`. Raises OSError and ValueError. Pure.

    A service that has stopped to look is a fault, and not absence: it may be all that sees the owner's desktop.
    """
    try:
        updated, last_active = map(float, struct.unpack("<qq", published))
    except struct.error as error:
        raise ValueError("what idle_detect publishes is torn") from error
    if not -AHEAD_S <= now - updated <= FRESH_S:
        raise OSError(f"idle_detect last looked {now - updated:.0f} s ago")
    return max(0.0, now - last_active)
