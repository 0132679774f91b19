"""When no lease may end: soon after a start, a jump of the clock, a sleep of the machine, an outage of the record."""

from typing import Final

from idlegrid_server.core.ports import Clock

JUMP: Final = 5.0
"""Seconds by which the two clocks may drift apart between two looks before that counts as a jump."""


class Grace:
    """Holds for `seconds` from its making, and again from every jump of the wall clock it notices."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self._offset = clock.now() - clock.monotonic()
        self._until = clock.monotonic() + seconds
        self._looked = clock.monotonic()

    def again(self) -> None:
        """Hold from now on, as after a start."""
        self._until = self._clock.monotonic() + self._seconds

    def holds(self) -> bool:
        """Whether leases are safe now. A gap between two looks counts as a jump too: the process was stopped."""
        monotonic = self._clock.monotonic()
        offset = self._clock.now() - monotonic
        if abs(offset - self._offset) > JUMP or monotonic - self._looked > JUMP:
            self._until = monotonic + self._seconds
        self._offset, self._looked = offset, monotonic
        return monotonic < self._until
