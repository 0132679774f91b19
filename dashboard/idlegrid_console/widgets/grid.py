"""The coordinator as the pages ask it: one client per address and key, and answers shared between visitors."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from idlegrid import Client
from idlegrid.client import DEFAULT_URL

T = TypeVar("T")

PATIENCE_SECONDS = 4.0
"""How long a page waits for an answer: a refresh that hangs longer is worse than one that says so."""

FRESH_SECONDS = 1.0
"""For how long one visitor's answer serves the others: many open consoles ask no more than one."""

KEY = "grid_key"
"""Where the session keeps the API key that the visitor entered."""


def address() -> str:
    """The coordinator's URL, from the environment that `idlegrid console` sets."""
    return os.environ.get("IDLEGRID_URL") or DEFAULT_URL


def node_command() -> str:
    """What lends another machine to this grid; a grid that asks for keys wants a join token, too."""
    return f"idlegrid node --server {address()}" + (" --join TOKEN" if _key() else "")


def client() -> Client:
    """The client for this visitor: with the key that they entered, else the console's own."""
    return _client(address(), _key())


def shared(question: Callable[..., T], **parameters: Any) -> T:
    """`question(client, **parameters)`, at most `FRESH_SECONDS` old; raises what the client raises."""
    answer: T = _shared(client(), question, question.__name__, address(), _key(), parameters)
    return answer


def forget() -> None:
    """Have everything asked anew: something was just changed, and the next drawing is to show it."""
    _shared.clear()


def _key() -> str:
    return st.session_state.get(KEY) or os.environ.get("IDLEGRID_API_KEY") or ""


@st.cache_resource(max_entries=64, show_spinner=False, on_release=Client.close)
def _client(url: str, key: str) -> Client:
    made = Client(url, key or None)
    made.session.timeout = PATIENCE_SECONDS
    return made


@st.cache_data(ttl=FRESH_SECONDS, max_entries=256, show_spinner=False)
def _shared(
    _asked: Client, _question: Callable[..., Any], name: str, url: str, key: str, parameters: dict[str, Any]
) -> Any:
    """All arguments but those with a leading underscore tell one cached answer from another."""
    return _question(_asked, **parameters)
