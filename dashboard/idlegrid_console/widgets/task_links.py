"""The ways between a task and its runs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from idlegrid import RunInfo
from idlegrid_console.data.text import one_line, plain_markdown
from idlegrid_console.texts import _

TASKS, RUNS = "views/tasks.py", "views/runs.py"


def task_link(run: Mapping[str, Any]) -> None:
    """From a run to its task; the name alone when the task is gone, nothing for a run that is of none."""
    task_id, known = run.get("task_id"), one_line(run.get("task_name") or "")
    if isinstance(task_id, int):
        label = plain_markdown(known or _("Task {id}").format(id=task_id))
        st.page_link(TASKS, label=label, icon=":material/event_repeat:", query_params={"task": str(task_id)})
    elif known:
        st.text(known, width="content")


def runs_link(task_id: int) -> None:
    """From a task to its runs."""
    st.page_link(RUNS, label=_("All its runs"), icon=":material/list_alt:", query_params={"task_id": str(task_id)})


def run_link(run_id: int) -> None:
    """To a run."""
    label = _("Run {id}").format(id=run_id)
    st.page_link(RUNS, label=label, icon=":material/arrow_forward:", query_params={"run": str(run_id)})


def leave_for(page: str, **query: Any) -> NoReturn:
    """Go to a page (`TASKS`, `RUNS`) at once, with this in its address."""
    # A refresh of a part of this page may be under way: it must find nothing to refresh (see `reruns.py`).
    if context := get_script_run_ctx():
        context.fragment_storage.clear()
    st.switch_page(page, query_params={name: str(value) for name, value in query.items()})


def runs_of_task(task_id: int, shown: Sequence[RunInfo], show_all: Callable[[], None]) -> None:
    """Over a list of runs that is one task's: which, and the way back to all runs."""
    known = next((run.task_name for run in shown if run.task_name), None)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(_("Runs of one task:"), width="content")
        task_link({"task_id": task_id, "task_name": known})
        st.button(_("Show all runs"), key="all_tasks", icon=":material/close:", type="tertiary", on_click=show_all)
