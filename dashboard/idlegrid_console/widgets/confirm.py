"""A question before an act that cannot be undone, or that others would notice:
`st.button(_("Revoke"), on_click=confirm.ask, args=("revoke_7", _("Revoke this key?"), sentence, _revoke, 7))`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from idlegrid_console.data.text import plain_markdown
from idlegrid_console.texts import _

_PLACE = "confirm"
_ASKED = "to_confirm"
_AGREED = "confirmed"


@dataclass(frozen=True, slots=True)
class _Question:
    key: str
    title: str
    sentence: str
    do: Callable[..., Any]
    args: tuple[Any, ...]


def ask(key: str, title: str, sentence: str, do: Callable[..., Any], *args: Any) -> None:
    """To be a button's `on_click`: ask whether `do(*args)` shall be done, in a dialog over the page.

    `title` is the question, `sentence` says what comes of it; both are shown as text. When the answer is yes the page
    is drawn anew, and before that `do` is called (see `acts.carry_out`): it may set what widgets hold. The answers are
    the buttons `{key}_yes` and `{key}_no`.
    """
    st.session_state[_ASKED] = _Question(key, title, sentence, do, args)
    st.rerun(_PLACE)


def place() -> None:
    """Where the frame does what was agreed to, and opens the dialog; to be called before the page is drawn."""
    # Not in the button's callback: what it says in a toast would there replace the dialog that is being drawn.
    if agreed := st.session_state.pop(_AGREED, None):
        agreed.do(*agreed.args)
    _dialog()


@st.fragment(key=_PLACE)
def _dialog() -> None:
    if question := st.session_state.pop(_ASKED, None):
        st.dialog(plain_markdown(question.title))(_answers)(question)


def _answers(question: _Question) -> None:
    st.text(question.sentence)
    with st.container(horizontal=True):
        st.button(_("Yes"), key=f"{question.key}_yes", type="primary", on_click=_answer, args=(question,))
        st.button(_("No"), key=f"{question.key}_no", on_click=_answer)


def _answer(agreed: _Question | None = None) -> None:
    """The dialog closes, because the page is drawn without it."""
    st.session_state[_AGREED] = agreed
    st.rerun()
