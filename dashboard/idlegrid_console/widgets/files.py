"""What a run left, to be taken: its whole log, and its files, of which pictures and tables can be looked at."""

from typing import Any

import streamlit as st

from idlegrid import IdlegridError, RunFile, RunFiles
from idlegrid_console.data import files, run_result, runs
from idlegrid_console.data.text import plain_markdown
from idlegrid_console.texts import _
from idlegrid_console.widgets import grid
from idlegrid_console.widgets.run_log import log_download
from idlegrid_console.widgets.run_result import shown_as_what_it_is

MOST = 100
"""Files shown: no attempt may leave more (docs/protocol.md)."""

MOST_PICTURES = 4
"""Pictures shown without being asked for."""

_SHOWN = "files_looked_at"
_SOON = "files_soon"


def call_for_files(place: str, run: dict[str, Any] | None) -> None:
    """Have the whole page drawn again if what stands at `place` is not this run's.

    It stands outside the parts that refresh themselves: each drawing gives every button a new promise, and one
    that was pressed a moment before the old promise is dropped would fail.
    """
    wanted = None if run is None else (int(run["id"]), runs.ended(run), runs.ended(run) and bool(run.get("files")))
    known, soon = st.session_state.get(_key(place)), st.session_state.get(_SOON)
    if known == wanted:
        return
    st.session_state[_SOON] = wanted
    # A run that has just ended, perhaps by a button here, waits for the next refresh: the toast that says so stays.
    if known and wanted and known[0] == wanted[0] and soon != wanted:
        return
    st.session_state[_key(place)] = wanted
    st.rerun()


def is_over(place: str, run_id: int) -> bool:
    """Whether the run was last called for at `place`, and had ended."""
    known = st.session_state.get(_key(place))
    return known is not None and known[:2] == (run_id, True)


def files_panel(place: str, run_id: int) -> None:
    """The log and the files of the run, once they were called for at `place`."""
    known, _over, has_files = st.session_state.get(_key(place)) or (None, False, False)
    if known != run_id:
        return
    with st.container(border=True, gap="xsmall", key=f"files_{place}"):
        st.markdown(_("**Files of run {id}**").format(id=run_id))
        log_download(run_id, place)
        listed = _listed(run_id, place)[:MOST] if has_files else []
        for number, file in enumerate(listed):
            _row(file, f"{place}_{run_id}_{number}")
        for number in files.pictures(listed, MOST_PICTURES):
            _picture(listed[number])


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
            _("Download"), file.read, files.download_name(file), "application/octet-stream", key=f"file_{key}",
            on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        st.text(name, width="content")
        st.caption(size)
        look = files.readable(file) and st.toggle(_("Look at it"), key=f"look_{key}")
    if look and (content := _content(file)) is not None:
        shown_as_what_it_is(name, content.decode(errors="replace"), f"content_{key}")


def _picture(file: RunFile) -> None:
    """A picture, if its bytes are one: its name and the type that the code gave it do not count."""
    content = _content(file)
    if content is not None and run_result.picture(content):
        st.text(files.shown(file)[0])
        st.image(content)


def _content(file: RunFile) -> bytes | None:
    """The bytes of a small file, fetched once per visitor and run; None, with the reason shown, when there are none."""
    wanted = (grid.address(), file.run_id, file.name, file.sha256)
    kept: dict[Any, bytes] = st.session_state.setdefault(_SHOWN, {})
    if wanted not in kept:
        for other in [key for key in kept if key[1] != file.run_id]:
            del kept[other]
        try:
            kept[wanted] = file.read()
        except IdlegridError as error:
            st.caption(plain_markdown(error))
            return None
    return kept[wanted]


def _key(place: str) -> str:
    return f"files_at_{place}"
