"""Nodes: which machines are there, what each does and why."""

from typing import Any

import streamlit as st

from idlegrid import Client
from idlegrid_console.data import nodes
from idlegrid_console.texts import _
from idlegrid_console.widgets import grid
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import no_nodes, state_column, time_column


@st.fragment(run_every=2)
def _nodes() -> None:
    with Live("nodes") as live:
        known = live.ask(Client.nodes)
        if known:
            st.dataframe(
                nodes.table(known), hide_index=True, key="nodes", column_config=_columns(), height="content",
                column_order=nodes.SHOWN,
                placeholder="", alt=_("Nodes"),
            )  # fmt: skip
            _footnote()
        elif known is not None:
            no_nodes()


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "node": column.TextColumn(_("Node"), pinned=True),
        "state": state_column(_("State")),
        "why": column.TextColumn(_("Reason"), width=185),
        "since": time_column(_("Since"), "distance"),
        "owner": column.TextColumn(_("Owner"), width=90),
        "slots": column.TextColumn(_("Slots"), width=52, help=_("Used, of those it offers")),
        "cpu": column.ProgressColumn(_("CPU"), min_value=0, max_value=100, format="%.0f %%", width=72),
        "memory": column.ProgressColumn(_("Memory"), min_value=0, max_value=100, format="%.0f %%", width=72),
        "sandbox": column.TextColumn(_("Sandbox"), width=100, help=_("Its level, and what provides it")),
        "heartbeat": time_column(_("Last heartbeat"), "distance"),
        "version": column.TextColumn(_("Version"), width=64),
        "offers": column.TextColumn(_("Offers")),
    }


def _footnote() -> None:
    st.caption(_("A node takes work only in the states *idle* and *running*. To lend another machine, run there:"))
    st.code(f"idlegrid node --server {grid.address()}", language=None)


st.title(_("Nodes"), anchor=False)
_nodes()
