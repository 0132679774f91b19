"""Overview: how much waits and runs, what the nodes do, and how that went over time."""

import streamlit as st

from idlegrid import Client
from idlegrid_console.data import figures, nodes
from idlegrid_console.texts import _
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import chart, no_nodes, tile

WINDOWS = {900: 45, 3600: 60, 86400: 96}
"""The spans on offer in seconds, and into how many bars each is cut: a bar is 20 s, a minute, a quarter hour."""


@st.fragment(run_every=2)
def _tiles() -> None:
    with Live("tiles") as live:
        tasks = (live.ask(Client.stats) or {}).get("tasks", {})
        running = live.ask(Client.runs, status="running", size=1)
        known = live.ask(Client.nodes)
        found = None if known is None else nodes.counts(known)
        left, right = st.columns(2, gap="medium")
        with left:
            _run_tiles(tasks, None if running is None else running.total)
        with right:
            _node_tiles(found)
        if found is not None and found.total == 0:
            no_nodes()


def _run_tiles(tasks: dict[str, int], running: int | None) -> None:
    st.markdown(_("**Runs**"))
    with st.grid(4, min_column_width=88):
        tile(_("Waiting"), tasks.get("pending"), _("Queued, or waiting for another run or the next attempt."))
        tile(_("Running"), running, _("On a node now, those frozen while its owner is there included."))
        tile(_("Done"), tasks.get("completed"), _("Ended with exit status 0, since the record was made."))
        tile(_("Failed"), tasks.get("failed"), _("Ended otherwise: errors, time limits and cancellations."))


def _node_tiles(found: nodes.Counts | None) -> None:
    idle, working, owner, away = found or (None,) * 4
    st.markdown(_("**Nodes**"))
    with st.grid(4, min_column_width=88):
        tile(_("Idle"), idle, _("Ready to take a run."))
        tile(_("Working"), working, _("Running at least one run."))
        tile(_("With owner"), owner, _("The owner is there, has just left, has paused it, or cannot be told."))
        tile(_("Offline"), away, _("Not heard of, shut down, or draining."))


@st.fragment(run_every=5)
def _charts() -> None:
    names = {900: _("15 minutes"), 3600: _("1 hour"), 86400: _("24 hours")}
    window = st.segmented_control(
        _("Span"), list(WINDOWS), default=900, format_func=lambda seconds: names[seconds], key="span",
        label_visibility="collapsed", required=True,
    ) or 900  # fmt: skip
    with Live("charts", quiet=True) as live:
        timeline = live.ask(Client.timeline, window=window, buckets=WINDOWS[window]) or {}
        states = nodes.by_state(live.ask(Client.nodes) or [])
        zone = st.context.timezone
        left, right = st.columns(2, gap="medium")
        with left:
            chart(_("Throughput (runs)"), figures.throughput(timeline, zone), "throughput")
            chart(_("Run times (runs)"), figures.run_times(timeline.get("run_seconds") or []), "run_times")
        with right:
            chart(_("Queue depth (runs waiting)"), figures.queue_depth(timeline, zone), "queue_depth")
            chart(_("Nodes by state"), figures.nodes_by_state(states), "nodes_by_state")


st.title(_("Overview"), anchor=False)
_tiles()
_charts()
