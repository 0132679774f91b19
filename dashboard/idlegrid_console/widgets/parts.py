"""Small parts: a chart, a tile, an empty place, a coloured label."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from idlegrid_console.data.figures import STATE_COLOURS, STATUS_COLOURS
from idlegrid_console.texts import NODE_STATE, RUN_STATUS, _, name
from idlegrid_console.widgets import grid

CHART_CONFIG = {"displaylogo": False, "displayModeBar": False}
"""No toolbar: the charts are read at a glance; a drag zooms and a double click goes back without it."""

_BADGES = {"pending": "orange", "running": "blue", "completed": "green", "failed": "red", "aborted": "gray"}
_ICONS = {
    "pending": ":material/hourglass_empty:",
    "running": ":material/play_circle:",
    "completed": ":material/check_circle:",
    "failed": ":material/error:",
    "aborted": ":material/cancel:",
}


def chart(title: str, figure: go.Figure, key: str) -> None:
    """A chart under its title, in a card. The key keeps the same chart on the page from refresh to refresh."""
    with st.container(border=True):
        st.markdown(f"**{title}**")
        st.plotly_chart(figure, width="stretch", key=key, config=CHART_CONFIG, alt=title)


def tile(label: str, value: int | None, help_text: str) -> None:
    """A number in a card; a dash while it is not known."""
    st.metric(label, value, help=help_text, border=True, format="localized")


def status_badge(status: str) -> None:
    """A run's status as a coloured label."""
    colour: Any = _BADGES.get(status, "gray")
    st.badge(name(status, RUN_STATUS) or "?", color=colour, icon=_ICONS.get(status))


def no_nodes() -> None:
    """What to do while the grid has no node."""
    empty(
        _("No node yet."),
        _("Run this on a spare machine, or on this one, to lend its idle time to the grid:"),
        f"idlegrid node --server {grid.address()}",
    )


def no_runs() -> None:
    """What to do while the grid has no run."""
    empty(
        _("No runs yet."),
        _("Submit code on the Submit page, or from a shell:"),
        f"echo 'print(1 + 1)' | idlegrid submit --server {grid.address()} - --wait",
    )


def empty(title: str, advice: str, command: str | None = None) -> None:
    """An empty place that says what to do next."""
    with st.container(border=True):
        st.markdown(f"**{title}**")
        st.markdown(advice)
        if command:
            st.code(command, language=None)


def status_column(label: str) -> Any:
    """A table's column of run statuses, in their colours."""
    return _labels(label, RUN_STATUS, STATUS_COLOURS)


def state_column(label: str) -> Any:
    """A table's column of node states, in their colours."""
    return _labels(label, NODE_STATE, STATE_COLOURS)


def _labels(label: str, words: dict[str, str], colours: dict[str, str]) -> Any:
    return st.column_config.MultiselectColumn(
        label,
        options=list(words),
        color=[colours[code] for code in words],
        format_func=lambda code: name(code, words),
        width=92,
    )


def time_column(label: str, form: str = "YYYY-MM-DD HH:mm:ss") -> Any:
    """A table's column of times, on the visitor's clock."""
    return st.column_config.DatetimeColumn(label, format=form, timezone=st.context.timezone)
