"""The visitor's language: their choice, kept in the session and in the address, else what their browser prefers."""

import streamlit as st

from idlegrid_console.texts import LANGUAGES, _, language_of

PARAMETER = "lang"
"""In the address (`?lang=zh`), and of the session."""

FIELD = "language"
"""Of the choice itself, which every drawing of the frame makes anew."""


def spoken() -> str:
    """The language to speak, as a code of `texts.LANGUAGES`."""
    chosen = st.session_state.get(PARAMETER) or st.query_params.get(PARAMETER)
    return chosen if chosen in LANGUAGES else language_of(st.context.locale)


def choice() -> None:
    """The languages to choose from. A choice stays in the address, which Streamlit empties with each change of page."""
    # Not bound to the address by Streamlit: it would write the language's name there instead of its code.
    st.segmented_control(
        _("Language"), list(LANGUAGES), format_func=LANGUAGES.__getitem__, default=spoken(), required=True, key=FIELD,
        on_change=_choose, label_visibility="collapsed",
    )  # fmt: skip
    if spoken() == st.query_params.get(PARAMETER):
        st.session_state[PARAMETER] = spoken()
    elif PARAMETER in st.session_state:
        st.query_params[PARAMETER] = spoken()


def _choose() -> None:
    st.session_state[PARAMETER] = st.session_state[FIELD]
