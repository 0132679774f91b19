"""Queues: what waits for which nodes, for how long, and what no node can take."""

from typing import Any

import streamlit as st

from idlegrid import Client
from idlegrid_console.data import queues, system_figures
from idlegrid_console.texts import _
from idlegrid_console.widgets import queues as parts
from idlegrid_console.widgets.filters import Filters
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import chart, empty

SPANS = {"quarter": 900, "hour": 3_600, "day": 86_400, "week": 7 * 86_400}
"""The spans on offer, in seconds."""

FILTERS = Filters("queues", {"span": "hour"}, {"span": SPANS})

POINTS = 90
"""Of the chart of depth: one every ten seconds to every two hours."""


@st.fragment(run_every=3, key="queues")
def _queues() -> None:
    window = _span()
    with Live("queues") as live:
        answer: dict[str, Any] | None = live.ask(Client.queues, window=window, slowly=window > SPANS["hour"])
        if answer is None:
            return
        if answer.get("suspended"):
            parts.suspended()
        parts.tiles(answer)
        known = answer.get("queues") or []
        parts.unserved(live, queues.unserved(known))
        if known:
            parts.queue_table(answer)
        else:
            empty(_("Nothing is queued."), _("A queue appears here while runs wait for a node or are on one."))
        _history(live, window, answer)


def _span() -> int:
    words = {"quarter": _("15 minutes"), "hour": _("1 hour"), "day": _("24 hours"), "week": _("7 days")}
    st.segmented_control(
        _("Span"), list(SPANS), format_func=lambda code: words[code], key=FILTERS.key("span"), required=True,
        default=FILTERS.given("span"),
        on_change=FILTERS.keep, label_visibility="collapsed",
    )  # fmt: skip
    return SPANS[FILTERS.value("span")]


def _history(live: Live, window: int, answer: dict[str, Any]) -> None:
    span = min(window, SPANS["day"])
    seen = live.ask(Client.overview, slowly=window > SPANS["hour"], window=span, points=POINTS)
    with st.grid(2, min_column_width=340, gap="medium"):
        with st.container():
            figure = system_figures.depth((seen or {}).get("samples") or {}, st.context.timezone)
            chart(_("Runs waiting and running"), figure, "depth")
            if span < window:
                st.caption(_("How many waited is remembered for 24 hours."))
        with st.container():
            parts.waits(answer)


if st.session_state.just_opened:
    FILTERS.restore()
st.title(_("Queues"), anchor=False)
_queues()
