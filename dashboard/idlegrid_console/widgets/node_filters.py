"""What of the nodes is shown: filters, order and page, which stand in the address."""

import streamlit as st

from idlegrid_console.texts import NODE_SORT, NODE_STATE, NODE_STATUS, _, name
from idlegrid_console.widgets.filters import Filters
from idlegrid_console.widgets.node_table import MARKED

ANY, TURNED = "all", "nodes_turned"
WINDOWS = {"1h": 3600, "24h": 86_400, "7d": 604_800}
FILTERS = Filters(
    "nodes",
    {"status": ANY, "state": ANY, "search": "", "sort": "hostname", "page": 1, "window": "24h"},
    {"status": (ANY, *NODE_STATUS), "state": (ANY, *NODE_STATE), "sort": NODE_SORT, "window": WINDOWS},
)


def filter_bar() -> None:
    """By status and state, in which order, and what is searched for."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            _("Status"), [ANY, *NODE_STATUS], key=FILTERS.key("status"), required=True, on_change=_filtered,
            default=FILTERS.given("status"),
            format_func=lambda code: _("all") if code == ANY else name(code, NODE_STATUS), label_visibility="collapsed",
        )  # fmt: skip
        states, orders = [ANY, *NODE_STATE], list(NODE_SORT)
        st.selectbox(
            _("State"), states, states.index(FILTERS.given("state")), key=FILTERS.key("state"), width=170,
            on_change=_filtered,
            format_func=lambda code: _("any state") if code == ANY else name(code, NODE_STATE),
            label_visibility="collapsed",
        )  # fmt: skip
        st.selectbox(
            _("Order"), orders, orders.index(FILTERS.given("sort")), key=FILTERS.key("sort"), width=190,
            on_change=_filtered,
            format_func=lambda code: name(code, NODE_SORT), label_visibility="collapsed",
        )  # fmt: skip
        st.text_input(
            _("Search"), FILTERS.given("search"), key=FILTERS.key("search"), label_visibility="collapsed",
            type="search", width=240, max_chars=100, placeholder=_("Search names"), on_change=_filtered,
        )  # fmt: skip


def _filtered() -> None:
    turn_to(1)
    FILTERS.keep()


def _turned(key: str) -> None:
    FILTERS.put("page", st.session_state[key])
    st.session_state[MARKED] = []
    FILTERS.keep()


def turn_to(page: int) -> None:
    """Show this page. Another widget shows it: the one that was drawn goes on showing what was pressed there."""
    FILTERS.put("page", page)
    st.session_state[TURNED] = st.session_state.get(TURNED, 0) + 1
    st.session_state[MARKED] = []


def paging(pages: int) -> None:
    """The way to the other pages."""
    key = f"turn_{st.session_state.get(TURNED, 0)}"
    now = min(max(1, FILTERS.value("page")), pages)
    st.pagination(pages, default=now, key=key, on_change=_turned, args=(key,))


def span_choice() -> None:
    """Over how long what nodes were is drawn."""
    names = {"1h": _("1 hour"), "24h": _("24 hours"), "7d": _("7 days")}
    st.segmented_control(
        _("Span"), list(WINDOWS), default=FILTERS.given("window"), key=FILTERS.key("window"), required=True,
        format_func=lambda code: names[code], label_visibility="collapsed", on_change=FILTERS.keep,
    )  # fmt: skip
