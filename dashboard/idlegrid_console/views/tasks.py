"""Tasks: work that runs more than once; at `/tasks?task=4` one of them in full, and the form to write one."""

import streamlit as st

from idlegrid import Client
from idlegrid_console.data import task_filters
from idlegrid_console.texts import _
from idlegrid_console.widgets import address, rights, task_list
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import no_tasks
from idlegrid_console.widgets.task import task_panel
from idlegrid_console.widgets.task_files import files_panel
from idlegrid_console.widgets.task_form import is_open, open_form, task_form
from idlegrid_console.widgets.task_links import TASKS

PAGE_SIZE = 15
"""Rows at a time: they fit one screen."""


@st.fragment(run_every=2, key="tasks")
def _list() -> None:
    task_list.go_on()
    task_list.fields()
    with Live("tasks") as live:
        chosen = task_list.chosen()
        page = live.ask(Client.tasks, **task_filters.question(chosen, PAGE_SIZE))
        if page is None:
            return
        if page.items:
            task_list.task_table(page.items)
        elif task_filters.narrows(chosen):
            st.caption(_("No task is like that."))
        else:
            no_tasks()
        task_list.pages(page.total_pages, page.total)


def _task(task_id: int) -> None:
    if is_open():
        st.rerun()
    with Live("task") as live:
        task_panel(live, task_id)


@st.fragment(key="task_form")
def _form() -> None:
    if not is_open():
        st.rerun()
    task_form()


def _head() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(_("Tasks"), anchor=False, width="stretch")
        if rights.may("write:tasks"):
            st.button(_("New task"), type="primary", icon=":material/add:", on_click=open_form, args=(None,))


if is_open():
    st.title(_("New task") if st.session_state.editing["task"] is None else _("Change task"), anchor=False)
    _form()
elif (asked := address.number("task")) is not None:
    _head()
    # A link from one task's page to another changes what is shown, and not by itself what the browser's address says.
    address.write({**task_list.back(), "task": str(asked)})
    st.page_link(TASKS, label=_("All tasks"), icon=":material/arrow_back:", query_params=task_list.back())
    st.fragment(_task, run_every=2, key="task")(asked)
    files_panel(asked)
else:
    _head()
    if st.session_state.just_opened or st.session_state.get("task_stood"):
        task_list.FILTERS.restore()
    address.write(task_filters.for_address(task_list.chosen()))
    _list()
st.session_state.task_stood = address.number("task")
