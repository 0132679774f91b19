"""Keys: who may do what, until when, and making and revoking them."""

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from idlegrid import Client
from idlegrid_console.data import keys
from idlegrid_console.texts import _
from idlegrid_console.widgets import once, rights
from idlegrid_console.widgets.key_list import FILTERS, filters, key_table
from idlegrid_console.widgets.keys import PLACE, close_form, is_open, key_form, key_panel, open_form
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import empty

PAGE_SIZE = 15
"""Rows at a time: the table and the chosen key fit one screen."""


@st.fragment(run_every=10, key="keys")
def _keys() -> None:
    state, search = filters()
    with Live("keys") as live:
        me: dict[str, Any] = live.ask(Client.me, slowly=True) or {}
        if me.get("required") is False:
            st.info(_("This grid asks for no keys: whoever reaches it may do everything. They count once it does "
                      "(`IDLEGRID_AUTH=required`)."), icon=":material/lock_open:")  # fmt: skip
        known = live.ask(Client.keys)
        if known:
            _page(keys.kept(known, state, search, datetime.now(UTC)), me)
        elif known is not None:
            empty(_("No keys yet."), _("A key says who calls, and what they may do."))


def _page(found: list[keys.Key], me: dict[str, Any]) -> None:
    if not found:
        st.caption(_("No key is like that."))
        return
    pages = -(-len(found) // PAGE_SIZE)
    number = min(FILTERS.value("page"), pages)
    key_table(found[(number - 1) * PAGE_SIZE : number * PAGE_SIZE])
    if pages > 1:
        st.session_state[FILTERS.key("page")] = number
        st.pagination(pages, key=FILTERS.key("page"), on_change=FILTERS.keep)
    chosen = next((key for key in found if key.get("id") == st.session_state.get("chosen_key")), None)
    if chosen is not None:
        key_panel(chosen, me.get("key_id"))
    else:
        st.caption(_("Choose a key by the box at its left to see what it may do, and to revoke it."))


@st.fragment(key="key_form")
def _form() -> None:
    if not is_open():
        st.rerun()
    key_form()


if st.session_state.just_opened:
    once.forget(PLACE)
    close_form()
if st.session_state.just_opened or is_open():
    FILTERS.restore()
with st.container(horizontal=True, vertical_alignment="center"):
    st.title(_("New key") if is_open() else _("Keys"), anchor=False, width="stretch")
    if rights.may(rights.ADMIN) and not is_open():
        st.button(_("New key"), type="primary", icon=":material/add:", key="key_new", on_click=open_form)
once.shown(PLACE)
if is_open():
    _form()
else:
    _keys()
