"""The coordinator as the pages ask it: one client per address and key, and answers shared between visitors."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from idlegrid import Client
from idlegrid.client import DEFAULT_URL
from idlegrid_console.widgets import people

T = TypeVar("T")

PATIENCE_SECONDS = 4.0
"""How long a page waits for an answer: a refresh that hangs longer is worse than one that says so."""

FRESH_SECONDS = 1.0
"""For how long one visitor's answer serves the others: many open consoles ask no more than one."""

SLOW_SECONDS = 20.0
"""The same for answers that change slowly or cost much: long windows, weeks, sums."""

KEY = "grid_key"
"""Where the session keeps the API key that the visitor entered."""


def address() -> str:
    """The coordinator's URL, from the environment that `idlegrid console` sets."""
    return os.environ.get("IDLEGRID_URL") or DEFAULT_URL


def node_command() -> str:
    """What lends another machine to this grid; a grid that asks for keys wants a join token, too."""
    return f"idlegrid node --server {address()}" + (" --join TOKEN" if _key() else "")


def client() -> Client:
    """The client for this visitor, with their key."""
    return _client(address(), _key())


def shared(question: Callable[..., T], *, slowly: bool = False, **parameters: Any) -> T:
    """`question(client, **parameters)`, at most `FRESH_SECONDS` old, or `SLOW_SECONDS`. Raises what the client does."""
    ask = _slow if slowly else _shared
    answer: T = ask(client(), question, question.__name__, address(), _key(), parameters)
    return answer


def forget() -> None:
    """Have everything asked anew: something was just changed, and the next drawing is to show it."""
    _shared.clear()
    _slow.clear()


def _key() -> str:
    """What the visitor entered, else what is kept for them, else, where nobody else is let in, the console's own."""
    own = "" if people.configured() else os.environ.get("IDLEGRID_API_KEY", "")
    return st.session_state.get(KEY) or people.key() or own


@st.cache_resource(max_entries=64, show_spinner=False, on_release=Client.close)
def _client(url: str, key: str) -> Client:
    """Without a key it asks with none: left to itself, a `Client` takes the one of the console's environment."""
    made = Client(url)
    made.session.use_key(key)
    made.session.timeout = PATIENCE_SECONDS
    return made


@st.cache_data(ttl=FRESH_SECONDS, max_entries=256, show_spinner=False)
def _shared(
    _asked: Client, _question: Callable[..., Any], name: str, url: str, key: str, parameters: dict[str, Any]
) -> Any:
    """All arguments but those with a leading underscore tell one cached answer from another."""
    return _question(_asked, **parameters)


@st.cache_data(ttl=SLOW_SECONDS, max_entries=256, show_spinner=False)
def _slow(
    _asked: Client, _question: Callable[..., Any], name: str, url: str, key: str, parameters: dict[str, Any]
) -> Any:
    """As `_shared`."""
    return _question(_asked, **parameters)
