"""Which events somebody wants to hear of, kept in memory: what nobody wants must cost nothing."""

import time
from collections.abc import Callable, Iterable
from typing import Final

from idlegrid_server.core.webhooks import EventType, wants

LOOK_EVERY: Final = 5.0
"""Seconds after which the record is asked again: another coordinator may have changed it."""


class Subscriptions:
    """What the active endpoints want. `wanted` is the writer's; `refresh` may be called from any thread."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._events: frozenset[EventType] = frozenset()
        self._asked, self._known, self._until = 1, 0, 0.0

    def refresh(self) -> None:
        """The endpoints have changed: look at them before the next change is written."""
        self._asked += 1

    def wanted(self, read: Callable[[], Iterable[Iterable[str]]]) -> frozenset[EventType]:
        """The events that somebody wants; `read` answers what each active endpoint has, and is seldom called."""
        asked, now = self._asked, self._monotonic()
        if asked != self._known or now >= self._until:
            given = list(read())
            self._events = frozenset(event for event in EventType if any(wants(events, event) for events in given))
            self._known, self._until = asked, now + LOOK_EVERY
        return self._events
