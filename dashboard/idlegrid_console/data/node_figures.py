"""The charts of nodes: what they were over time, when their owners lend them, and what that brought."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any

import pandas as pd
import plotly.express as px
import plotly.graph_objects as go

from idlegrid_console.data.clock import on_clock
from idlegrid_console.data.figures import HEIGHT, KIND_COLOURS, QUIET, STATE_COLOURS, blank, counted, even_times, series
from idlegrid_console.data.text import moment, one_line
from idlegrid_console.texts import DAY, NODE_KIND, NODE_REASON, NODE_STATE, _, name

IDLE_SCALE = ((0.0, "rgba(224, 160, 48, 0.9)"), (0.5, "rgba(138, 148, 163, 0.25)"), (1.0, "rgba(42, 157, 111, 0.95)"))
"""From the owner's hours to the idle ones, in the colours of these states; hours that are neither are pale."""

BAND = 26
"""The height of a node's band in pixels."""

FINEST = 400
"""Into how many parts a window is told at most: a part is some 3 pixels wide, and a flapping node stays drawable."""

Answer = Mapping[str, Any]


def nodes_over_time(samples: Answer, timezone: str | None = None) -> go.Figure:
    """How many nodes were of each kind, one kind on the other, from the overview's `samples`."""
    figure = blank()
    kinds = samples.get("nodes") or {}
    for kind, words in NODE_KIND.items():
        if any(kinds.get(kind) or ()):
            figure.add_scatter(
                x=sample_times(samples, timezone), y=series(kinds, kind), name=_(words), mode="lines", stackgroup="all",
                line={"color": KIND_COLOURS[kind], "width": 1, "shape": "hv"}, hovertemplate="%{y}",
            )  # fmt: skip
    figure.update_layout(hovermode="x unified")
    return counted(figure)


def sample_times(samples: Answer, timezone: str | None = None) -> list[datetime]:
    """When each sample was taken, on the visitor's clock."""
    return even_times(samples, "step_seconds", len(series(samples, "waiting")), timezone)


def bands(history: Answer, timezone: str | None = None) -> go.Figure:
    """What each node was, a band for each in the colours of the states, from the answer of `Client.node_history`."""
    frame = spells(history, timezone)
    nodes = list(dict.fromkeys(escape(one_line(worker["worker_id"])) for worker in history.get("workers") or ()))
    colours = {state_words(state): STATE_COLOURS.get(state, QUIET) for state in _in_order(set(frame["code"]))}
    figure = px.timeline(
        frame, x_start="from", x_end="to", y="node", color="state", color_discrete_map=colours, custom_data=["why"],
        category_orders={"node": nodes, "state": list(colours)},
    )  # fmt: skip
    figure.update_traces(hovertemplate="%{base} – %{x}<br>%{fullData.name}: %{customdata[0]}<extra>%{y}</extra>")
    figure.update_layout(**blank(height=BAND * max(1, len(nodes)) + 124, bargap=0.25).layout.to_plotly_json())
    figure.update_layout(legend_title_text="")
    figure.update_yaxes(title=None, type="category", showgrid=False)
    figure.update_xaxes(title=None, range=_window(history, timezone))
    return figure


def _in_order(states: Collection[str]) -> list[str]:
    """Always the same, whatever came first: the legend and the bars stay where they are."""
    return [state for state in NODE_STATE if state in states] + sorted(set(states) - set(NODE_STATE))


def spells(history: Answer, timezone: str | None = None) -> pd.DataFrame:
    """A row for each spell of each node: when, in which state and why; texts that Plotly may be given."""
    start, end = moment(history.get("start")), moment(history.get("end"))
    least = (end - start) / FINEST if start and end else timedelta()
    rows = [
        (escape(one_line(worker["worker_id"])), *spell)
        for worker in history.get("workers") or ()
        for spell in _drawn(coarser(worker.get("spells") or (), least), timezone)
    ]
    return pd.DataFrame(rows, columns=["node", "from", "to", "state", "why", "code"])


def coarser(told: Sequence[Answer], least: timedelta) -> list[dict[str, Any]]:
    """The spells with those shorter than `least` given to the one before them, and neighbours alike made one."""
    kept: list[dict[str, Any]] = []
    for spell in told:
        begin, end = moment(spell.get("from")), moment(spell.get("to"))
        if begin is None or end is None:
            continue
        if kept and (end - begin < least or _alike(kept[-1], spell)):
            kept[-1]["to"] = end
        else:
            kept.append({**spell, "from": begin, "to": end})
    return kept


def _alike(one: Answer, other: Answer) -> bool:
    return all(one.get(word) == other.get(word) for word in ("state", "reason"))


def _drawn(told: Sequence[Answer], timezone: str | None) -> list[tuple[Any, ...]]:
    return [
        (
            on_clock(spell["from"], timezone).replace(tzinfo=None),
            on_clock(spell["to"], timezone).replace(tzinfo=None),
            state_words(str(spell.get("state"))),
            escape(one_line(name(spell.get("reason"), NODE_REASON))),
            str(spell.get("state")),
        )
        for spell in told
    ]


def state_words(state: str) -> str:
    """A state in words that Plotly may be given."""
    return escape(one_line(name(state, NODE_STATE)))


def _window(history: Answer, timezone: str | None) -> list[datetime] | None:
    ends = [moment(history.get("start")), moment(history.get("end"))]
    known = [on_clock(end, timezone).replace(tzinfo=None) for end in ends if end]
    return known if len(known) == len(ends) else None


def idle_hours(shares: Sequence[Sequence[float | None]]) -> go.Figure:
    """How much of each hour of the week machines were idle, 0 to 1, a row for each day; blank where nobody knows."""
    figure = blank(height=HEIGHT + 64)
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
