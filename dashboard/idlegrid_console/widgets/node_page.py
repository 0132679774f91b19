"""A node's own page: what it does and did, what runs there, its owner's rules, its week and its sandbox."""

from datetime import UTC, datetime

import streamlit as st

from idlegrid import Client, NodeInfo
from idlegrid_console.data import nodes
from idlegrid_console.data.text import one_line, plain_markdown
from idlegrid_console.texts import _
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.node import sandbox_panel
from idlegrid_console.widgets.node_acts import quarantine, steering, unregistering
from idlegrid_console.widgets.node_charts import bands
from idlegrid_console.widgets.node_wishes import wishes_panel
from idlegrid_console.widgets.owner import owner_panel
from idlegrid_console.widgets.parts import facts, node_mark_badge, state_badge
from idlegrid_console.widgets.task_links import run_link
from idlegrid_console.widgets.week import week_panel

DAY = 86_400
FOUND, QUERY = "found_node", "nodes_query"

MOST_LINKS = 12
"""Of so many of the runs that a node holds there is a link; its list of runs has them all."""


def node_page(node_id: str) -> None:
    """The page of the node with this id, which may be none."""
    back = st.session_state.get(QUERY) or None
    st.page_link("views/nodes.py", label=_("All nodes"), icon=":material/arrow_back:", query_params=back)
    st.title(plain_markdown(one_line(node_id)), anchor=False)
    st.session_state[FOUND] = None
    _head(node_id)
    _day(node_id)
    _about(node_id)
    _wishes(node_id)


@st.fragment(run_every=2, key="node_head")
def _head(node_id: str) -> None:
    with Live("node") as live:
        node = live.ask(Client.node, node_id=node_id)
        if node is None:
            return
        st.session_state[FOUND] = node_id
        with st.container(horizontal=True, vertical_alignment="center"):
            state_badge(node.doing)
            for mark in nodes.marks(node):
                node_mark_badge(mark)
            st.space("stretch")
            steering([node], "node")
            unregistering(node)
        quarantine(node)
        with st.container(border=True):
            facts(nodes.facts(node, datetime.now(UTC), st.context.timezone))
            _runs(node)


def _runs(node: NodeInfo) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        for run in nodes.held_runs(node)[:MOST_LINKS]:
            run_link(run["run_id"])
        st.page_link(
            "views/runs.py", label=_("Its latest runs"), icon=":material/list_alt:", query_params={"worker_id": node.id}
        )


@st.fragment(run_every=5, key="node_day")
def _day(node_id: str) -> None:
    if st.session_state.get(FOUND) == node_id:
        with Live("node_day", quiet=True) as live:
            bands(live, [node_id], DAY, _("The last 24 hours"), "node_day_chart")


@st.fragment(run_every=5, key="node_about")
def _about(node_id: str) -> None:
    if st.session_state.get(FOUND) != node_id:
        return
    with Live("node_about", quiet=True) as live:
        if node := live.ask(Client.node, node_id=node_id):
            owner_panel(node)
            if (known := live.ask(Client.node_week, slowly=True, node_id=node_id)) is not None:
                week_panel(node, known)
            sandbox_panel(node)


@st.fragment(key="node_wishes")
def _wishes(node_id: str) -> None:
    """It refreshes with what is pressed in it alone: nothing that is being typed is disturbed."""
    if st.session_state.get(FOUND) == node_id:
        with Live("node_wishes", quiet=True) as live:
            if node := live.ask(Client.node, node_id=node_id):
                wishes_panel(node)
