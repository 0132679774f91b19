"""The files of a task's working folder: what lies there, taken away, replaced, added.

They stand outside the parts that refresh themselves: each drawing gives every button a new promise.
"""

from functools import partial
from typing import Any

import streamlit as st

from idlegrid import IdlegridError, RunFile
from idlegrid.display import size
from idlegrid.tasks import Task
from idlegrid_console.data import submit
from idlegrid_console.data.files import download_name
from idlegrid_console.data.text import one_line, plain_markdown
from idlegrid_console.texts import _
from idlegrid_console.widgets import confirm, grid, rights
from idlegrid_console.widgets.acts import carry_out, why_not

MOST = 100
"""Files that are listed."""

_ROUND = "task_files_round"


@st.fragment(key="task_files")
def files_panel(task_id: int) -> None:
    """The files, with what may be done with them."""
    task, may_write = grid.client().task(task_id), rights.may("write:tasks")
    try:
        files = task.files()
    except IdlegridError as error:
        st.caption(plain_markdown(why_not(error)))
        return
    if not files and not may_write:
        return
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{_('Files of its working folder')}**")
        for number, file in enumerate(files[:MOST]):
            _row(task, file, number, may_write)
        if len(files) > MOST:
            st.caption(_("{number} more").format(number=len(files) - MOST))
        if may_write:
            _uploader(task, {str(file["name"]): int(file["size"]) for file in files})


def _row(task: Task, file: dict[str, Any], number: int, may_write: bool) -> None:
    shown = one_line(file["name"])
    with st.container(horizontal=True, vertical_alignment="center"):
        # Never the type that somebody gave it: no browser is to draw it.
        st.download_button(
            _("Download"), partial(task.read_file, file["name"]), download_name(RunFile(file["name"])),
            "application/octet-stream", key=f"task_file_{task.id}_{number}", on_click="ignore",
            icon=":material/download:",
        )  # fmt: skip
        if may_write:
            question = _("Delete {name}? The next run is without it.").format(name=shown)
            st.button(
                _("Delete"), key=f"task_drop_{task.id}_{number}", icon=":material/delete:", type="tertiary",
                on_click=confirm.ask, args=("task_drop", _("Delete this file?"), question, _drop, task, file["name"]),
            )  # fmt: skip
        st.text(shown, width="content")
        st.caption(size(int(file["size"])), width="content")


def _drop(task: Task, name: str) -> None:
    carry_out(task.drop_file, name, done=_("{name} is deleted.").format(name=one_line(name)))


def _uploader(task: Task, there: dict[str, int]) -> None:
    place = f"task_upload_{task.id}_{st.session_state.get(_ROUND, 0)}"
    with st.popover(_("Add or replace files"), icon=":material/upload:"):
        given = st.file_uploader(
            _("Files"), accept_multiple_files=True, key=place, label_visibility="collapsed",
            max_upload_size=submit.MOST_BYTES // 2**20,
        )  # fmt: skip
        st.caption(_("One of the same name is replaced. Runs that have started keep what they have."))
        new = [(file.name, file.size) for file in given]
        rest = [(name, length) for name, length in there.items() if length and name not in dict(new)]
        refusal = submit.refused([*new, *rest])
        if refusal and given:
            st.error(plain_markdown(refusal), icon=":material/error:")
        st.button(_("Put them in"), type="primary", key="task_put", disabled=not given or bool(refusal),
                  on_click=_put, args=(task, place))  # fmt: skip


def _put(task: Task, place: str) -> None:
    files = st.session_state[place]
    done = _("{number} files are in the working folder.").format(number=len(files))
    if carry_out(_put_all, task, files, done=done):
        st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _put_all(task: Task, files: list[Any]) -> None:
    for file in files:
        task.put_file(file.name, file.getvalue())
