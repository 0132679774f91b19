"""A node's week: at which hours its owner lends it, and until when it should stay idle."""

from datetime import UTC, datetime

import streamlit as st

from idlegrid import NodeInfo
from idlegrid_console.data import node_figures, node_texts, week
from idlegrid_console.texts import _
from idlegrid_console.widgets.parts import CHART_CONFIG, facts


def week_panel(node: NodeInfo, known: week.Answer) -> None:
    """What is expected of the node, and from which hours; the week as `Client.node_week` gives it."""
    with st.container(border=True):
        st.subheader(_("Week"), anchor=False)
        facts(week.facts(node, known, datetime.now(UTC), st.context.timezone), in_a_row=3)
        if week.known_hours(known):
            shares = week.shares(known)
            st.plotly_chart(
                node_figures.idle_hours(shares), width="stretch", key="node_week", config=CHART_CONFIG,
                alt=node_texts.said_of_week(shares),
            )  # fmt: skip
        st.caption(_("How much of each hour the machine was idle, on its owner's clock; recent weeks count for more."))
