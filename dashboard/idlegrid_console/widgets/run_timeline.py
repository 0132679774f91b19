"""A run's life: the chart of its attempts, the attempts, the story, and what it used over time."""

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from idlegrid import Client
from idlegrid_console.data import run_timeline, run_usage, runs
from idlegrid_console.texts import _
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import CHART_CONFIG, time_column


def timeline_panel(run: dict[str, Any], place: str) -> None:
    """The chart over the table of attempts, and the story below."""
    figure = run_timeline.figure(run, datetime.now(UTC), st.context.timezone)
    if figure is not None:
        alt = _("Timeline of its attempts")
        st.plotly_chart(figure, width="stretch", key=f"timeline_{place}", config=CHART_CONFIG, alt=alt)
    if left_out := run_timeline.left_out(run):
        st.caption(_("{number} earlier attempts are not drawn.").format(number=left_out))
    _attempts(run, place)
    if left_out := runs.story_left_out(run):
        st.caption(_("{number} earlier lines of its story are not shown.").format(number=left_out))
    columns = {"time": time_column(_("Time"), "YYYY-MM-DD HH:mm:ss.SSS"), "event": _("Event"), "detail": _("Detail")}
    st.dataframe(
        runs.events(run), hide_index=True, column_config=columns, placeholder="", key=f"story_{place}", alt=_("Story")
    )


def _attempts(run: dict[str, Any], place: str) -> None:
    frame = runs.attempts(run)
    if frame.empty:
        st.caption(_("No node has taken it yet."))
        return
    columns = {
        "number": st.column_config.NumberColumn(_("Attempt"), width="small"),
        "node": _("Node"),
        "leased": time_column(_("Leased")),
        "ended": time_column(_("Ended")),
        "outcome": _("Outcome"),
        "why": _("Reason"),
        "sandbox": _("Sandbox"),
    }
    st.dataframe(
        frame, hide_index=True, column_config=columns, placeholder="", key=f"attempts_{place}", alt=_("Attempts")
    )


def usage_panel(live: Live, run: dict[str, Any], place: str) -> None:
    """Cores and memory over time, against what was asked for."""
    attempts = run_usage.series(_usage(live, run, place) or {})
    if not attempts:
        st.caption(_("Nothing told yet: nodes tell it each half minute, and of runs that take two seconds or more."))
        return
    asked = run.get("resources") or {}
    charts = (
        (_("Cores in use"), run_usage.cores(attempts, asked.get("cpu")), "cores"),
        (_("Memory in use (MB)"), run_usage.memory(attempts, asked.get("memory")), "memory"),
    )
    with st.grid(2, min_column_width=300):
        for title, figure, name in charts:
            with st.container(gap=None):
                st.caption(title)
                key = f"{name}_{place}"
                st.plotly_chart(figure, width="stretch", key=key, config=CHART_CONFIG, alt=title)


def _usage(live: Live, run: dict[str, Any], place: str) -> dict[str, Any] | None:
    """Once the run has ended it is asked for once more, and then no more."""
    key, wanted = f"usage_at_{place}", (int(run["id"]), runs.ended(run))
    kept: tuple[tuple[int, bool], dict[str, Any]] | None = st.session_state.get(key)
    if kept and kept[0] == wanted and runs.ended(run):
        return kept[1]
    told = live.ask(Client.run_usage, slowly=not runs.ended(run), run_id=wanted[0])
    if told is not None:
        st.session_state[key] = (wanted, told)
    return told
