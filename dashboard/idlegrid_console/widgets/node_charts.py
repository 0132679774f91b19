"""What nodes were over time, and when their owners lend them."""

from collections.abc import Sequence

import streamlit as st

from idlegrid import Client
from idlegrid_console.data import node_figures, node_texts, owner, week
from idlegrid_console.texts import _
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import chart, facts


def bands(live: Live, node_ids: Sequence[str], window: int, title: str, key: str) -> None:
    """A band for each of these nodes, in the colours of its states, over the last `window` seconds."""
    history = live.ask(Client.node_history, slowly=True, node_ids=list(node_ids), window=window)
    if history is not None and history.get("workers"):
        figure = node_figures.bands(history, st.context.timezone)
        chart(title, figure, key, node_texts.said_of_bands(history))


def all_weeks(live: Live) -> None:
    """The hours of the week at which nodes are idle, over all of them, and how fast owners got theirs back."""
    if (known := live.ask(Client.all_weeks, slowly=True)) is not None:
        shares = week.shares(known)
        title = _("Idle hours of the week, over {count} nodes").format(count=known.get("workers") or 0)
        if week.known_hours(known):
            chart(title, node_figures.idle_hours(shares), "all_weeks", node_texts.said_of_week(shares))
    if (stats := live.ask(Client.system_stats, slowly=True)) is not None:
        with st.container(border=True):
            st.markdown(_("**Machines given back to their owners**"))
            facts(owner.reclaims(stats.get("reclaims")), in_a_row=3)
