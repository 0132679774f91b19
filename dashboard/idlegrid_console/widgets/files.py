"""A run's files: names, sizes, and a button each that fetches one when it is pressed and not before."""

from typing import Any

import streamlit as st

from idlegrid import IdlegridError, RunFile, RunFiles
from idlegrid_console.data import files, runs
from idlegrid_console.data.text import plain_markdown
from idlegrid_console.texts import _
from idlegrid_console.widgets import grid

MOST = 100
"""Files shown: no attempt may leave more (docs/protocol.md)."""


def call_for_files(place: str, run: dict[str, Any] | None) -> None:
    """Have the whole page drawn again if the files that stand at `place` are not this run's.

    They stand outside the parts that refresh themselves: each drawing gives every button a new promise, and one
    that was pressed a moment before the old promise is dropped would fail.
    """
    wanted = int(run["id"]) if run is not None and runs.ended(run) and run.get("files") else None
    if st.session_state.get(_key(place)) != wanted:
        st.session_state[_key(place)] = wanted
        st.rerun()


def files_panel(place: str) -> None:
    """The files of the run that was last called for at `place`; nothing when it has none."""
    run_id = st.session_state.get(_key(place))
    if run_id is None:
        return
    with st.container(border=True, gap="xsmall"):
        st.markdown(_("**Files of run {id}**").format(id=run_id))
        for number, file in enumerate(_listed(run_id, place)[:MOST]):
            _row(file, f"file_{place}_{run_id}_{number}")


def _listed(run_id: int, place: str) -> RunFiles:
    try:
        return grid.client().run(run_id).files()
    except IdlegridError as error:
        st.caption(plain_markdown(error))
        st.button(_("Ask again"), key=f"files_again_{place}", icon=":material/refresh:")
        return RunFiles()


def _row(file: RunFile, key: str) -> None:
    name, size = files.shown(file)
    with st.container(horizontal=True, vertical_alignment="center"):
        # Never the type that the code gave it: no browser is to draw it.
        st.download_button(
            _("Download"), file.read, files.download_name(file), "application/octet-stream", key=key,
            on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        st.text(name, width="content")
        st.caption(size)


def _key(place: str) -> str:
    return f"files_at_{place}"
