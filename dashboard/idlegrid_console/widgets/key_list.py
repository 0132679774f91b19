"""The list of keys: its filters, which stand in the address, and the table."""

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from idlegrid_console.data import keys
from idlegrid_console.data.system_figures import KEY_COLOURS
from idlegrid_console.system_texts import KEY_STATE
from idlegrid_console.texts import _
from idlegrid_console.widgets import choice
from idlegrid_console.widgets.filters import Filters
from idlegrid_console.widgets.parts import label_column, time_column

FILTERS = Filters("keys", {"state": "valid", "search": "", "page": 1}, {"state": ("all", *KEY_STATE)})


def filters() -> tuple[str | None, str]:
    """The fields, and what they ask for: keys in this state (None: all), with this text."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            _("State"), ["all", *KEY_STATE], key=FILTERS.key("state"), required=True, on_change=_changed,
            default=FILTERS.given("state"),
            format_func=lambda code: _("all") if code == "all" else _(KEY_STATE[code]), label_visibility="collapsed",
        )  # fmt: skip
        st.text_input(
            _("Search"), FILTERS.given("search"), key=FILTERS.key("search"), type="search", width=260, max_chars=200,
            on_change=_changed, label_visibility="collapsed", placeholder=_("Search names and prefixes"),
        )  # fmt: skip
    state = FILTERS.value("state")
    return None if state == "all" else state, FILTERS.value("search").strip()


def _changed() -> None:
    st.session_state[FILTERS.key("page")] = 1
    FILTERS.keep()


def key_table(shown: list[keys.Key]) -> None:
    """The rows; which one is chosen is in `session_state.chosen_key`."""
    ids = [key.get("id") for key in shown]
    st.session_state.shown_keys = ids
    chosen = st.session_state.get("chosen_key")
    choice.mark("keys_table", [ids.index(chosen)] if chosen in ids else [])
    st.dataframe(
        keys.table(shown, datetime.now(UTC)), hide_index=True, key="keys_table", on_select=_choose,
        selection_mode="single-row", column_config=_columns(), height="content", placeholder="", alt=_("Keys"),
        column_order=[column for column in keys.COLUMNS if column != "id"],
    )  # fmt: skip


def _choose() -> None:
    st.session_state.chosen_key = choice.marked("keys_table", st.session_state.shown_keys)


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "name": column.TextColumn(_("Name"), width=130, pinned=True),
        "prefix": column.TextColumn(_("Begins with"), width=130),
        "state": label_column(_("State"), KEY_STATE, KEY_COLOURS, width=84),
        "scopes": column.TextColumn(_("May"), width=220),
        "made": time_column(_("Made"), "distance", 110),
        "expires": time_column(_("Expires"), "distance", 110),
        "used": time_column(_("Last used"), "distance", 110),
        "revoked": time_column(_("Revoked"), "distance", 110),
        "node": column.TextColumn(_("Node"), width=130),
        "uses": column.NumberColumn(_("Uses left"), width=72),
    }
