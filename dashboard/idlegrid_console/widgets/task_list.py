"""The list of tasks: its filters, which stand in the address, and the table, whose numbers open a task."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from idlegrid import TaskInfo
from idlegrid_console.data import task_filters, task_history, tasks
from idlegrid_console.texts import TASK_SORT, TASK_STATUS, TASK_TYPE, _, name
from idlegrid_console.widgets.filters import LONGEST, Filters
from idlegrid_console.widgets.parts import status_column, task_status_column, time_column
from idlegrid_console.widgets.task_links import TASKS, leave_for

FILTERS = Filters("tasks", task_filters.DEFAULTS, task_filters.ALLOWED)

_OPEN = "tasks_open"
_SHOWN = "tasks_shown"
_TO = "tasks_to"


def chosen() -> dict[str, Any]:
    """The filters as they stand."""
    return {parameter: FILTERS.value(parameter) for parameter in task_filters.DEFAULTS}


def back() -> dict[str, str]:
    """The list's address, as a task's page carries it."""
    return {name: value for name, value in st.query_params.to_dict().items() if name != "task"}


def fields() -> None:
    """The filters, in a row that wraps."""
    given = FILTERS.given
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            _("Status"), task_filters.ALLOWED["state"], default=given("state"), key=FILTERS.key("state"), required=True,
            format_func=lambda code: _("all") if code == "all" else name(code, TASK_STATUS), on_change=_changed,
            label_visibility="collapsed",
        )  # fmt: skip
        _choice("type", _("Type"), 150, lambda code: _("any type") if code == "all" else name(code, TASK_TYPE))
        _choice("sort", _("Order"), 170, lambda code: name(code, TASK_SORT))
        st.text_input(
            _("Search"), given("search"), key=FILTERS.key("search"), label_visibility="collapsed", type="search",
            on_change=_changed, max_chars=LONGEST, placeholder=_("Search names and descriptions"), width=260,
        )  # fmt: skip


def _choice(parameter: str, label: str, width: int, words: Callable[[str], str]) -> None:
    allowed = task_filters.ALLOWED[parameter]
    st.selectbox(
        label, allowed, allowed.index(FILTERS.given(parameter)), key=FILTERS.key(parameter), width=width,
        label_visibility="collapsed", format_func=words, on_change=_changed,
    )  # fmt: skip


def go_on() -> None:
    """Leave for the task that was just opened, if one was; the list's filters stay in the address for the way back."""
    if (task_id := st.session_state.pop(_TO, None)) is not None:
        leave_for(TASKS, task=task_id, **task_filters.for_address(chosen()))


def task_table(items: tuple[TaskInfo, ...]) -> None:
    """The table, and what its marks mean."""
    frame = tasks.table(items)
    st.session_state[_SHOWN] = list(frame["id"])
    st.dataframe(
        frame.assign(id=frame["id"].astype(str)), hide_index=True, key="tasks_table", column_config=_columns(),
        column_order=tasks.worth_showing(frame), height="content", placeholder="", alt=_("Tasks"),
    )  # fmt: skip
    st.caption(_("Open a task by its number. History: {marks}, the newest at the right.").format(
        marks=task_history.legend()
    ))  # fmt: skip


def pages(number: int, total: int) -> None:
    """Which page of the list, and how many tasks there are."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if number > 1:
            key = FILTERS.key("page")
            st.session_state[key] = min(FILTERS.value("page"), number)
            st.pagination(number, key=key, on_change=FILTERS.keep)
        st.caption(_("{total} tasks").format(total=f"{total:,}"))


def _changed() -> None:
    st.session_state[FILTERS.key("page")] = 1
    FILTERS.keep()


def _open() -> None:
    row, shown = st.session_state[_OPEN]["row"], st.session_state[_SHOWN]
    if row < len(shown):
        st.session_state[_TO] = int(shown[row])


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "id": column.ButtonColumn(_("Task"), width=62, pinned=True, type="tertiary", on_click=_open, key=_OPEN),
        "name": column.TextColumn(_("Name"), width=176),
        "status": task_status_column(_("Status")),
        "type": column.TextColumn(_("Type"), width=76),
        "when": column.TextColumn(_("Due"), width=170),
        "next": time_column(_("Next run"), "distance", 104),
        "last": status_column(_("Latest run")),
        "recent": column.ImageColumn(_("History"), width=152),
        "ran": time_column(_("Last run"), "distance", 116),
        "priority": column.TextColumn(_("Priority"), width=72),
        "tags": column.TextColumn(_("Tags"), width=120),
        "description": column.TextColumn(_("Description")),
        "submitter": column.TextColumn(_("Author"), width=90),
    }
