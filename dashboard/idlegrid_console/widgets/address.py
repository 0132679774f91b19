"""What the page's address says, so that a page can be sent to somebody."""

from collections.abc import Mapping

import streamlit as st

from idlegrid_console.data import text
from idlegrid_console.widgets.language import PARAMETER as LANGUAGE

PAGES = {"run": "runs", "task_id": "runs", "task": "tasks", "webhook": "webhooks"}
"""On which page's address a parameter belongs."""


def number(parameter: str) -> int | None:
    """The id that the address gives under this name; None for none, and for nonsense.

    To be asked only when a page is opened (`session_state.just_opened`): while it stands, a drawing may still carry
    the address from before a choice.
    """
    return text.number(st.query_params.get(parameter, ""))


def put(parameter: str, value: int | None) -> None:
    """Let the address give this value under this name from now on; nothing once its page was left."""
    if st.session_state.get("standing") != PAGES[parameter]:
        return
    if value is None:
        st.query_params.pop(parameter, None)
    else:
        st.query_params[parameter] = str(value)


def write(parameters: Mapping[str, str]) -> None:
    """Let the address say this and nothing else, but for the language, which is the frame's."""
    chosen = st.query_params.get(LANGUAGE)
    st.query_params.from_dict(({LANGUAGE: chosen} if chosen else {}) | dict(parameters))
