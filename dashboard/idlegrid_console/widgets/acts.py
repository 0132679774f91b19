"""Carrying out what a visitor pressed, and telling how that went."""

import re
from collections.abc import Callable
from typing import Any

import streamlit as st

from idlegrid import IdlegridError, NotAllowed
from idlegrid_console.data.text import plain_markdown
from idlegrid_console.texts import _
from idlegrid_console.widgets import grid

FORBIDDEN = 403
"""HTTP's status for a key that is good, but not for this."""

_LACKS = re.compile(r"lacks the scope ([a-z]+(?::[a-z]+)?)")
"""How a coordinator names the scope (its core/access.py)."""


def carry_out(act: Callable[..., Any], *args: Any, done: str | Callable[[Any], str] = "") -> bool:
    """`act(*args)`, told in a toast: `done` when it went well (a sentence, or a function from the act's answer to one;
    nothing when empty), else why not. Whether it went well.

    Meant for callbacks: everything is asked anew afterwards, so the next drawing shows what came of it. What the
    library raises on purpose is told; anything else is a mistake of ours, and goes on.
    """
    try:
        answer = act(*args)
    except IdlegridError as error:
        st.toast(plain_markdown(why_not(error)), icon=":material/error:")
        return False
    finally:
        grid.forget()
    if sentence := done if isinstance(done, str) else done(answer):
        st.toast(plain_markdown(sentence), icon=":material/check:")
    return True


def why_not(error: IdlegridError) -> str:
    """Why the coordinator refused, in a sentence for people at a console: the library's advice is for programs."""
    if not isinstance(error, NotAllowed):
        return str(error)
    if error.status == FORBIDDEN and (lacking := _LACKS.search(error.detail)):
        return _("Your key lacks the scope {scope}, which this needs.").format(scope=lacking[1])
    return error.detail
