"""People who signed in with an OpenID provider, and which API key the console asks with for them."""

from collections.abc import Mapping
from typing import Any

ANYONE_AT = "*@"
"""How an entry for everybody of a domain begins: `*@lab.example`."""


def address_of(claims: Mapping[str, Any]) -> str:
    """The e-mail address that a provider vouches for, in lower case; empty for none.

    A provider that says that it has not verified the address (OpenID Connect Core 5.1) does not vouch for it.
    """
    if claims.get("email_verified") in (False, "false"):
        return ""
    return str(claims.get("email") or "").strip().lower()


def key_for(address: str, keys: Mapping[str, Any]) -> str:
    """The API key kept for this address: its own, else its domain's; empty for none."""
    kept = {entry.strip().lower(): str(key) for entry, key in keys.items()}
    user, _, domain = address.rpartition("@")
    return (kept.get(address) or kept.get(ANYONE_AT + domain) or "") if user and domain else ""


def providers(auth: Mapping[str, Any]) -> list[str | None]:
    """The providers that Streamlit's table `[auth]` names, None for the one that has no name of its own."""
    named: list[str | None] = [
        name for name, table in auth.items() if isinstance(table, Mapping) and "client_id" in table
    ]
    return ([None] if "client_id" in auth else []) + named
