"""What came of a run: its error, and what it printed as a tree, a table, or text."""

from typing import Any

import streamlit as st

from idlegrid.display import visible
from idlegrid_console.data import run_result, runs
from idlegrid_console.data.run_log import Log
from idlegrid_console.texts import _
from idlegrid_console.widgets.run_log import output

TREE_LEVELS = 2
"""Levels of a tree that are open at first."""


def result_panel(run: dict[str, Any], log: Log, place: str) -> None:
    """The result of a run that has ended; of one that goes on what it wrote so far."""
    if not runs.ended(run):
        st.caption(_("No result yet: it appears here as soon as the run ends. Written so far:"))
        output(log.text() or "…", f"sofar_{place}", follow=True)
        return
    if run.get("error_message"):
        st.caption(_("Error"))
        output(visible(run["error_message"]), f"error_{place}")
    if run.get("result"):
        shown_as_what_it_is(_("Standard output"), str(run["result"]), f"result_{place}")
    elif not run.get("error_message"):
        st.caption(_("It ended well and wrote nothing."))
    if run.get("truncated"):
        st.caption(_("It wrote more than is kept: this is the beginning."))


def shown_as_what_it_is(title: str, text: str, key: str) -> None:
    """A text as the tree or the table that it is, or as text when the visitor wishes."""
    known = run_result.of_text(text)
    st.caption(title)
    if known is None or _as_text(known, key):
        output(visible(text), key)
    elif isinstance(known, run_result.Tree):
        st.json(known.value, expanded=TREE_LEVELS)
    else:
        _table(known, key)


def _as_text(known: run_result.Tree | run_result.Table, key: str) -> bool:
    tree = isinstance(known, run_result.Tree)
    ways = {"known": _("tree") if tree else _("table"), "text": _("text")}
    chosen = st.segmented_control(
        _("Shown as"), list(ways), default="known", format_func=lambda code: ways[code], key=f"way_{key}",
        label_visibility="collapsed", required=True,
    )  # fmt: skip
    return chosen == "text"


def _table(known: run_result.Table, key: str) -> None:
    shown = len(known.frame)
    if shown < known.rows:
        words = _("The first {shown} of {rows} rows.")
        st.caption(words.format(shown=shown, rows=known.rows))
    st.dataframe(known.frame, hide_index=True, key=f"table_{key}", placeholder="", alt=_("Result"))
