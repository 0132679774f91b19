"""A node's week in words and rows: at which hours its owner lends it, and until when it should stay idle."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from idlegrid import NodeInfo
from idlegrid_console.data.clock import on_clock
from idlegrid_console.data.schedule import from_now
from idlegrid_console.data.text import moment
from idlegrid_console.texts import _

Answer = Mapping[str, Any]
"""A week as `GET /api/workers/{id}/week` answers it."""

HOURS = 24
DAYS = 7
USABLE = frozenset({"idle", "running"})
"""States in which a node can work; in any other there is nothing that could end."""


def shares(week: Answer) -> list[list[float | None]]:
    """A row for each day from Monday, the idle share of each of its hours; None for one that is not known."""
    known = {row.get("hour"): row.get("idle") for row in week.get("hours") or []}
    return [[known.get(HOURS * day + hour) for hour in range(HOURS)] for day in range(DAYS)]


def known_hours(week: Answer) -> int:
    """How many of the 168 hours something is known of."""
    return sum(share is not None for day in shares(week) for share in day)


def facts(node: NodeInfo, week: Answer, now: datetime, timezone: str | None) -> list[tuple[str, str]]:
    """What follows from the week for now, as label and text; times on the visitor's clock."""
    known = _("{known} of {all}").format(known=known_hours(week), all=DAYS * HOURS)
    return [
        (_("Expected idle until"), _until(node, week, now, timezone)),
        (_("Hours known"), known),
        (_("The owner's clock"), clock(int(week.get("utc_offset") or 0))),
    ]


def _until(node: NodeInfo, week: Answer, now: datetime, timezone: str | None) -> str:
    until = moment((week.get("window") or {}).get("until"))
    if node.doing not in USABLE:
        return "–"
    if until is None:
        return _("not known yet")
    if until <= now:
        return _("the owner may be back at any time")
    return f"{on_clock(until, timezone):%Y-%m-%d %H:%M} ({from_now(until, now)})"


def clock(utc_offset: int) -> str:
    """How far a clock is from UTC, e.g. `UTC+05:30`."""
    minutes = abs(utc_offset) // 60
    return f"UTC{'-' if utc_offset < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"
