"""Webhooks: who is told of what happens, and how that goes."""

from typing import Any

import streamlit as st

from idlegrid import Client
from idlegrid_console.data import webhooks
from idlegrid_console.data.system_figures import WEBHOOK_COLOURS
from idlegrid_console.system_texts import WEBHOOK_STATE
from idlegrid_console.texts import _
from idlegrid_console.widgets import address, choice, once, rights
from idlegrid_console.widgets.deliveries import FILTERS
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import empty, label_column, time_column
from idlegrid_console.widgets.webhook import webhook_panel
from idlegrid_console.widgets.webhook_form import PLACE, close_form, is_new, is_open, open_form, webhook_form

PAGE_SIZE = 10
"""Rows at a time: the table and the chosen endpoint fit one screen."""


@st.fragment(run_every=3, key="webhooks")
def _webhooks() -> None:
    if is_open():
        st.rerun()
    with Live("webhooks") as live:
        number = st.session_state.get("webhooks_page") or 1
        page = live.ask(Client.webhooks, page=number, size=PAGE_SIZE)
        if page is None:
            return
        if page["items"]:
            _table(page["items"])
        else:
            empty(_("No webhooks yet."), _("A webhook tells an address of yours what happens here, as it happens."))
        if page["total_pages"] > 1:
            st.pagination(int(page["total_pages"]), key="webhooks_page")
        _chosen(page["items"], live)


def _table(items: list[dict[str, Any]]) -> None:
    st.session_state.shown_webhooks = [item.get("id") for item in items]
    choice.mark("webhooks_table", webhooks.position(items, st.session_state.get("chosen_webhook")))
    st.dataframe(
        webhooks.table(items), hide_index=True, key="webhooks_table", on_select=_choose, height="content",
        selection_mode="single-row", column_config=_columns(), placeholder="", alt=_("Webhooks"),
    )  # fmt: skip


def _choose() -> None:
    st.session_state.chosen_webhook = choice.marked("webhooks_table", st.session_state.shown_webhooks)
    st.session_state.chosen_delivery, st.session_state[FILTERS.key("page")] = None, 1
    FILTERS.keep()
    address.put("webhook", st.session_state.chosen_webhook)


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "id": column.NumberColumn(_("Webhook"), format="%d", width=72, pinned=True),
        "url": column.TextColumn(_("URL"), width="large"),
        "state": label_column(_("State"), WEBHOOK_STATE, WEBHOOK_COLOURS, width=104),
        "events": column.TextColumn(_("Events"), width=220),
        "failing": time_column(_("Failing since"), "distance", 110),
        "owner": column.TextColumn(_("Made by"), width=100),
        "made": time_column(_("Made"), "distance", 110),
    }


def _chosen(items: list[dict[str, Any]], live: Live) -> None:
    wanted = st.session_state.get("chosen_webhook")
    if at := webhooks.position(items, wanted):
        webhook_panel(items[at[0]], live)
    elif wanted is not None and (found := live.ask(webhook_by_id, webhook_id=wanted)) is not None:
        webhook_panel(found, live)
    elif items:
        st.caption(_("Choose a webhook by the box at its left to try it, and to see what it was sent."))


def webhook_by_id(client: Client, webhook_id: int) -> dict[str, Any]:
    """One endpoint, on whatever page of the list it stands."""
    return client.webhook(webhook_id)


@st.fragment(key="webhook_form")
def _form() -> None:
    if not is_open():
        st.rerun()
    webhook_form()


if st.session_state.just_opened:
    once.forget(PLACE)
    close_form()
    st.session_state.chosen_webhook = address.number("webhook") or st.session_state.get("chosen_webhook")
if st.session_state.just_opened or is_open():
    FILTERS.restore()
with st.container(horizontal=True, vertical_alignment="center"):
    titles = (_("New webhook") if is_new() else _("Change webhook")) if is_open() else _("Webhooks")
    st.title(titles, anchor=False, width="stretch")
    if rights.may("webhooks") and not is_open():
        st.button(_("New webhook"), type="primary", icon=":material/add:", key="webhook_new", on_click=open_form,
                  args=(None,))  # fmt: skip
once.shown(PLACE)
if is_open():
    _form()
else:
    _webhooks()
