"""A run's log: kept as it grows, followed, searched, and taken away whole."""

from typing import Any

import streamlit as st

from idlegrid import Client
from idlegrid.run import LOG_PAGE
from idlegrid_console.data import run_log
from idlegrid_console.data.run_log import Log
from idlegrid_console.data.runs import ended
from idlegrid_console.data.text import tail
from idlegrid_console.texts import _
from idlegrid_console.widgets import grid
from idlegrid_console.widgets.live import Live

HEIGHT = 320
"""The height of a log in pixels; longer ones scroll inside it."""

LONG_LINES = 14
"""Texts with more lines than this scroll."""

LONG_CHARACTERS = 1_500
"""Texts with more characters than this scroll, too: a single line may be as long as a log."""

PAGES = 4
"""Pages that one refresh asks for: whoever writes faster is shown a moment later."""

_STREAMS = ("all", "stdout", "stderr")


def known_log(live: Live, run_id: int, place: str) -> Log:
    """The log as far as it is known: only what is new is asked for, and nothing once it is finished."""
    key = f"log_at_{place}"
    log: Log | None = st.session_state.get(key)
    if log is None or log.run_id != run_id:
        log = Log(run_id)
    for _page in range(PAGES):
        before = log
        if not log.finished:
            log = _with_more(live, log)
        if log.finished or len(log.pieces) - len(before.pieces) < LOG_PAGE:
            break
    st.session_state[key] = log
    return log


def log_panel(run: dict[str, Any], log: Log, place: str) -> None:
    """What the run writes, with the stream to be chosen, words to be looked for, and the newest line in view."""
    stream, words, follow = _controls(place)
    if log.begun_late:
        st.caption(_("It wrote more than this before: the whole log can be downloaded below."))
    if run.get("truncated"):
        st.caption(_("It wrote more than is kept: this is the beginning."))
    text = log.text(stream)
    if words:
        found = run_log.search(text, words)
        st.caption(_("{number} of {lines} lines have it.").format(number=found.number, lines=found.lines))
        if found.number > run_log.MOST_FOUND:
            st.caption(_("The newest {number} of them are shown.").format(number=run_log.MOST_FOUND))
        text = found.text
    if text:
        output(text, f"log_{place}", follow=follow)
    elif not words:
        st.caption(_("Nothing written.") if ended(run) else _("Nothing written yet."))


def output(text: str, key: str, *, follow: bool = False) -> None:
    """The end of a long text, as text; `follow` keeps its last line in view while it grows."""
    shown, left_out = tail(text, run_log.SHOWN)
    if left_out:
        st.caption(_("{number} characters before this are not shown.").format(number=f"{left_out:,}"))
    long = shown.count("\n") > LONG_LINES or len(shown) > LONG_CHARACTERS
    with st.container(height=HEIGHT if long else "content", border=False, autoscroll=follow and long, key=key):
        st.code(shown, language=None, wrap_lines=True)


def whole_log(client: Client, run_id: int) -> bytes:
    """All that the run has written, from the beginning, at most as much as a coordinator keeps."""
    run, pieces, size = client.run(run_id), [], 0
    for _stream, text in run.pieces(follow=False):
        pieces.append(text)
        size += len(text)
        if size > run_log.CAP_BYTES:
            break
    return run_log.cut(pieces)


def log_download(run_id: int, place: str) -> None:
    """A button that fetches the whole log; to stand outside the parts that refresh themselves, as a run's files."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            _("Download"), lambda: whole_log(grid.client(), run_id), f"run-{run_id}.log", "application/octet-stream",
            key=f"log_{place}_{run_id}", on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        st.text(_("The whole log, both streams"), width="content")
        st.caption(_("at most 1 MiB"))


def _controls(place: str) -> tuple[str, str, bool]:
    names = {"all": _("everything"), "stdout": _("output"), "stderr": _("errors")}
    with st.container(horizontal=True, vertical_alignment="center"):
        stream = st.segmented_control(
            _("Stream"), _STREAMS, default="all", format_func=lambda code: names[code], key=f"stream_{place}",
            label_visibility="collapsed", required=True,
        )  # fmt: skip
        words = st.text_input(
            _("Search the log"), key=f"find_{place}", placeholder=_("Search the log"), type="search", width=220,
            label_visibility="collapsed", max_chars=200, live=True,
        )  # fmt: skip
        follow = st.toggle(_("Follow"), True, key=f"follow_{place}", help=_("Keep the newest line in view"))
    return stream or "all", words or "", follow


def _with_more(live: Live, log: Log) -> Log:
    newest = LOG_PAGE if log.last < 0 else None
    page = live.ask(_log_page, run_id=log.run_id, after=log.last, tail=newest)
    return log if page is None else run_log.joined(log, page, LOG_PAGE)


def _log_page(client: Client, run_id: int, after: int, tail: int | None) -> dict[str, Any]:
    return client.run(run_id).log_page(after, tail=tail)
