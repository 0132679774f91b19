"""A run's life as a chart: from its story and its attempts to spells, marks and a figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any

import plotly.graph_objects as go

from idlegrid_console.data.clock import on_clock
from idlegrid_console.data.figures import DONE, FAILED, QUIET, STATE_COLOURS, WAITING, blank
from idlegrid_console.data.text import moment, one_line
from idlegrid_console.texts import RUN_MARK, RUN_SPELL, _, name

MOST_ATTEMPTS = 20
"""Attempts drawn, the newest, each a row."""

MOST_SPELLS = 400
"""Spells drawn, the newest: an owner who comes and goes all day freezes and thaws as often."""

MOST_MARKS = 200
"""Marks drawn, evenly thinned out: a run that checkpoints each minute sends 1,440 a day."""

ROW, FRAME = 30, 96
"""Pixels: of a row, and of all else in the chart."""

COLOURS = {"held": QUIET, "queued": "#e0a030", "running": WAITING, "frozen": STATE_COLOURS["frozen"]}
"""One colour per spell."""

MARKS = {
    "checkpoint": ("diamond", DONE),
    "evict": ("x", FAILED),
    "return": ("x", QUIET),
    "lose": ("x", FAILED),
    "retry": ("triangle-right", "#b08bc9"),
}
"""A sign and a colour per mark."""

BEGINS = {
    "created": "queued", "release": "queued", "evict": "queued", "return": "queued", "lose": "queued",
    "restored": "queued", "retry": "held", "lease": "running", "thawed": "running", "frozen": "frozen",
    "complete": "", "fail": "", "time_out": "", "cancel": "", "abandon": "",
}  # fmt: skip
"""Which spell an event of the story begins; none where it ends the run."""

Details = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Spell:
    """What a run did from a moment to another; `attempt` is 0 while no node had it."""

    kind: str
    begin: datetime
    end: datetime
    attempt: int


@dataclass(frozen=True, slots=True)
class Mark:
    """What happened to a run at a moment."""

    kind: str
    at: datetime
    attempt: int


def spells(run: Details, now: datetime) -> list[Spell]:
    """The run's life without gaps, oldest first; the last spell of one that goes on ends now."""
    found: list[Spell] = []
    kind, begin, attempt = "", now, 0
    for event, at, number in _story(run):
        if event not in BEGINS:
            continue
        if kind:
            # One that waits for another run is released when that has ended; what is queued at once never is.
            found.append(Spell("held" if event == "release" else kind, begin, max(begin, at), attempt))
        kind, begin = BEGINS[event], at
        attempt = number if kind in ("running", "frozen") else 0
    if kind:
        found.append(Spell(kind, begin, max(begin, now), attempt))
    return found[-MOST_SPELLS:]


def marks(run: Details) -> list[Mark]:
    """What is worth a sign on the chart, oldest first, at most `MOST_MARKS`."""
    found = [Mark(event, at, number) for event, at, number in _story(run) if event in MARKS]
    step = -(-len(found) // MOST_MARKS) or 1
    return found[::-1][::step][::-1]


def figure(run: Details, now: datetime, timezone: str | None = None) -> go.Figure | None:
    """The chart: a row for the queue and one for each attempt; None for a run without a story."""
    lived, signs = spells(run, now), marks(run)
    if not lived:
        return None
    rows = _rows(run, lived)
    drawn = blank(height=FRAME + ROW * len(rows), barmode="overlay")
    for kind in RUN_SPELL:
        _add_spells(drawn, [one for one in lived if one.kind == kind and one.attempt in rows], rows, timezone)
    for kind in MARKS:
        _add_marks(drawn, [one for one in signs if one.kind == kind and one.attempt in rows], rows, timezone)
    drawn.update_yaxes(type="category", categoryorder="array", categoryarray=list(rows.values())[::-1])
    drawn.update_xaxes(type="date")
    return drawn


def left_out(run: Details) -> int:
    """How many attempts the chart does not show."""
    return max(0, len(run.get("attempt_list") or ()) - MOST_ATTEMPTS)


def _story(run: Details) -> list[tuple[str, datetime, int]]:
    """Each event with its time and the number of the attempt that it is about: the last one that was leased."""
    numbers = iter([int(attempt["number"]) for attempt in run.get("attempt_list") or ()])
    told, attempt = [], 0
    for line in run.get("events") or ():
        at = moment(line.get("timestamp"))
        if at is None:
            continue
        event = str(line.get("event"))
        if event == "lease":
            attempt = next(numbers, attempt + 1)
        told.append((event, at, attempt))
    return told


def _rows(run: Details, lived: Sequence[Spell]) -> dict[int, str]:
    """The label of each row by its attempt, the queue first."""
    nodes = {int(one["number"]): one.get("worker_id") or "" for one in run.get("attempt_list") or ()}
    numbers = sorted({spell.attempt for spell in lived if spell.attempt})[-MOST_ATTEMPTS:]
    labels = {number: f"{number} · {escape(one_line(nodes.get(number, ''), 24))}" for number in numbers}
    return {0: _("queue")} | labels


def _add_spells(drawn: go.Figure, found: Sequence[Spell], rows: Mapping[int, str], timezone: str | None) -> None:
    if not found:
        return
    words = name(found[0].kind, RUN_SPELL)
    drawn.add_bar(
        orientation="h", name=words, marker_color=COLOURS[found[0].kind], width=0.6,
        base=[_local(one.begin, timezone) for one in found],
        x=[(one.end - one.begin) / timedelta(milliseconds=1) for one in found],
        y=[rows[one.attempt] for one in found],
        customdata=[(one.end - one.begin).total_seconds() for one in found],
        hovertemplate=f"{words}: %{{customdata:.3g}} s<br>%{{base|%H:%M:%S}}<extra></extra>",
    )  # fmt: skip


def _add_marks(drawn: go.Figure, found: Sequence[Mark], rows: Mapping[int, str], timezone: str | None) -> None:
    if not found:
        return
    sign, colour = MARKS[found[0].kind]
    words = name(found[0].kind, RUN_MARK)
    drawn.add_scatter(
        x=[_local(one.at, timezone) for one in found], y=[rows[one.attempt] for one in found], name=words,
        mode="markers", marker={"symbol": sign, "color": colour, "size": 10, "line": {"color": "white", "width": 1}},
        hovertemplate=f"{words}<br>%{{x|%H:%M:%S}}<extra></extra>",
    )  # fmt: skip


def _local(time: datetime, timezone: str | None) -> datetime:
    """On the visitor's clock, without a zone: Plotly draws such times as they are."""
    return on_clock(time, timezone).replace(tzinfo=None)
