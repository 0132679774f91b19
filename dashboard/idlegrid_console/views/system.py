"""System: how the grid's parts are, what was harvested, and what the coordinators logged."""

from datetime import UTC, datetime

import streamlit as st

from idlegrid import Client
from idlegrid_console.data import system
from idlegrid_console.texts import _
from idlegrid_console.widgets import logs
from idlegrid_console.widgets import system as parts
from idlegrid_console.widgets.live import Live

PAGE_SIZE = 50
"""Lines at a time."""

HOURS = {"day": 24, "week": 168, "month": 744}
"""The spans over which harvested hours can be seen; the coordinator sums up no longer one."""


@st.fragment(run_every=5, key="health")
def _health() -> None:
    with Live("health") as live:
        health = live.ask(parts.components)
        stats = live.ask(Client.system_stats, slowly=True)
        if health is not None:
            parts.component_cards(system.cards(health, stats))
        if stats is not None:
            parts.coordinator(stats)


@st.fragment(run_every=30, key="harvest")
def _harvest() -> None:
    st.subheader(_("Harvested"), anchor=False)
    words = {"day": _("24 hours"), "week": _("7 days"), "month": _("31 days")}
    st.segmented_control(
        _("Span"), list(HOURS), format_func=lambda code: words[code], key=logs.FILTERS.key("harvest"), required=True,
        default=logs.FILTERS.given("harvest"),
        on_change=logs.FILTERS.keep, label_visibility="collapsed",
    )  # fmt: skip
    with Live("harvest", quiet=True) as live:
        usage = live.ask(Client.harvest, slowly=True, hours=HOURS[logs.FILTERS.value("harvest")])
        if usage is not None:
            parts.harvest(usage)


@st.fragment(run_every=5, key="logs")
def _logs() -> None:
    st.subheader(_("Log"), anchor=False)
    logs.fields()
    with Live("logs", quiet=True) as live:
        page = live.ask(Client.system_logs, size=PAGE_SIZE, **logs.question(datetime.now(UTC)))
        if page is None:
            return
        if page["items"]:
            logs.lines(page["items"])
        else:
            st.caption(_("Nothing like that was logged."))
        logs.paging(int(page["total_pages"]))


@st.fragment(key="log_downloads")
def _downloads() -> None:
    logs.downloads()


if st.session_state.just_opened:
    logs.FILTERS.restore()
st.title(_("System"), anchor=False)
_health()
_harvest()
_logs()
_downloads()
