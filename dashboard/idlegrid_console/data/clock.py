"""Times on the visitor's clock."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def on_clock(time: datetime, timezone: str | None) -> datetime:
    """The time in the visitor's zone; in UTC when that is not known."""
    return time.astimezone(_zone(timezone))


def _zone(timezone: str | None) -> Any:
    """A browser may name a zone that this machine's tables lack; then UTC is honest, a guess is not."""
    try:
        return ZoneInfo(timezone) if timezone else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
