"""Small parts: a chart, a tile, an empty place, a coloured label."""

from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from idlegrid_console.data import sandbox
from idlegrid_console.data.figures import MARK_COLOURS, SANDBOX_COLOURS, STATE_COLOURS, STATUS_COLOURS, TASK_COLOURS
from idlegrid_console.data.nodes import SUSPECT
from idlegrid_console.data.text import plain_markdown
from idlegrid_console.texts import NODE_MARK, NODE_STATE, RUN_STATUS, SANDBOX_LEVEL, TASK_STATUS, _, name
from idlegrid_console.widgets import grid

CHART_CONFIG = {"displaylogo": False, "displayModeBar": False}
"""No toolbar: the charts are read at a glance; a drag zooms and a double click goes back without it."""

_BADGES = {
    "pending": "orange", "running": "blue", "completed": "green", "failed": "red", "aborted": "gray",
    "active": "blue", "paused": "violet",
}  # fmt: skip
_STATE_BADGES = {
    "idle": "green", "running": "blue", "frozen": "blue", "busy": "orange", "cooling": "orange", "evicting": "orange",
    "paused": "violet", "draining": "violet",
}  # fmt: skip
_ICONS = {
    "pending": ":material/hourglass_empty:",
    "running": ":material/play_circle:",
    "completed": ":material/check_circle:",
    "failed": ":material/error:",
    "aborted": ":material/cancel:",
    "active": ":material/event_available:",
    "paused": ":material/pause_circle:",
}


def chart(title: str, figure: go.Figure, key: str, alt: str = "") -> None:
    """A chart under its title, in a card, and what it shows in a sentence (`alt`) for those who hear it.

    The key keeps the same chart on the page from refresh to refresh.
    """
    with st.container(border=True):
        st.markdown(f"**{title}**")
        st.plotly_chart(figure, width="stretch", key=key, config=CHART_CONFIG, alt=alt or title)


def tile(label: str, value: int | None, help_text: str, trend: Sequence[float] | None = None) -> None:
    """A number in a card, over how it went lately, if that is known; a dash while it is not known."""
    st.metric(label, value, help=help_text, border=True, format="localized", chart_data=trend, chart_type="area")


def status_badge(status: str) -> None:
    """A run's or a task's status as a coloured label."""
    colour: Any = _BADGES.get(status, "gray")
    words = name(status, RUN_STATUS | TASK_STATUS) or "?"
    st.badge(plain_markdown(words), color=colour, icon=_ICONS.get(status))


def state_badge(state: str) -> None:
    """A node's state as a coloured label."""
    colour: Any = _STATE_BADGES.get(state, "gray")
    st.badge(plain_markdown(name(state, NODE_STATE) or "?"), color=colour, icon=":material/dns:")


def node_mark_badge(mark: str) -> None:
    """What an operator should know of a node, as a coloured label."""
    colour: Any = "red" if mark == SUSPECT else "violet"
    st.badge(plain_markdown(name(mark, NODE_MARK)), color=colour, icon=":material/warning:")


def sandbox_badge(level: int | None) -> None:
    """The level of a node's sandbox as a coloured label; level 0 says that the node refuses work."""
    colour: Any = {"4": "green", "3": "green", "2": "orange", "1": "orange", "0": "red"}.get(
        sandbox.code(level), "gray"
    )
    icon = ":material/block:" if level == 0 else ":material/shield:"
    st.badge(plain_markdown(sandbox.level_name(level) or _("unknown")), color=colour, icon=icon)


def facts(known: Iterable[tuple[str, str]], in_a_row: int = 4) -> None:
    """Labels with their texts."""
    with st.grid(in_a_row, min_column_width=150):
        for label, value in known:
            with st.container(gap=None):
                st.caption(label)
                st.text(value)


def no_nodes() -> None:
    """What to do while the grid has no node."""
    empty(
        _("No node yet."),
        _("Run this on a spare machine, or on this one, to lend its idle time to the grid:"),
        grid.node_command(),
    )


def no_runs() -> None:
    """What to do while the grid has no run."""
    empty(
        _("No runs yet."),
        _("Submit code on the Submit page, or from a shell:"),
        f"echo 'print(1 + 1)' | idlegrid submit --server {grid.address()} - --wait",
    )


def no_tasks() -> None:
    """What to do while the grid has no task."""
    empty(
        _("No tasks yet."),
        _("A task is work that runs more than once: by a schedule, after other tasks, or when it is triggered."),
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
    return label_column(label, RUN_STATUS, STATUS_COLOURS)


def task_status_column(label: str) -> Any:
    """A table's column of task statuses, in their colours."""
    return label_column(label, TASK_STATUS, TASK_COLOURS)


def state_column(label: str) -> Any:
    """A table's column of node states, in their colours."""
    return label_column(label, NODE_STATE, STATE_COLOURS)


def node_mark_column(label: str) -> Any:
    """A table's column of what an operator should know of nodes."""
    return label_column(label, NODE_MARK, MARK_COLOURS, width=156)


def sandbox_column(label: str) -> Any:
    """A table's column of sandbox levels, in their colours."""
    return label_column(label, SANDBOX_LEVEL, SANDBOX_COLOURS, width=148, help_text=_("How well it isolates runs"))


def label_column(
    label: str, words: dict[str, str], colours: dict[str, str], *, width: int = 92, help_text: str | None = None
) -> Any:
    """A table's column of codes (each cell a list of one) by their words, in their colours."""
    return st.column_config.MultiselectColumn(
        label,
        options=list(words),
        color=[colours[code] for code in words],
        format_func=lambda code: name(code, words),
        width=width,
        help=help_text,
    )


def time_column(label: str, form: str = "YYYY-MM-DD HH:mm:ss", width: int | None = None) -> Any:
    """A table's column of times, on the visitor's clock; as wide as what stands in it, or so many pixels."""
    return st.column_config.DatetimeColumn(label, format=form, timezone=st.context.timezone, width=width)
