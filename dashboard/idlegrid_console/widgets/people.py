"""Sign-in with an OpenID provider, as Streamlit's secrets file sets it up: `[auth]`, and `[keys]` beside it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from idlegrid_console.data import people


def configured() -> bool:
    """Whether visitors can sign in so: then the console lends nobody the key that it was started with."""
    return bool(providers())


def providers() -> list[str | None]:
    """Whom visitors can sign in with, as `st.login` takes them."""
    return people.providers(_table("auth"))


def signed_in() -> bool:
    """Whether the visitor has done so."""
    return bool(st.user.get("is_logged_in"))


def address() -> str:
    """Who the visitor is, by their provider; empty when nobody vouches for it."""
    return people.address_of(st.user) if signed_in() else ""


def key() -> str:
    """The API key kept for the visitor; empty for none."""
    return people.key_for(address(), _table("keys"))


def _table(name: str) -> Mapping[str, Any]:
    """A console without a secrets file is the usual one."""
    found = st.secrets.get(name) if st.secrets.load_if_toml_exists() else None
    return found if isinstance(found, Mapping) else {}
