"""The charts of runs over time, from the timeline's numbers to Plotly figures; and the colours of all charts.

Colours are fixed per meaning, and chosen to be told apart on a light and a dark page and by the colour-blind.
`uirevision` is constant, so that a zoom survives the refresh. Plotly reads a few HTML tags in any text that it is
given: nothing that a user wrote may come here unescaped.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import plotly.graph_objects as go

from idlegrid_console.data.clock import on_clock
from idlegrid_console.data.text import moment
from idlegrid_console.texts import _

HEIGHT = 196
"""The height of a chart in pixels: two rows of them and the tiles fit a laptop's screen."""

DONE, FAILED, WAITING, QUIET = "#2a9d6f", "#d1495b", "#3d7dca", "#8a94a3"

STATE_COLOURS = {
    "idle": DONE,
    "running": WAITING,
    "frozen": "#7fb7d6",
    "evicting": "#e0a030",
    "busy": "#e0a030",
    "cooling": "#ecc878",
    "paused": "#b08bc9",
    "draining": "#b08bc9",
    "unknown": QUIET,
    "offline": "#5d6673",
}
"""One colour per state of a node, in the charts and in the tables."""

KIND_COLOURS = {
    "idle": STATE_COLOURS["idle"],
    "working": STATE_COLOURS["running"],
    "owner": STATE_COLOURS["busy"],
    "held": STATE_COLOURS["paused"],
    "lost": FAILED,
    "away": STATE_COLOURS["offline"],
}
"""One colour per kind of node on the overview: that of the state which most of its nodes are in."""

MARK_COLOURS = {"suspect": FAILED, "held": STATE_COLOURS["paused"]}
"""One colour per mark of a node."""

SANDBOX_COLOURS = {"4": DONE, "3": DONE, "2": "#e0a030", "1": "#e0a030", "0": FAILED}
"""One colour per level of a node's sandbox."""

STATUS_COLOURS = {
    "pending": "#e0a030",
    "running": WAITING,
    "completed": DONE,
    "failed": FAILED,
    "aborted": QUIET,
}
"""One colour per status of a run."""

TASK_COLOURS = {"active": WAITING, "paused": "#b08bc9", "completed": DONE, "failed": FAILED}
"""One colour per status of a task."""

RUN_TIME_EDGES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Upper ends of the histogram's classes in seconds: run times span milliseconds to minutes, so by thirds of ten."""

Timeline = Mapping[str, Any]
"""The answer of `GET /api/system/timeline`."""


def throughput(timeline: Timeline, timezone: str | None = None) -> go.Figure:
    """Runs that completed and that failed per bucket, and those submitted, over time."""
    times = bucket_times(timeline, timezone)
    figure = blank(barmode="stack", bargap=0.15)
    for key, label, colour in (("completed", _("done"), DONE), ("failed", _("failed"), FAILED)):
        figure.add_bar(x=times, y=series(timeline, key), name=label, marker_color=colour)
    figure.add_scatter(
        x=times, y=series(timeline, "submitted"), name=_("submitted"), mode="lines",
        line={"color": QUIET, "width": 1.5, "shape": "hvh"},
    )  # fmt: skip
    return counted(figure)


def queue_depth(timeline: Timeline, timezone: str | None = None) -> go.Figure:
    """Runs that waited, over time."""
    figure = blank(showlegend=False)
    figure.add_scatter(
        x=bucket_times(timeline, timezone), y=series(timeline, "queue_depth"), name=_("waiting"),
        mode="lines", fill="tozeroy", line={"color": WAITING, "width": 2, "shape": "hv"},
    )  # fmt: skip
    return counted(figure)


def run_times(seconds: Sequence[float]) -> go.Figure:
    """How long the latest runs took."""
    labels, numbers = histogram(seconds)
    figure = blank(showlegend=False, bargap=0.08)
    figure.add_bar(x=labels, y=numbers, name=_("runs"), marker_color=DONE)
    figure.update_xaxes(type="category")
    return counted(figure)


def waiting_times(timeline: Timeline, timezone: str | None = None) -> go.Figure:
    """How long the runs had waited that started in each bucket: half of them, and 95 in 100 of them."""
    figure = blank()
    for key, label, colour in (("wait_p95", _("95 %"), QUIET), ("wait_p50", _("half"), WAITING)):
        figure.add_scatter(
            x=bucket_times(timeline, timezone), y=series(timeline, key), name=label, mode="lines+markers",
            connectgaps=False, line={"color": colour, "width": 2}, marker={"size": 5},
            hovertemplate="%{y:.3~g} s",
        )  # fmt: skip
    figure.update_yaxes(rangemode="tozero", ticksuffix=" s", nticks=6)
    return figure


def histogram(seconds: Sequence[float]) -> tuple[list[str], list[int]]:
    """Class names and how many values fall in each; a value on a class's upper end belongs to it."""
    edges = RUN_TIME_EDGES
    numbers = [0] * (len(edges) + 1)
    for value in seconds:
        numbers[sum(value > edge for edge in edges)] += 1
    labels = [f"≤ {edges[0]:g} s", *(f"≤ {edge:g} s" for edge in edges[1:]), f"> {edges[-1]:g} s"]
    return labels, numbers


def bucket_times(timeline: Timeline, timezone: str | None = None) -> list[datetime]:
    """The start of each bucket on the visitor's clock, without a zone: Plotly draws such times as they are."""
    return even_times(timeline, "bucket_seconds", len(series(timeline, "submitted")), timezone)


def even_times(answer: Timeline, step: str, number: int, timezone: str | None = None) -> list[datetime]:
    """So many instants from the answer's `start` on, as many seconds apart as its `step` says; none without a start."""
    start = moment(answer.get("start"))
    if start is None:
        return []
    local = on_clock(start, timezone).replace(tzinfo=None)
    width = timedelta(seconds=float(answer.get(step) or 0))
    return [local + index * width for index in range(number)]


def series(timeline: Timeline, key: str) -> list[Any]:
    """The numbers of a series, None where nobody looked; empty when there is none."""
    return list(timeline.get(key) or [])


def blank(**layout: Any) -> go.Figure:
    """A chart without traces, with the layout that all have."""
    return go.Figure(
        layout={
            "height": HEIGHT,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "hovermode": "closest",
            "uirevision": "constant",
            **layout,
        }
    )


def counted(figure: go.Figure) -> go.Figure:
    """Counts start at zero, are whole, and never stretch a single run over the whole height; None is a gap."""
    seen = (value for trace in figure.data for value in trace.y or () if value is not None)
    highest = max(map(float, seen), default=0.0)
    figure.update_yaxes(rangemode="tozero", tickformat="d", nticks=6)
    if highest < 4:
        figure.update_yaxes(range=[0, 4.2])
    return figure
