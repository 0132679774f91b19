"""Overview: how much waits and runs, what the nodes do, what wants an operator, and how all that went over time."""

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from idlegrid import Client
from idlegrid_console.data import figures, node_figures, node_texts, overview, system_figures
from idlegrid_console.texts import _
from idlegrid_console.widgets.filters import Filters
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.needs import needs_you
from idlegrid_console.widgets.parts import chart, no_nodes
from idlegrid_console.widgets.tiles import tiles

WINDOWS = {"15min": (900, 45), "1h": (3600, 60), "24h": (86400, 96)}
"""The spans on offer in seconds, and into how many bars each is cut: a bar is 20 s, a minute, a quarter hour."""

SLOW = frozenset({"24h"})
"""Those that cost the coordinator more, and change less."""

SHORTEST = "15min"
FILTERS = Filters("", {"span": SHORTEST}, {"span": WINDOWS})


@st.fragment(run_every=2)
def _tiles() -> None:
    with Live("tiles") as live:
        window, points = WINDOWS[SHORTEST]
        known = live.ask(Client.overview, since=_today(), window=window, points=points) or {}
        timeline = live.ask(Client.timeline, slowly=True, window=window, buckets=points) or {}
        tiles(known, timeline)
        if overview.known_nodes(known) == 0:
            no_nodes()


@st.fragment(run_every=5)
def _needs() -> None:
    with Live("needs", quiet=True) as live:
        if (items := live.ask(Client.attention, slowly=True)) is not None:
            needs_you(overview.needs(items, datetime.now(UTC)))


@st.fragment(run_every=5)
def _charts() -> None:
    names = {"15min": _("15 minutes"), "1h": _("1 hour"), "24h": _("24 hours")}
    span = st.segmented_control(
        _("Span"), list(WINDOWS), format_func=lambda code: names[code], key=FILTERS.key("span"), required=True,
        default=FILTERS.given("span"), label_visibility="collapsed", on_change=FILTERS.keep,
    ) or SHORTEST  # fmt: skip
    with Live("charts", quiet=True) as live:
        (window, points), slowly = WINDOWS[span], span in SLOW
        timeline = live.ask(Client.timeline, slowly=slowly, window=window, buckets=points) or {}
        known = live.ask(Client.overview, slowly=slowly, since=_today(), window=window, points=points) or {}
        usage = live.ask(Client.harvest, slowly=True, hours=24) or {}
        left, right = st.columns(2, gap="medium")
        with left:
            _about_runs(timeline)
        with right:
            _about_nodes(timeline, known, usage)


def _about_runs(timeline: dict[str, Any]) -> None:
    zone = st.context.timezone
    throughput, queue = figures.throughput(timeline, zone), figures.queue_depth(timeline, zone)
    times = figures.run_times(timeline.get("run_seconds") or [])
    chart(_("Throughput (runs)"), throughput, "throughput", overview.said_of_throughput(timeline))
    chart(_("Queue depth (runs waiting)"), queue, "queue_depth", overview.said_of_queue(timeline))
    chart(_("Run times (runs)"), times, "run_times", overview.said_of_run_times(timeline))


def _about_nodes(timeline: dict[str, Any], known: dict[str, Any], usage: dict[str, Any]) -> None:
    zone = st.context.timezone
    waits = figures.waiting_times(timeline, zone)
    nodes = node_figures.nodes_over_time(known.get("samples") or {}, zone)
    harvest = system_figures.harvest(usage, zone)
    chart(_("Waiting time (half of the runs, and 95 %)"), waits, "waits", overview.said_of_waits(timeline))
    chart(_("Nodes"), nodes, "nodes_over_time", node_texts.said_of_kinds(known.get("nodes") or {}))
    chart(node_texts.harvest_title(usage), harvest, "harvest", node_texts.said_of_harvest(usage))


def _today() -> datetime:
    return overview.midnight(datetime.now(UTC), st.context.timezone)


if st.session_state.just_opened:
    FILTERS.restore()
st.title(_("Overview"), anchor=False)
_tiles()
_needs()
_charts()
