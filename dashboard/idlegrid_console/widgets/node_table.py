"""The list of nodes: a page of it, whose rows may be marked to act on several at once."""

from typing import Any

import streamlit as st

from idlegrid import NodeInfo
from idlegrid_console.data import nodes
from idlegrid_console.texts import _
from idlegrid_console.widgets import choice
from idlegrid_console.widgets.parts import node_mark_column, sandbox_column, state_column, time_column

OPENED, MARKED, SHOWN = "node_to_open", "marked_nodes", "shown_nodes"
TABLE, CLICK = "nodes_table", "node_click"


def node_table(items: tuple[NodeInfo, ...]) -> list[NodeInfo]:
    """Draw the nodes, and return those that are marked. Which one is to be opened is in `session_state[OPENED]`."""
    frame = nodes.table(items)
    marked = st.session_state.setdefault(MARKED, [])
    st.session_state[SHOWN] = [node.id for node in items]
    choice.mark(TABLE, [row for row, node in enumerate(items) if node.id in marked])
    st.dataframe(
        frame, hide_index=True, key=TABLE, on_select=_mark, selection_mode="multi-row", column_config=_columns(),
        column_order=nodes.worth_showing(frame), height="content", placeholder="", alt=_("Nodes"),
    )  # fmt: skip
    return [node for node in items if node.id in marked]


def _mark() -> None:
    rows = st.session_state[TABLE]["selection"]["rows"]
    st.session_state[MARKED] = nodes.chosen(rows, st.session_state[SHOWN])


def _open() -> None:
    """The page is changed while the table is drawn: a callback may not."""
    found = nodes.chosen([st.session_state[CLICK]["row"]], st.session_state[SHOWN])
    st.session_state[OPENED] = found[0] if found else None


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "open": column.ButtonColumn("", type="tertiary", on_click=_open, key=CLICK, pinned=True, width=56),
        "node": column.TextColumn(_("Node"), pinned=True),
        "mark": node_mark_column(_("Mark")),
        "state": state_column(_("State")),
        "why": column.TextColumn(_("Reason"), width=150),
        "since": time_column(_("Since"), "distance", 118),
        "owner": column.TextColumn(_("Owner"), width=84),
        "work": column.TextColumn(_("Runs"), width=52, help=_("Held, of those that it takes at most")),
        "cpu": _percent(_("CPU")),
        "memory": _percent(_("Memory")),
        "sandbox": sandbox_column(_("Sandbox")),
        "higher": column.TextColumn(_("Why not higher"), width=150),
        "ended": column.NumberColumn(_("Ended/min"), format="%.1f", width=72, help=_("Attempts that ended there")),
        "failed": column.NumberColumn(_("Failed/min"), format="%.1f", width=72, help=_("Attempts that failed there")),
        "cores": column.NumberColumn(_("Cores"), format="%.3g", width=52, help=_("Offered to runs in all")),
        "memory_gb": column.NumberColumn(_("GB"), format="%.1f", width=52, help=_("Memory offered to runs in all")),
        "version": column.TextColumn(_("Version"), width=64),
        "python": column.TextColumn("Python", width=60),
        "heartbeat": time_column(_("Last heartbeat"), "distance"),
        "labels": column.TextColumn(_("Labels"), width=120),
    }


def _percent(label: str) -> Any:
    return st.column_config.ProgressColumn(
        label, min_value=0, max_value=100, format="%.0f %%", width=72, help=_("Used, by anybody")
    )
