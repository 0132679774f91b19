"""Instants in queries: ISO 8601, in UTC where they name no zone."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError


def _iso(value: Any) -> Any:
    """Only what begins with a day as ISO 8601 writes it: the parser would also take a number of seconds."""
    if isinstance(value, str) and not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise PydanticCustomError("datetime", "a time is written like 2026-01-15T08:00:00Z")
    return value


Instant = Annotated[datetime, BeforeValidator(_iso)]


def seconds(at: datetime | None) -> float | None:
    """The instant in epoch seconds; None for none."""
    if at is None:
        return None
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).timestamp()
