"""Submit: write work, see who could take it, run it."""

import streamlit as st

from idlegrid import Client
from idlegrid_console.texts import _
from idlegrid_console.widgets import rights, submit_state
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.submit_editor import editor
from idlegrid_console.widgets.submit_files import files_field
from idlegrid_console.widgets.submit_needs import needs
from idlegrid_console.widgets.submit_send import last_submissions, send_row


@st.fragment(key="submit_form")
def _form() -> None:
    left, right = st.columns([5, 2], gap="medium")
    with left:
        editor()
    with right:
        needs()
    if submit_state.draft()["kind"] != "http":
        files_field()
    send_row()


@st.fragment(run_every=2, key="submit_away")
def _away() -> None:
    """What stands there while nobody knows what the key allows."""
    with Live("submit") as live:
        if live.ask(Client.me) is not None:
            st.rerun()


st.title(_("Submit"), anchor=False)
if rights.may("submit"):
    submit_state.begin()
    _form()
    last_submissions()
elif not rights.current().known:
    _away()
