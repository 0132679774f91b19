"""What a task depends on and what depends on it, as a diagram and as links."""

from typing import Any

import streamlit as st

from idlegrid import Client
from idlegrid_console.data import task_graph
from idlegrid_console.data.text import plain_markdown
from idlegrid_console.texts import _
from idlegrid_console.widgets.task_links import TASKS


def graph_of(client: Client, task_id: int) -> dict[str, Any]:
    """The tasks around a task."""
    return client.task(task_id).graph()


def graph_panel(graph: task_graph.Graph, task_id: int) -> None:
    """Both, side by side; nothing for a task that stands alone."""
    if not graph.get("edges"):
        return
    parents, children = task_graph.around(graph, task_id)
    with st.container(border=True):
        st.markdown(f"**{_('Dependencies')}**")
        left, right = st.columns([3, 1])
        with left:
            st.graphviz_chart(task_graph.diagram(graph, task_id), alt=_alt(parents, children))
        with right:
            _links(_("It runs after"), parents)
            _links(_("After it run"), children)
        if graph.get("cut"):
            st.caption(_("Only the nearest {number} tasks are drawn.").format(number=len(graph["tasks"])))


def _links(title: str, tasks: list[Any]) -> None:
    if tasks:
        st.caption(title)
    for task in tasks:
        label = plain_markdown(task_graph.label(task))
        st.page_link(TASKS, label=label, query_params={"task": str(task["id"])})


def _alt(parents: list[Any], children: list[Any]) -> str:
    words = _("It runs after: {parents}. After it run: {children}.")
    nothing = _("nothing")
    return words.format(parents=task_graph.names(parents) or nothing, children=task_graph.names(children) or nothing)
