"""Until when each node should stay idle, kept in memory: whoever wakes nodes for runs asks it of many at once."""

import asyncio
import math
from collections.abc import Callable, Mapping
from typing import Final

from idlegrid_server.core.errors import RecordUnavailable
from idlegrid_server.core.ports import Clock
from idlegrid_server.core.weeks import Week, idle_until, next_hour

KEPT_SECONDS: Final = 3_600.0
"""How long weeks are kept before they are read again: they are folded hourly, and an hour more changes little."""
AGAIN_SECONDS: Final = 60.0
"""When they are tried again after the record did not answer."""

Weeks = Mapping[str, tuple[int, Week]]
"""By node: its clock's seconds east of UTC, and its week."""
Expected = dict[str, tuple[float | None, float]]
"""By node: until when it should stay idle, and from when on that must be looked at again."""
UNKNOWN: Final = (None, math.inf)


class Outlook:
    """What is expected of the nodes. Lives on the event loop."""

    def __init__(self, read: Callable[[], Weeks], clock: Clock) -> None:
        """`read` asks the record; it may raise RecordUnavailable."""
        self._read, self._clock = read, clock
        self._weeks: Weeks = {}
        self._until: Expected = {}
        self._next_look = math.inf
        self._reading: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Have the weeks read, behind everybody's back, and be kept fresh from then on."""
        self._next_look = self._clock.monotonic() + KEPT_SECONDS
        self._reading = asyncio.ensure_future(self.look())

    def freshen(self) -> None:
        """Have the weeks read anew if it is time. Costs nothing to call often."""
        if self._clock.monotonic() >= self._next_look:
            self.start()

    async def look(self) -> None:
        """Go by the weeks as they are on record now, or by those that are known while it does not answer."""
        try:
            self._weeks, self._until = await asyncio.to_thread(self._fresh)
        except RecordUnavailable:
            self._next_look = self._clock.monotonic() + AGAIN_SECONDS

    def _fresh(self) -> tuple[Weeks, Expected]:
        # For a thousand nodes this takes a fifth of a second, which the event loop would feel.
        weeks, now = self._read(), self._clock.now()
        return weeks, {node_id: _expected(*known, now) for node_id, known in weeks.items()}

    def stays(self, node_id: str, seconds: float) -> bool:
        """Whether the node is expected to stay idle for so long, or nothing speaks against it."""
        now = self._clock.now()
        until, again = self._until.get(node_id, UNKNOWN)
        if again <= now:
            until, again = self._until[node_id] = _expected(*self._weeks[node_id], now)
        return until is None or until >= now + seconds


def _expected(utc_offset: int, week: Week, now: float) -> tuple[float | None, float]:
    until = idle_until(week, now, utc_offset)
    return until, next_hour(now, utc_offset) if until is None or until <= now else until
