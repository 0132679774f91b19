"""What can be done with a task: run it now, pause and resume it, change it, delete it."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from idlegrid import IdlegridError, Run
from idlegrid.tasks import Task
from idlegrid_console.data import task_graph
from idlegrid_console.data.task_form import WrongField, json_object
from idlegrid_console.data.tasks import Details
from idlegrid_console.data.text import one_line, plain_markdown
from idlegrid_console.texts import _
from idlegrid_console.widgets import address, confirm, grid, rights, task_form
from idlegrid_console.widgets.acts import carry_out, why_not
from idlegrid_console.widgets.task_links import run_link


def task_actions(task: Details, graph: task_graph.Graph) -> None:
    """The buttons, in one row; a run that was just triggered can be followed from here."""
    task_id, paused = int(task["id"]), task.get("status") == "paused"
    if (latest := st.session_state.get("triggered", {}).get(task_id)) is not None:
        run_link(latest)
    if not rights.may("write:tasks"):
        return
    with st.popover(_("Run now"), icon=":material/play_arrow:", key="task_trigger", disabled=paused, on_change="rerun"):
        st.text_area(_("Parameters, laid over its own (a JSON object)"), key="trigger", height=110)
        st.button(_("Run it"), type="primary", key="task_run", on_click=_trigger, args=(task_id,))
    if paused:
        _button(_("Resume"), ":material/resume:", "task_resume", _act, task_id, Task.resume)
    else:
        _button(_("Pause"), ":material/pause:", "task_pause", _act, task_id, Task.pause)
    _button(_("Edit"), ":material/edit:", "task_edit", _edit, task_id)
    question = (_("Delete this task?"), _consequences(task, graph))
    _button(_("Delete"), ":material/delete:", "task_delete", confirm.ask, "task_delete", *question, _delete, task_id)


def _button(label: str, icon: str, key: str, act: Callable[..., None], *words: Any) -> None:
    st.button(label, icon=icon, key=key, on_click=act, args=words)


def _consequences(task: Details, graph: task_graph.Graph) -> str:
    """What comes of deleting the task; those that depend on it are named, for they forbid it."""
    words = _("Delete {task}? Its unfinished runs are called off; those that have ended stay.")
    told = words.format(task=one_line(task.get("name") or ""))
    dependents = task_graph.around(graph, int(task["id"]))[1] if graph.get("edges") else []
    if not dependents:
        return told
    also = _("These depend on it, and while they do it cannot be deleted: {tasks}.")
    return f"{told} {also.format(tasks=task_graph.names(dependents))}"


def _trigger(task_id: int) -> None:
    try:
        parameters = json_object("parameters", st.session_state.get("trigger") or "")
    except WrongField as error:
        st.toast(plain_markdown(f"{error.field}: {error.problem}"), icon=":material/error:")
        return
    carry_out(_triggered, task_id, parameters, done=lambda run: _("Run {id} is submitted.").format(id=run.id))


def _triggered(task_id: int, parameters: dict[str, Any]) -> Run:
    run = grid.client().task(task_id).trigger(**parameters)
    st.session_state.triggered, st.session_state.task_trigger = {task_id: run.id}, False
    return run


def _act(task_id: int, act: Callable[[Task], None]) -> None:
    carry_out(act, grid.client().task(task_id))


def _edit(task_id: int) -> None:
    try:
        task_form.open_form(grid.client().task(task_id).details())
    except IdlegridError as error:
        st.toast(plain_markdown(why_not(error)), icon=":material/error:")


def _delete(task_id: int) -> None:
    if carry_out(grid.client().task(task_id).delete, done=_("The task is deleted.")):
        address.put("task", None)
