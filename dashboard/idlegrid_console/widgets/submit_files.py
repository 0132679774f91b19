"""Files that submitted work finds in its working folder. They belong to a task, so one is made for them."""

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from idlegrid import Client, Run
from idlegrid.tasks import Task
from idlegrid_console.data import submit
from idlegrid_console.data.text import plain_markdown
from idlegrid_console.texts import _
from idlegrid_console.widgets import rights
from idlegrid_console.widgets.submit_state import key

_FILES = "submit_files"


def files_field() -> None:
    """Where files are given, with what then happens said before it does."""
    with st.expander(_("Files for its working folder"), icon=":material/attach_file:"):
        if not rights.may("write:tasks"):
            st.caption(_("Files belong to a task, and your key may make none: it lacks the scope write:tasks."))
            return
        st.file_uploader(
            _("Files"), accept_multiple_files=True, key=_FILES, on_change=_name, label_visibility="collapsed",
            max_upload_size=submit.MOST_BYTES // 2**20,
        )  # fmt: skip
        st.caption(_("Files belong to a task: with them a task of this name is made, given the files, and run once."))
        st.text_input(_("Name of the task"), placeholder="my_data", **key("name"))
        if refusal := submit.refused(_sizes()):
            st.error(plain_markdown(refusal), icon=":material/error:")


def given() -> list[Any]:
    """The files that were given."""
    return list(st.session_state.get(_FILES) or []) if rights.may("write:tasks") else []


def send(client: Client, draft: submit.Draft) -> Run:
    """Make the task, give it the files, and run it; when that fails half way, nothing is left of it.

    Raises WrongFile, WrongField, and what the client raises.
    """
    if refusal := submit.refused(_sizes()):
        raise submit.WrongFile(refusal)
    task = client.create_task(st.session_state.get("submit_name") or _fresh_name(), **submit.task_of(draft))
    whole = False
    try:
        run = _filled(task)
        whole = True
        return run
    finally:
        if not whole:
            task.delete()


def _filled(task: Task) -> Run:
    for file in given():
        task.put_file(file.name, file.getvalue())
    return task.trigger()


def _sizes() -> list[tuple[str, int]]:
    return [(file.name, file.size) for file in given()]


def _name() -> None:
    """Propose a name with the first files; one that was typed stays."""
    if given() and not st.session_state.get("submit_name"):
        st.session_state.submit_name = _fresh_name()


def _fresh_name() -> str:
    return submit.name_for([file.name for file in given()], datetime.now(UTC))
