"""Keys as rows and facts, and what is asked for a new one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from idlegrid_console.data.clock import ago
from idlegrid_console.data.text import moment, one_line
from idlegrid_console.texts import _, n_

Key = Mapping[str, Any]
"""A key as `GET /api/keys` lists it."""

COLUMNS = ("id", "name", "prefix", "state", "scopes", "made", "expires", "used", "revoked", "node", "uses")

JOIN, ADMIN = "join", "admin"

DAY = 86_400
EXPIRY = {
    "hour": (n_("in an hour"), 3_600),
    "day": (n_("in a day"), DAY),
    "month": (n_("in 30 days"), 30 * DAY),
    "quarter": (n_("in 90 days"), 90 * DAY),
    "year": (n_("in a year"), 365 * DAY),
    "never": (n_("never"), None),
}
"""When a new key may expire: words, and seconds from now."""

PRESETS = {
    "submitter": (n_("Submitter"), ("submit",)),
    "viewer": (n_("Viewer"), ("read:tasks", "read:runs", "read:workers", "read:system", "read:jobs")),
    "operator": (
        n_("Operator"),
        ("submit", "read:tasks", "write:tasks", "read:runs", "write:runs", "read:workers", "write:workers",
         "read:system", "webhooks"),
    ),
    "join": (n_("Join token"), (JOIN,)),
    "admin": (n_("Administrator"), (ADMIN,)),
}  # fmt: skip
"""Scopes that go together, to start from."""


def state(key: Key, now: datetime) -> str:
    """What a key is still good for, as a code of `system_texts.KEY_STATE`."""
    if key.get("revoked_at"):
        return "revoked"
    expires = moment(key.get("expires_at"))
    if expires is not None and expires <= now:
        return "expired"
    return "spent" if key.get("uses_left") == 0 else "valid"


def kept(keys: Iterable[Key], wanted: str | None, search: str, now: datetime) -> list[Key]:
    """Those in this state (None: all) whose name, prefix or node has the text in it, the newest first."""
    found = [key for key in keys if wanted in (None, state(key, now)) and search.lower() in _sought(key)]
    return sorted(found, key=lambda key: -int(key.get("id") or 0))


def _sought(key: Key) -> str:
    return " ".join(str(key.get(word) or "") for word in ("name", "prefix", "node_id")).lower()


def table(keys: Sequence[Key], now: datetime) -> pd.DataFrame:
    """One row per key, in their order; `state` is a list of one, which the table draws as a coloured label."""
    frame = pd.DataFrame([_row(key, now) for key in keys], columns=list(COLUMNS))
    for column in ("made", "expires", "used", "revoked"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def _row(key: Key, now: datetime) -> dict[str, Any]:
    return {
        "id": key.get("id"),
        "name": one_line(key.get("name") or ""),
        "prefix": one_line(key.get("prefix") or ""),
        "state": [state(key, now)],
        "scopes": ", ".join(one_line(scope, 40) for scope in key.get("scopes") or []),
        "made": moment(key.get("created_at")),
        "expires": moment(key.get("expires_at")),
        "used": moment(key.get("last_used_at")),
        "revoked": moment(key.get("revoked_at")),
        "node": one_line(key.get("node_id") or ""),
        "uses": key.get("uses_left"),
    }


def facts(key: Key, now: datetime, zone: str | None) -> list[tuple[str, str]]:
    """When a key was made, expires, was used and revoked, and what binds it."""
    found = [
        (_("Made"), ago(key.get("created_at"), now, zone)),
        (_("Expires"), ago(key.get("expires_at"), now, zone) if key.get("expires_at") else _("never")),
        (_("Last used"), ago(key.get("last_used_at"), now, zone) if key.get("last_used_at") else _("never")),
    ]
    if key.get("revoked_at"):
        found.append((_("Revoked"), ago(key["revoked_at"], now, zone)))
    if key.get("node_id"):
        found.append((_("For the node"), one_line(key["node_id"])))
    if key.get("uses_left") is not None:
        found.append((_("Nodes that it may still enrol"), str(key["uses_left"])))
    return found


def wanted(name: str, scopes: Sequence[str], expiry: str, uses: int) -> dict[str, Any]:
    """What `Client.make_key` is asked for; uses go with the scope `join` alone."""
    seconds = EXPIRY[expiry][1]
    enrols = uses if JOIN in scopes else None
    return {"name": name.strip(), "scopes": list(scopes), "expires_in": seconds, "uses": enrols}


def join_command(server: str, key: str) -> str:
    """What lends a machine to the grid with this join token."""
    return f"idlegrid node --server {server} --join {key}"
