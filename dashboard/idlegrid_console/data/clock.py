"""Times on the visitor's clock, and how long ago they were."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from idlegrid_console.data.text import duration
from idlegrid_console.data.text import moment as time_of
from idlegrid_console.texts import _

NOW_SECONDS = 1.0
"""What is nearer than this is now: the clocks of two machines agree no better."""


def on_clock(time: datetime, timezone: str | None) -> datetime:
    """The time in the visitor's zone; in UTC when that is not known."""
    return time.astimezone(_zone(timezone))


def ago(moment: Any, now: datetime, zone: str | None) -> str:
    """How long ago that was, and when by the visitor's clock: `2 min ago (14:03:22)`; a dash for none.

    `moment` is any time of the wire. One on another day has its date (`3 d ago (2025-03-04 14:03)`), one that is yet
    to come is `in 2 min (…)`.
    """
    time = time_of(moment)
    if time is None:
        return "–"
    shown, today = on_clock(time, zone), on_clock(now, zone).date()
    clock = shown.strftime("%H:%M:%S" if shown.date() == today else "%Y-%m-%d %H:%M")
    return f"{age(time, now)} ({clock})"


def age(time: datetime, now: datetime) -> str:
    """How long ago that was, in its largest unit: `2 min ago`, `in 3 h`, `just now`."""
    seconds = (now - time).total_seconds()
    if abs(seconds) < NOW_SECONDS:
        return _("just now")
    length = _largest_unit(abs(seconds))
    return _("{length} ago").format(length=length) if seconds > 0 else _("in {length}").format(length=length)


def _largest_unit(seconds: float) -> str:
    """`2 min 5 s` are `2 min`: what goes on growing needs no more, and flickers less."""
    return " ".join(duration(int(seconds)).split()[:2])


def _zone(timezone: str | None) -> Any:
    """A browser may name a zone that this machine's tables lack; then UTC is honest, a guess is not."""
    try:
        return ZoneInfo(timezone) if timezone else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
