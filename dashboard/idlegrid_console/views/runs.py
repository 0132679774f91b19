"""Runs: what was submitted, newest first; at `/runs?run=17` one of them in full."""

import streamlit as st

from idlegrid_console.data import run_filters
from idlegrid_console.data.run_filters import Filters
from idlegrid_console.texts import RUN_STATUS, _, name
from idlegrid_console.widgets import address, run_list
from idlegrid_console.widgets import run_filters as fields
from idlegrid_console.widgets.files import call_for_files, files_panel, is_over
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import no_runs
from idlegrid_console.widgets.run import run_panel
from idlegrid_console.widgets.task_links import RUNS, runs_of_task

LIST_SECONDS = 2
"""How often the list is refreshed."""

LIVING_SECONDS, ENDED_SECONDS = 1, 30
"""How often a run's page is drawn anew; once the run has ended nothing is asked, and only ages change."""


@st.fragment(run_every=LIST_SECONDS, key="runs")
def _list() -> None:
    run_list.go_on()
    fields.fields()
    with Live("runs") as live:
        wanted = fields.chosen()
        page = live.ask(run_list.page_of_runs, **run_filters.question(wanted))
        if wanted.task_id is not None:
            runs_of_task(wanted.task_id, page.items if page else (), fields.all_tasks)
        run_list.outcomes()
        run_list.acts()
        if page is None:
            return
        if page.items:
            run_list.run_table(page.items)
        else:
            _nothing(wanted)
        _pages(page.total_pages, page.total)


def _pages(number: int, total: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if number > 1:
            st.session_state[fields.PAGE] = min(fields.chosen().page, number)
            st.pagination(number, key=fields.PAGE, on_change=fields.turned)
        st.caption(_("{total} runs").format(total=f"{total:,}"))


def _nothing(wanted: Filters) -> None:
    if not wanted.narrows and wanted.page == 1:
        no_runs()
        return
    if wanted == Filters(status=wanted.status, sort=wanted.sort, size=wanted.size) and wanted.status != "all":
        st.caption(_("No run is {status}.").format(status=name(wanted.status, RUN_STATUS)))
    elif wanted == Filters(task_id=wanted.task_id, sort=wanted.sort, size=wanted.size):
        st.caption(_("This task has not run yet."))
    else:
        st.caption(_("No run is like that."))
    st.button(_("Show all runs"), key="runs_all", icon=":material/close:", type="tertiary", on_click=fields.forget_all)


def _run(run_id: int) -> None:
    with Live("run") as live:
        run = run_panel(live, run_id, "run")
    call_for_files("run", run)


def _page(run_id: int, wanted: Filters) -> None:
    """The run's page, and the way back to the list as it was."""
    back = run_filters.for_address(wanted)
    st.page_link(RUNS, label=_("All runs"), icon=":material/arrow_back:", query_params=back)
    every = ENDED_SECONDS if is_over("run", run_id) else LIVING_SECONDS
    st.fragment(_run, run_every=every, key="run")(run_id)
    files_panel("run", run_id)


given, chosen = run_filters.of_address(st.query_params.to_dict()), address.number("run")
fields.say_again(given, chosen)
st.title(_("Runs"), anchor=False)
if chosen is None:
    fields.take(given)
    _list()
else:
    _page(chosen, given)
