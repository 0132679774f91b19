"""What can be done with a task: run it now, pause and resume it, change it, delete it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from idlegrid import IdlegridError
from idlegrid.tasks import Task
from idlegrid_console.data.task_form import WrongField, json_object
from idlegrid_console.data.tasks import Details
from idlegrid_console.data.text import one_line, plain_markdown
from idlegrid_console.texts import _
from idlegrid_console.widgets import grid, task_form
from idlegrid_console.widgets.task_links import run_link


def task_actions(task: Details) -> None:
    """The buttons, in one row; a run that was just triggered can be followed from here."""
    task_id, paused = int(task["id"]), task.get("status") == "paused"
    if (latest := st.session_state.get("triggered", {}).get(task_id)) is not None:
        run_link(latest)
    with st.popover(_("Run now"), icon=":material/play_arrow:", key="task_trigger", disabled=paused, on_change="rerun"):
        st.text_area(_("Parameters, laid over its own (a JSON object)"), key="trigger", height=110)
        st.button(_("Run it"), type="primary", key="task_run", on_click=_trigger, args=(task_id,))
    if paused:
        _button(_("Resume"), ":material/resume:", "task_resume", _act, task_id, Task.resume)
    else:
        _button(_("Pause"), ":material/pause:", "task_pause", _act, task_id, Task.pause)
    _button(_("Edit"), ":material/edit:", "task_edit", _edit, task_id)
    with st.popover(_("Delete"), icon=":material/delete:", key="task_delete"):
        st.text(_("Delete {task}? Its unfinished runs are called off.").format(task=one_line(task.get("name") or "")))
        _button(_("Delete it"), ":material/delete:", "task_delete_now", _delete, task_id)


def _button(label: str, icon: str, key: str, act: Callable[..., None], *words: Any) -> None:
    st.button(label, icon=icon, key=key, on_click=act, args=words)


@contextmanager
def _told() -> Iterator[None]:
    """Say what the coordinator refuses."""
    try:
        yield
    except (IdlegridError, WrongField) as error:
        said = f"{error.field}: {error.problem}" if isinstance(error, WrongField) else error
        st.toast(plain_markdown(said), icon=":material/error:")


def _trigger(task_id: int) -> None:
    with _told():
        parameters = json_object("parameters", st.session_state.get("trigger") or "")
        run = grid.client().task(task_id).trigger(**parameters)
        st.session_state.triggered, st.session_state.task_trigger = {task_id: run.id}, False
        st.toast(_("Run {id} is submitted.").format(id=run.id), icon=":material/check:")


def _act(task_id: int, act: Callable[[Task], None]) -> None:
    with _told():
        act(grid.client().task(task_id))
        grid.forget()


def _edit(task_id: int) -> None:
    with _told():
        task_form.open_form(grid.client().task(task_id).details())


def _delete(task_id: int) -> None:
    with _told():
        grid.client().task(task_id).delete()
        st.session_state.chosen_task = None
        grid.forget()
