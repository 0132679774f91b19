"""Texts that came from users, made safe to look at, and quantities made readable."""

import re
from datetime import UTC, datetime
from typing import Any

from idlegrid.display import visible

SHOWN_CHARACTERS = 200_000
"""The most of one text that is sent to a browser: beyond it scrolling stutters, and nobody reads it."""

_MARKUP = re.compile(r"([!-/:-@\[-`{-~])")


def one_line(text: Any, limit: int = 200) -> str:
    """The text in one line, for a table's cell: visible, breaks as ↵, cut with an ellipsis after `limit`."""
    line = visible(str(text)[: limit + 1]).strip().replace("\n", " ↵ ").replace("\t", " ")
    return line if len(line) <= limit else line[: limit - 1] + "…"


def tail(text: str, limit: int = SHOWN_CHARACTERS) -> tuple[str, int]:
    """The last `limit` characters, and how many were left out before them."""
    return (text, 0) if len(text) <= limit else (text[-limit:], len(text) - limit)


def plain_markdown(text: Any) -> str:
    """Markdown that shows exactly this text, for places that take nothing but Markdown."""
    return _MARKUP.sub(r"\\\1", visible(text).replace("\n", " "))


def duration(seconds: float | None) -> str:
    """Seconds as people say them: 0.03 s, 12 s, 3 min 20 s, 2 h 5 min, 4 d 1 h; a dash for None."""
    if seconds is None or seconds < 0:
        return "–"
    if seconds < 1:
        return f"{seconds:.2g} s"
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    for unit, name, smaller, smaller_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // smaller
            return f"{whole // unit} {name}" + (f" {rest} {smaller_name}" if rest else "")
    return f"{whole} s"


def moment(value: Any) -> datetime | None:
    """A time of the wire (ISO 8601 text, seconds since the epoch, or a datetime) in UTC; None for none."""
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        parsed = datetime.fromisoformat(value) if isinstance(value, str) else value
    except (ValueError, OverflowError, OSError):
        return None
    if not isinstance(parsed, datetime):
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def number(text: str) -> int | None:
    """An id or a count that an address gives; None for none, and for nonsense."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
