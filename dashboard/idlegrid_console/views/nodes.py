"""Nodes: which machines are there, what each does and why, and what they were; one of them on a page of its own."""

import streamlit as st

from idlegrid import Client
from idlegrid.models import NodePage
from idlegrid_console.texts import _
from idlegrid_console.widgets import grid
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.node_acts import steering
from idlegrid_console.widgets.node_charts import all_weeks, bands
from idlegrid_console.widgets.node_filters import ANY, FILTERS, WINDOWS, filter_bar, paging, span_choice, turn_to
from idlegrid_console.widgets.node_page import QUERY, node_page
from idlegrid_console.widgets.node_table import OPENED, SHOWN, node_table
from idlegrid_console.widgets.parts import no_nodes

PAGE_SIZE = 20
"""Rows at a time: the table and the bands of its nodes stay readable."""


@st.fragment(run_every=2, key="nodes")
def _nodes() -> None:
    if opened := st.session_state.pop(OPENED, None):
        st.session_state[QUERY] = st.query_params.to_dict()
        st.switch_page("views/nodes.py", query_params={"node": opened})
    filter_bar()
    with Live("nodes") as live:
        if (page := _page(live)) is None:
            return
        st.session_state[SHOWN] = [node.id for node in page.items]
        if page.items:
            _shown(page)
        elif any(FILTERS.value(parameter) not in (ANY, "") for parameter in ("status", "state", "search")):
            st.caption(_("No node is like that."))
        else:
            no_nodes()


def _page(live: Live) -> NodePage | None:
    """The page that was asked for; the last one when there are fewer by now."""
    found = _asked(live)
    if found is not None and not found.items and found.page > 1:
        turn_to(max(1, found.total_pages))
        found = _asked(live)
    return found


def _asked(live: Live) -> NodePage | None:
    status, state = (None if (value := FILTERS.value(key)) == ANY else value for key in ("status", "state"))
    sort = FILTERS.value("sort")
    return live.ask(
        Client.node_page, page=FILTERS.value("page"), size=PAGE_SIZE, search=FILTERS.value("search"), status=status,
        state=state, sort=sort.removeprefix("-"), order="desc" if sort.startswith("-") else "asc",
    )  # fmt: skip


def _shown(page: NodePage) -> None:
    marked = node_table(page.items)
    with st.container(horizontal=True, vertical_alignment="center"):
        if page.total_pages > 1:
            paging(page.total_pages)
        steering(marked, "marked")
        st.caption(_("{count} nodes").format(count=page.total))


@st.fragment(run_every=5, key="node_history")
def _history() -> None:
    if not (shown := st.session_state.get(SHOWN)):
        return
    span_choice()
    with Live("node_history", quiet=True) as live:
        bands(live, shown, WINDOWS[FILTERS.value("window")], _("What these nodes were"), "node_bands")
        all_weeks(live)
    st.caption(_("A node takes work only in the states *idle* and *running*. To lend another machine, run there:"))
    st.code(grid.node_command(), language=None)


node_id = st.query_params.get("node")
if st.session_state.just_opened or st.session_state.get("node_stood"):
    FILTERS.restore()
st.session_state.node_stood = node_id
if node_id:
    node_page(node_id)
else:
    st.title(_("Nodes"), anchor=False)
    _nodes()
    _history()
