"""A run in full: status, facts, why it waits, and by tabs its result, log, timeline, use of resources, and code."""

import json
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from idlegrid.display import visible
from idlegrid_console.data import run_batch, runs, waiting
from idlegrid_console.texts import _
from idlegrid_console.widgets import grid, rights
from idlegrid_console.widgets.acts import carry_out
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import facts, status_badge
from idlegrid_console.widgets.run_log import LONG_CHARACTERS, LONG_LINES, known_log, log_panel
from idlegrid_console.widgets.run_result import result_panel, shown_as_what_it_is
from idlegrid_console.widgets.run_timeline import timeline_panel, usage_panel
from idlegrid_console.widgets.task_links import run_link, task_link
from idlegrid_console.widgets.waiting import explanation, waiting_panel

CODE_HEIGHT = 400
"""The height of the code in pixels; more scrolls inside it."""

COLOURED = 20_000
"""Characters of code that are coloured: more would hang a browser."""

ACTING = ("write:runs", "submit")
"""The scopes of which one allows to call runs off and to make them anew."""

_ANEW = "made_anew"


def run_panel(live: Live, run_id: int, place: str) -> dict[str, Any] | None:
    """Everything about one run but its files, as fresh as `live` has it; returns it, None when it is not known."""
    run = live.run(run_id)
    if run is not None:
        with st.container(border=True, key=f"run_{place}"):
            _panel(live, run, place)
    return run


def _panel(live: Live, run: dict[str, Any], place: str) -> None:
    why = explanation(live, run)
    # Each part has a place of its own, also while it is empty: tabs, zoom and scroll stay when one above vanishes.
    head, waits, known, more = (st.container(key=f"{part}_{place}") for part in ("head", "waits", "facts", "more"))
    with head:
        _head(run, waiting.summary(why) if why else runs.why_now(run), place)
    if why and why.reasons:
        with waits:
            waiting_panel(why, place)
    now = datetime.now(UTC)
    with known:
        facts(runs.times(run, now, st.context.timezone) + runs.facts(run))
        if kept := runs.checkpoint(run, now):
            st.caption(kept)
    with more:
        _tabs(live, run, place)
    _trace(run)


def _tabs(live: Live, run: dict[str, Any], place: str) -> None:
    """Only the tab that is open is filled: the others cost nothing."""
    labels = [_("Result"), _("Log"), _("Timeline"), _("Resource use"), _("Code")]
    result, log, timeline, usage, code = st.tabs(labels, key=f"tabs_{place}", on_change="rerun")
    if result.open or log.open:
        written = known_log(live, int(run["id"]), place)
        with result if result.open else log:
            (result_panel if result.open else log_panel)(run, written, place)
    elif timeline.open:
        with timeline:
            timeline_panel(run, place)
    elif usage.open:
        with usage:
            usage_panel(live, run, place)
    else:
        with code:
            _code(run, place)


def _head(run: dict[str, Any], why: str, place: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(_("Run {id}").format(id=int(run["id"])), width="content", anchor=False)
        status_badge(str(run.get("status")))
        task_link(run)
        st.text(why, width="stretch")
        if (made := st.session_state.get(_ANEW, {}).get(run["id"])) is not None:
            run_link(made)
        if rights.may(*ACTING):
            _button(run, place)


def _button(run: dict[str, Any], place: str) -> None:
    words: dict[str, Any] = {"args": (int(run["id"]),)}
    if runs.ended(run):
        st.button(_("Restart"), key=f"restart_{place}", icon=":material/restart_alt:", on_click=_restart, **words)
    else:
        st.button(_("Cancel"), key=f"cancel_{place}", icon=":material/stop_circle:", on_click=_cancel, **words)


def _cancel(run_id: int) -> None:
    def told(stopped: bool) -> str:
        return (_("Run {id} is called off.") if stopped else _("Run {id} had ended already.")).format(id=run_id)

    carry_out(grid.client().cancel, run_id, done=told)


def _restart(run_id: int) -> None:
    def told(made: Any) -> str:
        st.session_state[_ANEW] = {run_id: made.id}
        return f"{_('Run {id}').format(id=run_id)}: {run_batch.restarted_words(made.id)}"

    carry_out(grid.client().restart, run_id, done=told)


def _code(run: dict[str, Any], place: str) -> None:
    code = visible(run.get("code") or "")
    if len(code) > COLOURED:
        st.caption(_("Only the first {number} characters are shown.").format(number=f"{COLOURED:,}"))
    height: Any = CODE_HEIGHT if code.count("\n") > LONG_LINES or len(code) > LONG_CHARACTERS else "content"
    st.code(code[:COLOURED], language="python", line_numbers=True, wrap_lines=True, height=height)
    if run.get("parameters"):
        shown_as_what_it_is(_("Parameters"), json.dumps(run["parameters"], ensure_ascii=False), f"parameters_{place}")


def _trace(run: dict[str, Any]) -> None:
    """The trace id in a code block, which has a button that copies it."""
    if run.get("trace_id"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                _("Trace id"), help=_("It stands in the logs of the coordinator and of its node."), width="content"
            )
            st.code(visible(run["trace_id"]), language=None, width="content")
