"""Folding what nodes did into their weeks, hourly, as far as somebody has looked."""

from typing import Final, Protocol

import structlog

from idlegrid_server.core.ports import Clock
from idlegrid_server.core.weeks import LOOK_SECONDS, Watch, next_watch

log = structlog.get_logger(__name__)

AGAIN_SECONDS: Final = 5.0
"""After a failure it is tried again this soon."""


class Weeks(Protocol):
    """The weeks in the record, and one note for all coordinators. Every method raises RecordUnavailable."""

    def watch(self) -> tuple[str, Watch | None]:
        """The note as it is written, and what it says; empty and None when nothing was noted."""

    def fold(self, noted: str, known: Watch, until: float, after: Watch) -> bool:
        """Add the time from `known.folded` to `until`, and note `after`: both, or neither when it is not `noted`."""

    def note(self, noted: str, after: Watch) -> None:
        """Note `after`, unless the note is no longer `noted`."""


class WeekFolder:
    """Looks every minute. Whoever leads does it; two that both lead for a moment add nothing twice."""

    def __init__(self, weeks: Weeks, clock: Clock) -> None:
        self._weeks, self._clock = weeks, clock
        self._next_look = clock.monotonic()

    def fold_weeks(self) -> None:
        """Look, if it is time to; fold, if there is enough to fold or nobody looked. Raises RecordUnavailable."""
        if self._clock.monotonic() < self._next_look:
            return
        self._next_look = self._clock.monotonic() + AGAIN_SECONDS
        noted, known = self._weeks.watch()
        until, after = next_watch(known, self._clock.now())
        if known is None or until <= known.folded:
            self._weeks.note(noted, after)
        elif self._weeks.fold(noted, known, until, after):
            log.debug("weeks folded", action="fold_weeks", seconds=round(until - known.folded))
        self._next_look = self._clock.monotonic() + LOOK_SECONDS
