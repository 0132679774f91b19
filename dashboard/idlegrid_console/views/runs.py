"""Runs: what was submitted, newest first; one of them in full."""

from typing import Any

import streamlit as st

from idlegrid import Client, RunInfo
from idlegrid_console.data import runs
from idlegrid_console.texts import RUN_STATUS, _, name
from idlegrid_console.widgets import choice
from idlegrid_console.widgets.files import call_for_files, files_panel
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import no_runs, status_column, time_column
from idlegrid_console.widgets.run import run_panel

PAGE_SIZE = 10
"""Rows at a time: the table and the chosen run fit one screen."""


def _read_address() -> None:
    """Choose the run that the address names, so that it can be sent to somebody.

    Only when the page is opened: while it stands, a drawing may still carry the address from before a choice.
    """
    given = st.query_params.get("run", "") if st.session_state.just_opened else ""
    if given.isascii() and given.isdigit() and len(given) < 19:
        st.session_state.chosen_run = int(given)


def _choose_run(run_id: int | None) -> None:
    st.session_state.chosen_run = run_id
    if run_id is None:
        st.query_params.pop("run", None)
    else:
        st.query_params["run"] = str(run_id)


@st.fragment(run_every=2, key="runs")
def _runs() -> None:
    status = st.segmented_control(
        _("Status"), ["all", *RUN_STATUS], default="all", key="status", bind="query-params", required=True,
        format_func=lambda code: _("all") if code == "all" else name(code, RUN_STATUS), label_visibility="collapsed",
        on_change=_first_page,
    )  # fmt: skip
    with Live("runs") as live:
        wanted = None if status in (None, "all") else status
        page = live.ask(Client.runs, page=st.session_state.get("page", 1), size=PAGE_SIZE, status=wanted)
        if page is not None and page.items:
            _table(page.items)
        elif page is not None and wanted is None:
            no_runs()
        elif page is not None:
            st.caption(_("No run is {status}.").format(status=name(wanted, RUN_STATUS)))
        if page is not None and page.total_pages > 1:
            st.pagination(page.total_pages, key="page")


def _table(items: tuple[RunInfo, ...]) -> None:
    frame = runs.table(items)
    st.session_state.shown_runs = list(frame["id"])
    choice.mark("runs_table", runs.position(frame, st.session_state.get("chosen_run")))
    st.dataframe(
        frame, hide_index=True, key="runs_table", on_select=_choose, selection_mode="single-row",
        column_config=_columns(),
        column_order=runs.worth_showing(frame), height="content", placeholder="", alt=_("Runs"),
    )  # fmt: skip


def _choose() -> None:
    _choose_run(choice.marked("runs_table", st.session_state.shown_runs))
    st.rerun(["runs", "run"])


def _first_page() -> None:
    st.session_state.page = 1


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "id": column.NumberColumn(_("Run"), format="%d", width=60, pinned=True),
        "status": status_column(_("Status")),
        "why": column.TextColumn(_("Reason"), width=190),
        "name": column.TextColumn(_("Task")),
        "node": column.TextColumn(_("Node")),
        "created": time_column(_("Submitted"), "D MMM HH:mm:ss"),
        "started": time_column(_("Started"), "D MMM HH:mm:ss"),
        "seconds": column.NumberColumn(_("Run time"), format="%.2f s", width=80),
        "result": column.TextColumn(_("Result"), width=230),
        "submitter": column.TextColumn(_("Submitter"), width=90),
        "attempts": column.NumberColumn(_("Attempts"), width=72),
    }


@st.fragment(run_every=1, key="run")
def _run() -> None:
    run = None
    with Live("run", quiet=True) as live:
        if (run_id := st.session_state.get("chosen_run")) is not None:
            run = run_panel(live, run_id, "run")
        else:
            st.caption(_("Choose a run by the box at its left to see its result, log and events."))
    call_for_files("run", run)


_read_address()
st.title(_("Runs"), anchor=False)
_runs()
_run()
files_panel("run")
