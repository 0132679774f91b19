"""What an endpoint was sent: a page of it, which may be filtered by the address, and one of it in full."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from idlegrid import Client
from idlegrid_console.data import system_figures, webhooks
from idlegrid_console.data.text import plain_markdown
from idlegrid_console.system_texts import DELIVERY_STATE
from idlegrid_console.texts import _
from idlegrid_console.widgets import choice, grid
from idlegrid_console.widgets.acts import carry_out
from idlegrid_console.widgets.filters import Filters
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import facts, label_column, time_column

FILTERS = Filters("webhooks", {"state": "all", "page": 1}, {"state": ("all", *DELIVERY_STATE)})
"""Of the deliveries of the chosen endpoint."""

PAGE_SIZE = 10
"""Deliveries at a time."""


def deliveries(webhook_id: int, live: Live) -> None:
    """A page of what the endpoint was and is to be sent, and one of it in full."""
    st.markdown(_("**Deliveries**"))
    st.segmented_control(
        _("State"), ["all", *DELIVERY_STATE], key=FILTERS.key("state"), required=True, on_change=_changed,
        default=FILTERS.given("state"),
        format_func=lambda code: _("all") if code == "all" else _(DELIVERY_STATE[code]), label_visibility="collapsed",
    )  # fmt: skip
    state = FILTERS.value("state")
    page = live.ask(
        Client.deliveries, webhook_id=webhook_id, page=FILTERS.value("page"), size=PAGE_SIZE,
        state=None if state == "all" else state,
    )  # fmt: skip
    if page is not None and page["items"]:
        _table(page["items"])
        _delivery(webhook_id, page["items"])
    elif page is not None:
        st.caption(_("Nothing like that was sent to it."))
    if page is not None and page["total_pages"] > 1:
        pages = int(page["total_pages"])
        st.session_state[FILTERS.key("page")] = min(FILTERS.value("page"), pages)
        st.pagination(pages, key=FILTERS.key("page"), on_change=FILTERS.keep)


def _changed() -> None:
    st.session_state[FILTERS.key("page")] = 1
    FILTERS.keep()


def _table(items: Sequence[dict[str, Any]]) -> None:
    st.session_state.shown_deliveries = [item.get("id") for item in items]
    choice.mark("deliveries_table", webhooks.position(items, st.session_state.get("chosen_delivery")))
    st.dataframe(
        webhooks.deliveries(items), hide_index=True, key="deliveries_table", on_select=_choose,
        selection_mode="single-row", column_config=_columns(), height="content", placeholder="", alt=_("Deliveries"),
    )  # fmt: skip


def _choose() -> None:
    st.session_state.chosen_delivery = choice.marked("deliveries_table", st.session_state.shown_deliveries)


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "event": column.TextColumn(_("Event"), width=150, pinned=True),
        "state": label_column(_("State"), DELIVERY_STATE, system_figures.DELIVERY_COLOURS, width=96),
        "status": column.NumberColumn(_("HTTP"), format="%d", width=60),
        "attempts": column.NumberColumn(_("Tries"), format="%d", width=56),
        "made": time_column(_("Made"), "D MMM HH:mm:ss", 116),
        "ended": time_column(_("Ended"), "D MMM HH:mm:ss", 116),
        "seconds": column.NumberColumn(_("Took"), format="%.3f s", width=80),
        "next": time_column(_("Next try"), "distance", 110),
        "error": column.TextColumn(_("Error"), width=240),
    }


def _delivery(webhook_id: int, items: Sequence[dict[str, Any]]) -> None:
    at = webhooks.position(items, st.session_state.get("chosen_delivery"))
    if not at:
        st.caption(_("Choose a delivery by the box at its left to see what is sent, and to send it again."))
        return
    item = items[at[0]]
    with st.container(border=True, key="delivery"):
        facts(webhooks.delivery_facts(item, datetime.now(UTC), st.context.timezone), in_a_row=6)
        if item.get("error"):
            st.error(plain_markdown(item["error"]), icon=":material/error:")
        st.code(webhooks.body(item), language="json", height=220, wrap_lines=True)
        st.button(
            _("Send again"), icon=":material/replay:", key="delivery_resend", on_click=_resend,
            args=(webhook_id, str(item.get("id"))),
        )  # fmt: skip


def _resend(webhook_id: int, delivery_id: str) -> None:
    carry_out(Client.resend, grid.client(), webhook_id, delivery_id, done=_("It is on its way once more."))
