"""A run in full: status, facts, result, log, attempts, events, code."""

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from idlegrid import Explanation, IdlegridError
from idlegrid.display import visible
from idlegrid_console.data import runs, waiting
from idlegrid_console.data.text import plain_markdown, tail
from idlegrid_console.texts import _
from idlegrid_console.widgets import grid
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import facts, status_badge, time_column
from idlegrid_console.widgets.task_links import task_link
from idlegrid_console.widgets.waiting import explanation, waiting_panel

OUTPUT_HEIGHT = 280
"""The height of a log or result in pixels; longer ones scroll inside it."""

LONG_LINES = 12
"""Texts with more lines than this scroll."""

_STREAMS = ("all", "stdout", "stderr")


def run_panel(live: Live, run_id: int, place: str) -> dict[str, Any] | None:
    """Everything about one run but its files, as fresh as `live` has it; returns it, None when it is not known."""
    run = live.run(run_id)
    if run is not None:
        _panel(run, explanation(live, run), place)
    return run


def _panel(run: dict[str, Any], why: Explanation | None, place: str) -> None:
    with st.container(border=True):
        _head(run, waiting.summary(why) if why else runs.why_now(run), place)
        if why and why.reasons:
            waiting_panel(why, place)
        facts(runs.facts(run))
        if kept := runs.checkpoint(run, datetime.now(UTC)):
            st.caption(kept)
        result, log, attempts, events, code = st.tabs(
            [_("Result"), _("Log"), _("Attempts"), _("Events"), _("Code")], key=f"tabs_{place}"
        )
        with result:
            _result(run)
        with log:
            _log(run, place)
        with attempts:
            _attempts(run)
        with events:
            _events(run)
        with code:
            st.code(visible(run.get("code") or ""), language="python", line_numbers=True, height=OUTPUT_HEIGHT)
        _trace(run)


def _head(run: dict[str, Any], why: str, place: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(_("Run {id}").format(id=int(run["id"])), width="content", anchor=False)
        status_badge(str(run.get("status")))
        task_link(run)
        st.text(why, width="stretch")
        if not runs.ended(run):
            st.button(
                _("Cancel"), key=f"cancel_{place}", icon=":material/stop_circle:", on_click=_cancel, args=(run["id"],)
            )


def _trace(run: dict[str, Any]) -> None:
    """The trace id in a code block, which has a button that copies it."""
    if run.get("trace_id"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                _("Trace id"), help=_("It stands in the logs of the coordinator and of its node."), width="content"
            )
            st.code(visible(run["trace_id"]), language=None, width="content")


def _cancel(run_id: int) -> None:
    try:
        stopped = grid.client().cancel(run_id)
    except IdlegridError as error:
        st.toast(plain_markdown(error), icon=":material/error:")
    else:
        words = _("Run {id} is called off.") if stopped else _("Run {id} had ended already.")
        st.toast(words.format(id=run_id))


def _result(run: dict[str, Any]) -> None:
    if not runs.ended(run):
        st.caption(_("No result yet: it appears here as soon as the run ends. Written so far:"))
        _output(runs.log_text(run.get("logs") or []), follow=True)
        return
    if run.get("error_message"):
        st.caption(_("Error"))
        _output(visible(run["error_message"]))
    result = visible(run.get("result") or "")
    if result:
        st.caption(_("Standard output"))
        _output(result)
    elif not run.get("error_message"):
        st.caption(_("It ended well and wrote nothing."))
    if run.get("truncated"):
        st.caption(_("It wrote more than is kept: this is the beginning."))


def _log(run: dict[str, Any], place: str) -> None:
    logs = run.get("logs") or []
    names = {"all": _("everything"), "stdout": _("output"), "stderr": _("errors")}
    stream = st.segmented_control(
        _("Stream"), _STREAMS, default="all", format_func=lambda code: names[code], key=f"stream_{place}",
        label_visibility="collapsed", required=True,
    )  # fmt: skip
    text = runs.log_text(logs, stream or "all")
    if text:
        _output(text, follow=not runs.ended(run))
    else:
        st.caption(_("Nothing written.") if runs.ended(run) else _("Nothing written yet."))


def _output(text: str, *, follow: bool = False) -> None:
    """The end of a long text, as text; `follow` keeps its last line in view while it grows."""
    shown, left_out = tail(text)
    if left_out:
        st.caption(_("{number} characters before this are not shown.").format(number=f"{left_out:,}"))
    long = shown.count("\n") > LONG_LINES
    with st.container(height=OUTPUT_HEIGHT if long else "content", border=False, autoscroll=follow and long):
        st.code(shown, language=None, wrap_lines=True)


def _attempts(run: dict[str, Any]) -> None:
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
    st.dataframe(frame, hide_index=True, column_config=columns, placeholder="")


def _events(run: dict[str, Any]) -> None:
    columns = {"time": time_column(_("Time"), "YYYY-MM-DD HH:mm:ss.SSS"), "event": _("Event"), "detail": _("Detail")}
    st.dataframe(runs.events(run), hide_index=True, column_config=columns, placeholder="")
