"""Secrets that are shown once: until they are put away, or the page is left."""

import streamlit as st

from idlegrid_console.data.text import one_line
from idlegrid_console.texts import _


def keep(place: str, title: str, secret: str, command: str | None = None) -> None:
    """Show this from the next drawing on, at `place`; `command` is what the secret is for, ready to be run."""
    st.session_state[_key(place)] = (title, secret, command)


def forget(place: str) -> None:
    """Show nothing there any more."""
    st.session_state.pop(_key(place), None)


def shown(place: str) -> None:
    """The secret with a button that copies it, and the one that puts it away; nothing when there is none.

    Never in a part that refreshes itself, and to be forgotten where the page is opened: who comes back later to an
    unwatched screen finds nothing.
    """
    if (known := st.session_state.get(_key(place))) is None:
        return
    title, secret, command = known
    with st.container(border=True, key=f"secret_{place}"):
        st.text(one_line(title))
        st.code(secret, language=None, wrap_lines=True)
        st.warning(_("Copy it now: it is not shown again, and nobody can look it up."), icon=":material/warning:")
        if command:
            st.caption(_("On the machine to be lent, run this (name this coordinator as that machine can reach it):"))
            st.code(command, language=None, wrap_lines=True)
        st.button(_("I have kept it"), key=f"secret_kept_{place}", type="primary", icon=":material/check:",
                  on_click=forget, args=(place,))  # fmt: skip


def _key(place: str) -> str:
    return f"secret_at_{place}"
