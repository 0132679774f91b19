"""Components, the coordinator's figures and what was harvested, as cards, facts and rows."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from idlegrid_console.data.text import duration, one_line
from idlegrid_console.system_texts import COMPONENT, REMEDY, WRONG
from idlegrid_console.texts import _, name

Answer = Mapping[str, Any]

HARVEST_COLUMNS = ("name", "cpu_hours", "wall_hours", "attempts")


class Card(NamedTuple):
    """A component: its code, its status, what is wrong and what to do (empty while it is well), and its figures."""

    component: str
    status: str
    wrong: str
    remedy: str
    figures: str


def cards(health: Answer, stats: Answer | None) -> list[Card]:
    """One card per component in the order of `COMPONENT`, unknown ones last; nodes are judged by the counts."""
    parts: dict[str, Answer] = dict(health.get("components") or {})
    if stats is not None:
        parts["workers"] = _nodes(stats.get("workers") or {})
    order = {component: index for index, component in enumerate(COMPONENT)}
    return [_card(component, parts[component]) for component in sorted(parts, key=lambda c: (order.get(c, 99), c))]


def _nodes(counts: Answer) -> Answer:
    there = (counts.get("active") or 0) + (counts.get("draining") or 0)
    return {**counts, "status": "healthy" if there else "degraded" if counts.get("total") else "unhealthy"}


def _card(component: str, part: Answer) -> Card:
    status = one_line(part.get("status") or "unknown", 40)
    case = f"{component} {status}"
    wrong, remedy = name(case, WRONG) if case in WRONG else "", name(case, REMEDY) if case in REMEDY else ""
    return Card(component, status, wrong, remedy, "; ".join(filter(None, _figures(component, part))))


def _figures(component: str, part: Answer) -> list[str]:
    known = {
        "database": [
            _said(_("answers in {time}"), time=_time(part.get("response_time"))),
            _said(_("connections in use: {active}"), active=(part.get("connection_pool") or {}).get("active")),
        ],
        "message_queue": [
            _said(_("answers in {time}"), time=_time(part.get("response_time"))),
            _said(_("runs queued: {waiting}"), waiting=part.get("queue_size")),
        ],
        "scheduler": [
            _said(_("nodes that take work: {nodes}"), nodes=part.get("active_workers")),
            _said(_("runs waiting: {waiting}"), waiting=part.get("pending_tasks")),
        ],
        "workers": [
            _said(_("there: {there}"), there=part.get("active")),
            _said(_("draining: {draining}"), draining=part.get("draining")),
            _said(_("away: {away}"), away=part.get("offline")),
        ],
        "api": [
            _said(_("requests a second: {rate:.3g}"), rate=part.get("request_rate")),
            _said(_("answers in {time}"), time=_time(part.get("response_time"))),
        ],
    }
    return known.get(component, [])


def _said(words: str, **value: Any) -> str:
    """The sentence; nothing when what it tells is not known."""
    return "" if None in value.values() else words.format(**value)


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds * 1000:.3g} ms"


def facts(stats: Answer) -> list[tuple[str, str]]:
    """The coordinator's machine, and how fast owners got theirs back."""
    usage, reclaims = stats.get("resource_usage") or {}, stats.get("reclaims") or {}
    performance = stats.get("performance") or {}
    return [
        (_("CPU"), _percent(usage.get("cpu_usage"))),
        (_("Memory"), megabytes(usage.get("memory_usage")) or "–"),
        (_("Disk"), _percent(usage.get("disk_usage"))),
        (_("Up for"), one_line(performance.get("system_uptime") or "–", 40)),
        (_("Reclaims, 30 days"), str(reclaims.get("count") or 0)),
        (_("Owner had the CPU back (p50)"), duration(reclaims.get("frozen_p50"))),
        (_("Owner had the CPU back (p99)"), duration(reclaims.get("frozen_p99"))),
        (_("Owner had the memory back (p99)"), duration(reclaims.get("memory_p99"))),
    ]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} %"


def megabytes(value: float | None) -> str:
    """Memory as people say it (powers of 1,024); nothing for None."""
    if value is None:
        return ""
    return f"{value:.0f} MB" if value < 1024 else f"{value / 1024:.4g} GB"


def harvested(shares: Sequence[Answer]) -> pd.DataFrame:
    """Who gave or got how much, the most first: hours of CPU time and of runs, and attempts."""
    rows = [
        {
            "name": one_line(share.get("name") or _("nobody's name")),
            "cpu_hours": (share.get("cpu_seconds") or 0.0) / 3600,
            "wall_hours": (share.get("wall_seconds") or 0.0) / 3600,
            "attempts": share.get("attempts") or 0,
        }
        for share in shares
    ]
    frame = pd.DataFrame(rows, columns=list(HARVEST_COLUMNS))
    return frame.sort_values("cpu_hours", ascending=False, kind="stable")


def harvest_total(usage: Answer) -> list[tuple[str, str]]:
    """The sums over the whole span."""
    total = usage.get("total") or {}
    return [
        (_("Core-hours used"), _hours(total.get("cpu_seconds") or 0.0)),
        (_("Hours of runs"), _hours(total.get("wall_seconds") or 0.0)),
        (_("Attempts"), f"{total.get('attempts') or 0:,}"),
    ]


def _hours(seconds: float) -> str:
    """As hours; so few that hours say nothing are told as they are."""
    return f"{seconds / 3600:,.1f}" if seconds >= 360 else duration(seconds)
