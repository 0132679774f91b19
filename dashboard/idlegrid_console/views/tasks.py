"""Tasks: work that runs more than once; when it is due, how it went, and the form to write one."""

from typing import Any

import streamlit as st

from idlegrid import Client, TaskInfo
from idlegrid_console.data import tasks
from idlegrid_console.texts import TASK_STATUS, _, name
from idlegrid_console.widgets import address, choice
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import no_tasks, status_column, task_status_column, time_column
from idlegrid_console.widgets.task import task_details, task_panel
from idlegrid_console.widgets.task_form import is_open, open_form, task_form

PAGE_SIZE = 10
"""Rows at a time: the table and the chosen task fit one screen."""


@st.fragment(run_every=2, key="tasks")
def _tasks() -> None:
    status, search = _filters()
    with Live("tasks") as live:
        number = st.session_state.get("tasks_page", 1)
        page = live.ask(Client.tasks, page=number, size=PAGE_SIZE, status=status, search=search)
        if page is not None and page.items:
            _table(page.items)
        elif page is not None and (status or search):
            st.caption(_("No task is like that."))
        elif page is not None:
            no_tasks()
        if page is not None and page.total_pages > 1:
            st.pagination(page.total_pages, key="tasks_page")


def _filters() -> tuple[str | None, str]:
    with st.container(horizontal=True, vertical_alignment="center"):
        status = st.segmented_control(
            _("Status"), ["all", *TASK_STATUS], default="all", key="state", bind="query-params", required=True,
            format_func=lambda code: _("all") if code == "all" else name(code, TASK_STATUS),
            label_visibility="collapsed", on_change=_first_page,
        )  # fmt: skip
        search = st.text_input(
            _("Search"), key="search", bind="query-params", label_visibility="collapsed", type="search", width=260,
            max_chars=200, placeholder=_("Search names and descriptions"), on_change=_first_page,
        )  # fmt: skip
    return None if status in (None, "all") else status, search or ""


def _first_page() -> None:
    st.session_state.tasks_page = 1


def _table(items: tuple[TaskInfo, ...]) -> None:
    frame = tasks.table(items)
    st.session_state.shown_tasks = list(frame["id"])
    choice.mark("tasks_table", tasks.position(frame, st.session_state.get("chosen_task")))
    st.dataframe(
        frame, hide_index=True, key="tasks_table", on_select=_choose, selection_mode="single-row",
        column_config=_columns(), column_order=tasks.worth_showing(frame), height="content", placeholder="",
        alt=_("Tasks"),
    )  # fmt: skip


def _choose() -> None:
    st.session_state.chosen_task = choice.marked("tasks_table", st.session_state.shown_tasks)
    address.put("task", st.session_state.chosen_task)
    st.rerun(["tasks", "task"])


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "id": column.NumberColumn(_("Task"), format="%d", width=60, pinned=True),
        "name": column.TextColumn(_("Name")),
        "status": task_status_column(_("Status")),
        "type": column.TextColumn(_("Type"), width=90),
        "when": column.TextColumn(_("Due"), width=250),
        "next": time_column(_("Next run"), "distance", 116),
        "last": status_column(_("Latest run")),
        "ran": time_column(_("Last run"), "distance", 116),
        "priority": column.TextColumn(_("Priority"), width=72),
        "tags": column.TextColumn(_("Tags"), width=120),
        "description": column.TextColumn(_("Description")),
        "submitter": column.TextColumn(_("Author"), width=90),
    }


@st.fragment(run_every=2, key="task")
def _task() -> None:
    if is_open():
        st.rerun()
    with Live("task", quiet=True) as live:
        if (task_id := st.session_state.get("chosen_task")) is None:
            st.caption(_("Choose a task by the box at its left to see when it is due, how it went, and to run it."))
        elif (task := live.ask(task_details, task_id=task_id)) is not None:
            task_panel(task)


@st.fragment(key="task_form")
def _form() -> None:
    if not is_open():
        st.rerun()
    task_form()


if st.session_state.just_opened:
    st.session_state.chosen_task = address.number("task") or st.session_state.get("chosen_task")
if is_open():
    st.title(_("New task") if st.session_state.editing["task"] is None else _("Change task"), anchor=False)
    _form()
else:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(_("Tasks"), anchor=False, width="stretch")
        st.button(_("New task"), type="primary", icon=":material/add:", on_click=open_form, args=(None,))
    _tasks()
    _task()
