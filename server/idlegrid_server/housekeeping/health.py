"""Telling endpoints how the grid is: when that changes, and once an hour."""

from collections.abc import Callable
from typing import Final, Protocol

import structlog

from idlegrid_server.core.health import Component, overall
from idlegrid_server.core.ports import Clock
from idlegrid_server.core.webhooks import HEALTH_EVERY, EventType, Happening

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 5.0
"""How far apart two looks are: each asks the record and the queue a few things."""


class Note(Protocol):
    """What was told last, kept in the record for all coordinators. Both raise RecordUnavailable."""

    def read(self) -> str:
        """What was noted last; empty when nothing was."""

    def write(self, before: str, after: str, happening: Happening) -> bool:
        """Note and tell, unless another has noted something since `before` was read; whether it was this one."""


class HealthWatch:
    """Looks every five seconds. Of all coordinators that see a change one tells of it."""

    def __init__(self, components: Callable[[], dict[str, Component]], note: Note, clock: Clock) -> None:
        self._components, self._note, self._clock = components, note, clock
        self._next_look = clock.monotonic()

    def watch_health(self) -> None:
        """Look, if it is time to; tell, if there is something to tell. Raises RecordUnavailable."""
        if self._clock.monotonic() < self._next_look:
            return
        self._next_look = self._clock.monotonic() + LOOK_SECONDS
        parts, now = self._components(), self._clock.now()
        status, noted = overall(parts), self._note.read()
        before, _, told_at = noted.partition(" ")
        if before == status and now - float(told_at) < HEALTH_EVERY:
            return
        previous = before if before not in ("", status) else None
        data = {"status": status, "components": parts, "previous": previous}
        if self._note.write(noted, f"{status} {now:.3f}", Happening(EventType.HEALTH_CHECK, now, data)) and previous:
            log.warning("the grid's health has changed", action="health", status=status, previous=previous)
