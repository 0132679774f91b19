"""A task in full: what it is, when it is due next, how its runs went, what it runs, what it hangs together with."""

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from idlegrid import Client
from idlegrid.display import visible
from idlegrid_console.data import schedule, tasks
from idlegrid_console.data.text import plain_markdown
from idlegrid_console.texts import _
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import facts, status_badge
from idlegrid_console.widgets.task_actions import task_actions
from idlegrid_console.widgets.task_graph import graph_of, graph_panel
from idlegrid_console.widgets.task_history import history
from idlegrid_console.widgets.task_links import runs_link

HEIGHT = 280
"""The height of long code in pixels; more of it scrolls."""


def task_details(client: Client, task_id: int) -> dict[str, Any]:
    """A task in full."""
    return client.task(task_id).details()


def task_panel(live: Live, task_id: int) -> None:
    """Everything about one task but its files, as fresh as `live` has it."""
    task = live.ask(task_details, task_id=task_id)
    if task is None:
        return
    graph = live.ask(graph_of, slowly=True, task_id=task_id) or {}
    with st.container(border=True):
        _head(task, graph)
        if task.get("description"):
            st.text(visible(task["description"]))
        now = datetime.now(UTC)
        _firings(task, now)
        history(live, task_id)
        facts(tasks.facts(task, now, st.context.timezone))
        _tabs(task)
    graph_panel(graph, task_id)


def _head(task: tasks.Details, graph: dict[str, Any]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain_markdown(task.get("name") or "?"), width="content", anchor=False)
        status_badge(str(task.get("status")))
        runs_link(int(task["id"]))
        st.space("stretch")
        task_actions(task, graph)


def _firings(task: tasks.Details, now: datetime) -> None:
    due = schedule.firings(task, now, st.context.timezone)
    if due:
        st.markdown(_("**Next firings**, on your clock"))
        facts(due, in_a_row=5)


def _tabs(task: tasks.Details) -> None:
    statistics, source, parameters = st.tabs([_("Statistics"), _("Code"), _("Parameters")], key="task_tabs")
    with statistics:
        facts(tasks.statistics(task), in_a_row=5)
    with source:
        text, python = tasks.source(task)
        st.code(text, language="python" if python else None, line_numbers=python, height=HEIGHT)
    with parameters:
        st.code(visible(tasks.as_json(task.get("parameters"))), language="json")
        st.caption(_("Metadata"))
        st.code(visible(tasks.as_json(task.get("metadata"))), language="json")
