"""Nodes: which machines are there, what each does and why."""

from typing import Any

import streamlit as st

from idlegrid import Client, NodeInfo
from idlegrid_console.data import nodes
from idlegrid_console.texts import _
from idlegrid_console.widgets import choice, grid
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.node import node_panel
from idlegrid_console.widgets.owner import owner_panel
from idlegrid_console.widgets.parts import no_nodes, sandbox_column, state_column, time_column
from idlegrid_console.widgets.week import week_panel


@st.fragment(run_every=2)
def _nodes() -> None:
    with Live("nodes") as live:
        known = live.ask(Client.nodes)
        if known:
            _table(known)
            _chosen(known, live)
            _footnote()
        elif known is not None:
            no_nodes()


def _table(known: list[NodeInfo]) -> None:
    frame = nodes.table(known)
    st.session_state.shown_nodes = list(frame["node"])
    choice.mark("nodes_table", nodes.position(frame, st.session_state.get("chosen_node")))
    st.dataframe(
        frame, hide_index=True, key="nodes_table", on_select=_choose, selection_mode="single-row",
        column_config=_columns(), column_order=nodes.SHOWN, height="content", placeholder="", alt=_("Nodes"),
    )  # fmt: skip


def _choose() -> None:
    st.session_state.chosen_node = choice.marked("nodes_table", st.session_state.shown_nodes)


def _chosen(known: list[NodeInfo], live: Live) -> None:
    node = nodes.chosen(known, st.session_state.get("chosen_node"))
    if node is not None:
        node_panel(node)
        if whole := live.ask(Client.node, node_id=node.id):
            owner_panel(whole)
        if (known_week := live.ask(Client.node_week, node_id=node.id)) is not None:
            week_panel(node, known_week)
    else:
        st.caption(_("Choose a node by the box at its left to see its sandbox, and what would make it better."))


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "node": column.TextColumn(_("Node"), pinned=True),
        "state": state_column(_("State")),
        "why": column.TextColumn(_("Reason"), width=160),
        "since": time_column(_("Since"), "distance"),
        "owner": column.TextColumn(_("Owner"), width=90),
        "slots": column.TextColumn(_("Slots"), width=52, help=_("Used, of those it offers")),
        "cpu": column.ProgressColumn(_("CPU"), min_value=0, max_value=100, format="%.0f %%", width=72),
        "memory": column.ProgressColumn(_("Memory"), min_value=0, max_value=100, format="%.0f %%", width=72),
        "sandbox": sandbox_column(_("Sandbox")),
        "heartbeat": time_column(_("Last heartbeat"), "distance"),
        "version": column.TextColumn(_("Version"), width=64),
        "offers": column.TextColumn(_("Offers")),
    }


def _footnote() -> None:
    st.caption(_("A node takes work only in the states *idle* and *running*. To lend another machine, run there:"))
    st.code(grid.node_command(), language=None)


st.title(_("Nodes"), anchor=False)
_nodes()
