"""Runs: what was submitted, newest first; one of them in full."""

from typing import Any

import streamlit as st

from idlegrid import Client, RunInfo
from idlegrid_console.data import runs
from idlegrid_console.texts import RUN_STATUS, _, name
from idlegrid_console.widgets import address, choice
from idlegrid_console.widgets.files import call_for_files, files_panel
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import no_runs, status_column, time_column
from idlegrid_console.widgets.run import run_panel
from idlegrid_console.widgets.task_links import runs_of_task

PAGE_SIZE = 10
"""Rows at a time: the table and the chosen run fit one screen."""


def _read_address() -> None:
    """Choose the run, and the task whose runs are shown, that the address names."""
    given = st.session_state
    if given.just_opened:
        given.runs_of, given.page = address.number("task_id"), 1
        given.chosen_run = address.number("run") or (None if given.runs_of else given.get("chosen_run"))


@st.fragment(run_every=2, key="runs")
def _runs() -> None:
    status = st.segmented_control(
        _("Status"), ["all", *RUN_STATUS], default="all", key="status", bind="query-params", required=True,
        format_func=lambda code: _("all") if code == "all" else name(code, RUN_STATUS), label_visibility="collapsed",
        on_change=_first_page,
    )  # fmt: skip
    with Live("runs") as live:
        wanted = None if status in (None, "all") else status
        number, task_id = st.session_state.get("page", 1), st.session_state.runs_of
        page = live.ask(Client.runs, page=number, size=PAGE_SIZE, status=wanted, task_id=task_id)
        if task_id is not None:
            runs_of_task(task_id, page.items if page else (), _all_tasks)
        if page is not None and page.items:
            _table(page.items)
        elif page is not None:
            _nothing(wanted, task_id)
        if page is not None and page.total_pages > 1:
            st.pagination(page.total_pages, key="page")


def _nothing(status: str | None, task_id: int | None) -> None:
    if status is not None:
        st.caption(_("No run is {status}.").format(status=name(status, RUN_STATUS)))
    elif task_id is not None:
        st.caption(_("This task has not run yet."))
    else:
        no_runs()


def _all_tasks() -> None:
    st.session_state.runs_of = None
    address.put("task_id", None)
    _first_page()


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
    st.session_state.chosen_run = choice.marked("runs_table", st.session_state.shown_runs)
    address.put("run", st.session_state.chosen_run)
    st.rerun(["runs", "run"])


def _first_page() -> None:
    st.session_state.page = 1


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "id": column.NumberColumn(_("Run"), format="%d", width=60, pinned=True),
        "status": status_column(_("Status")),
        "why": column.TextColumn(_("Reason"), width=190),
        "name": column.TextColumn(_("Task"), width=110),
        "node": column.TextColumn(_("Node")),
        "created": time_column(_("Submitted"), "D MMM HH:mm:ss"),
        "started": time_column(_("Started"), "D MMM HH:mm:ss"),
        "seconds": column.NumberColumn(_("Run time"), format="%.2f s", width=80),
        "result": column.TextColumn(_("Result"), width=190),
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
