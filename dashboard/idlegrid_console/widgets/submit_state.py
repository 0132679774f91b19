"""What stands on the Submit page, kept in the session: over refusals, other pages, and examples chosen by mistake."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from idlegrid_console.data.submit import BLANK, EDITED, is_own

PREFIX = "submit_"
"""Before the name of a field, in the keys of the page's parts."""

MOST_DRAFTS = 20
"""What was written and then replaced is kept so many times; the oldest goes first."""

_DRAFTS = "submit_drafts"


def key(field: str) -> Any:
    """The words for a field's part that make it keep its value, whatever page is shown."""
    return {"key": PREFIX + field, "persist_state": "session"}


def begin() -> None:
    """Give each field that was never shown its first value, before any is drawn."""
    for field, value in BLANK.items():
        st.session_state.setdefault(PREFIX + field, value)


def draft() -> dict[str, Any]:
    """All fields as they stand."""
    return {field: st.session_state.get(PREFIX + field, value) for field, value in BLANK.items()}


def replace(values: Mapping[str, Any]) -> None:
    """Put this into the editor; what somebody wrote there before is kept, to go back to."""
    _keep()
    _show(values)


def drafts() -> int:
    """How much that was replaced is kept."""
    return len(st.session_state.get(_DRAFTS, ()))


def go_back() -> None:
    """Put what was replaced last back into the editor. What stands there comes up again after all the others."""
    kept = st.session_state[_DRAFTS]
    values = kept.pop()
    _keep(at=0)
    _show(values)


def _show(values: Mapping[str, Any]) -> None:
    for field, value in values.items():
        st.session_state[PREFIX + field] = value


def _keep(at: int | None = None) -> None:
    now = draft()
    kept = st.session_state.setdefault(_DRAFTS, [])
    edited = {field: now[field] for field in EDITED}
    if is_own(now) and edited not in kept:
        kept.insert(len(kept) if at is None else at, edited)
        del kept[:-MOST_DRAFTS]
