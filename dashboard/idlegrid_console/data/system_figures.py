"""The charts of queues and of what was harvested: from the coordinator's numbers to Plotly figures (see `figures`)."""

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from idlegrid_console.data.clock import on_clock
from idlegrid_console.data.figures import (
    DONE,
    FAILED,
    HEIGHT,
    QUIET,
    WAITING,
    blank,
    bucket_times,
    counted,
    series,
)
from idlegrid_console.data.text import moment
from idlegrid_console.texts import _

UNSURE, PALE = "#e0a030", "#7fb7d6"

SERVED_COLOURS = {"unserved": FAILED, "held": UNSURE, "served": DONE}
LEVEL_COLOURS = {"info": QUIET, "warn": UNSURE, "error": FAILED}
KEY_COLOURS = {"valid": DONE, "spent": QUIET, "expired": UNSURE, "revoked": QUIET}
WEBHOOK_COLOURS = {"on": DONE, "failing": UNSURE, "off": QUIET, "switched_off": FAILED}
DELIVERY_COLOURS = {"delivered": DONE, "pending": WAITING, "failed": FAILED}
"""One colour per code of `system_texts`' table of the same name."""

MOST_BARS = 12
"""Classes in the chart of waits, the slowest ones: more cannot be read."""

ROW = 34
"""Pixels that a class takes in that chart."""

LABEL = 46
"""Characters of a class's name in it: a longer one leaves no room for the bars."""

LEAST_HOURS = 0.1
"""Core-hours that the axis reaches at least: a few seconds are no mountain."""


def depth(samples: Mapping[str, Any], timezone: str | None = None) -> go.Figure:
    """Runs that waited and that were running, over time, by `samples` of `GET /api/system/overview`."""
    waiting, running = series(samples, "waiting"), series(samples, "running")
    words = {"start": samples.get("start"), "bucket_seconds": samples.get("step_seconds"), "submitted": waiting}
    times, figure = bucket_times(words, timezone), blank()
    lines = ((waiting, _("waiting"), WAITING, "tozeroy"), (running, _("running"), DONE, None))
    for counts, label, colour, fill in lines:
        figure.add_scatter(
            x=times, y=counts, name=label, mode="lines", connectgaps=False, fill=fill,
            line={"color": colour, "width": 2, "shape": "hv"},
        )  # fmt: skip
    return counted(figure)


def waits(table: pd.DataFrame) -> go.Figure:
    """The p50 and p95 wait of each class in seconds, the slowest at the top; `table` is that of `queues.waits`."""
    shown = table.head(MOST_BARS)
    labels = [_label(row) for row in shown.to_dict("records")]
    figure = blank(barmode="overlay", bargap=0.3, height=HEIGHT + ROW * max(0, len(labels) - 4))
    for column, words, colour in (("p95", _("19 of 20 waited less"), PALE), ("p50", _("half waited less"), WAITING)):
        figure.add_bar(
            y=labels, x=list(shown[column]), name=words, orientation="h", marker_color=colour,
            hovertemplate="%{y}<br>%{x:.3~g} s<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(type="category", autorange="reversed")
    figure.update_xaxes(rangemode="tozero", ticksuffix=" s", nticks=6)
    return figure


def _label(row: Mapping[Any, Any]) -> str:
    """A class on the axis, in lines that leave room for the bars; Plotly reads HTML there."""
    text = f"{row['priority']}, {row['needs']}"
    cut = text if len(text) <= LABEL else f"{text[: LABEL - 1]}…"
    first, comma, rest = cut.partition(", ")
    return escape(first) + (f"<br>{escape(rest)}" if comma else "")


def harvest(usage: Mapping[str, Any], timezone: str | None = None) -> go.Figure:
    """Core-hours that runs used, hour by hour."""
    hours = [(moment(hour.get("start")), hour.get("cpu_seconds") or 0.0) for hour in usage.get("hours") or []]
    known = [(on_clock(start, timezone).replace(tzinfo=None), used / 3600) for start, used in hours if start]
    figure = blank(showlegend=False, bargap=0.1)
    figure.add_bar(
        x=[start for start, _used in known], y=[used for _start, used in known], name=_("core-hours"),
        marker_color=DONE, hovertemplate="%{x}: %{y:.3~g} h<extra></extra>",
    )  # fmt: skip
    most = max((used for _start, used in known), default=0.0)
    figure.update_yaxes(rangemode="tozero", ticksuffix=" h", tickformat=".2~f", nticks=6)
    if most < LEAST_HOURS:
        figure.update_yaxes(range=[0, LEAST_HOURS])
    return figure
