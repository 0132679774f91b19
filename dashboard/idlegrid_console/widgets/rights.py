"""Who the visitor is to the grid, and what their key allows: what it does not is left out of the pages."""

from dataclasses import dataclass

import streamlit as st

from idlegrid import Client, IdlegridError, NotAllowed, NotFound
from idlegrid_console.widgets import grid

ADMIN = "admin"
WATCH_SECONDS = 10.0
"""How often an open page looks whether the key still is what it was; the answer is shared for longer."""

KEPT = frozenset({grid.KEY, "lang"})
"""What of the session does not belong to whoever signed in: the key to ask with now, and the language."""

_RIGHTS = "rights"
_DRAWN = "rights_drawn"


@dataclass(frozen=True, slots=True)
class Rights:
    """What is known of the visitor's key."""

    name: str = ""
    """Whose it is, or was until it was refused; empty where no keys are asked for."""
    scopes: tuple[str, ...] = ()
    known: bool = True
    """Whether the coordinator has ever told."""
    refused: str | None = None
    """Why there is no entry, in the coordinator's words; None when there is."""


UNKNOWN = Rights(known=False)
EVERYTHING = Rights(scopes=(ADMIN,))


def learn() -> None:
    """Ask what the visitor's key allows, now and while the page stands; a change of it draws the frame anew."""
    st.session_state.pop(_DRAWN, None)
    _watch()
    st.session_state[_DRAWN] = current()


def current() -> Rights:
    """What is known of the visitor's key."""
    known: Rights = st.session_state.get(_RIGHTS, UNKNOWN)
    return known


def may(*scopes: str) -> bool:
    """Whether the key has one of these scopes, or `admin`, as far as is known."""
    known = current().scopes
    return ADMIN in known or not set(known).isdisjoint(scopes)


def lost() -> bool:
    """To be called after an answer that the key is no good: whether that is so, and the frame is to be drawn anew."""
    grid.forget()
    st.session_state[_RIGHTS] = _ask()
    return current().refused is not None


def forget_all() -> None:
    """Keep nothing of what this tab was shown or told, but its language: somebody else sits there now."""
    for name in set(st.session_state.to_dict()) - KEPT:
        del st.session_state[name]


@st.fragment(run_every=WATCH_SECONDS)
def _watch() -> None:
    before, now = current(), _ask()
    if before.name and now.name != before.name:
        forget_all()
    st.session_state[_RIGHTS] = now
    if st.session_state.get(_DRAWN, now) != now:
        st.rerun()


def _ask() -> Rights:
    """While nobody answers, what was known stands. A coordinator that is too old to tell refuses by itself what it
    does not allow.
    """
    try:
        answer = grid.shared(Client.me, slowly=True)
    except NotFound:
        return EVERYTHING
    except NotAllowed as error:
        return Rights(current().name, refused=error.detail)
    except IdlegridError:
        return current()
    return Rights(str(answer.get("name") or "") if answer.get("required") else "", tuple(answer["scopes"]))
