"""The charts: from the timeline's and the nodes' numbers to Plotly figures.

Colours are fixed per meaning, and chosen to be told apart on a light and a dark page and by the colour-blind.
`uirevision` is constant, so that a zoom survives the refresh. Plotly reads a few HTML tags in any text that it is
given: nothing that a user wrote may come here unescaped.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any

import plotly.graph_objects as go

from idlegrid_console.data.clock import on_clock
from idlegrid_console.data.text import moment
from idlegrid_console.texts import DAY, NODE_STATE, _, name

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

IDLE_SCALE = ((0.0, "rgba(224, 160, 48, 0.9)"), (0.5, "rgba(138, 148, 163, 0.25)"), (1.0, "rgba(42, 157, 111, 0.95)"))
"""From the owner's hours to the idle ones, in the colours of these states; hours that are neither are pale."""

Timeline = Mapping[str, Any]
"""The answer of `GET /api/system/timeline`."""


def throughput(timeline: Timeline, timezone: str | None = None) -> go.Figure:
    """Runs that completed and that failed per bucket, and those submitted, over time."""
    times = bucket_times(timeline, timezone)
    figure = _figure(barmode="stack", bargap=0.15)
    for key, label, colour in (("completed", _("done"), DONE), ("failed", _("failed"), FAILED)):
        figure.add_bar(x=times, y=_series(timeline, key), name=label, marker_color=colour)
    figure.add_scatter(
        x=times, y=_series(timeline, "submitted"), name=_("submitted"), mode="lines",
        line={"color": QUIET, "width": 1.5, "shape": "hvh"},
    )  # fmt: skip
    return _counted(figure)


def queue_depth(timeline: Timeline, timezone: str | None = None) -> go.Figure:
    """Runs that waited, over time."""
    figure = _figure(showlegend=False)
    figure.add_scatter(
        x=bucket_times(timeline, timezone), y=_series(timeline, "queue_depth"), name=_("waiting"),
        mode="lines", fill="tozeroy", line={"color": WAITING, "width": 2, "shape": "hv"},
    )  # fmt: skip
    return _counted(figure)


def run_times(seconds: Sequence[float]) -> go.Figure:
    """How long the latest runs took."""
    labels, numbers = histogram(seconds)
    figure = _figure(showlegend=False, bargap=0.08)
    figure.add_bar(x=labels, y=numbers, name=_("runs"), marker_color=DONE)
    figure.update_xaxes(type="category")
    return _counted(figure)


def nodes_by_state(states: Mapping[str, int]) -> go.Figure:
    """How many nodes are in each state, the most able to work at the top."""
    figure = _figure(showlegend=False, bargap=0.35)
    labels = [escape(name(state, NODE_STATE)) for state in states]
    numbers, colours = list(states.values()), [STATE_COLOURS.get(state, QUIET) for state in states]
    figure.add_bar(y=labels, x=numbers, orientation="h", name=_("nodes"), marker_color=colours)
    figure.update_traces(text=numbers, textangle=0, textposition="outside", cliponaxis=False)
    figure.update_yaxes(type="category", autorange="reversed")
    figure.update_xaxes(rangemode="tozero", range=[0, max(4, *states.values(), 0) * 1.05], tickformat="d")
    return figure


def idle_hours(shares: Sequence[Sequence[float | None]]) -> go.Figure:
    """How much of each hour of the week a machine was idle, 0 to 1, a row for each day; blank where nobody knows."""
    figure = _figure(height=HEIGHT + 64)
    words = _("%{y} at %{x}: idle %{z:.0%}")
    figure.add_heatmap(
        z=shares, x=[f"{hour}:00" for hour in range(len(shares[0]))], y=[name(day, DAY) for day in DAY],
        zmin=0, zmax=1, colorscale=IDLE_SCALE, xgap=2, ygap=2, hoverongaps=False,
        hovertemplate=f"{words}<extra></extra>",
        colorbar={"tickformat": ".0%", "tickvals": [0, 0.5, 1], "thickness": 10, "outlinewidth": 0},
    )  # fmt: skip
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    figure.update_xaxes(type="category", showgrid=False, tickmode="array", tickvals=["0:00", "6:00", "12:00", "18:00"])
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
    start = moment(timeline.get("start"))
    if start is None:
        return []
    local = on_clock(start, timezone).replace(tzinfo=None)
    width = timedelta(seconds=float(timeline.get("bucket_seconds") or 0))
    return [local + index * width for index in range(len(_series(timeline, "submitted")))]


def _series(timeline: Timeline, key: str) -> list[float]:
    return list(timeline.get(key) or [])


def _figure(**layout: Any) -> go.Figure:
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


def _counted(figure: go.Figure) -> go.Figure:
    """Counts start at zero, are whole, and never stretch a single run over the whole height."""
    highest = max((float(value) for trace in figure.data for value in trace.y or ()), default=0.0)
    figure.update_yaxes(rangemode="tozero", tickformat="d", nticks=6)
    if highest < 4:
        figure.update_yaxes(range=[0, 4.2])
    return figure
