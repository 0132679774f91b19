"""Between the wire and keys. Pure."""

from collections.abc import Sequence
from typing import Any

from idlegrid_server.core.access import JOIN, Caller
from idlegrid_server.core.errors import InvalidInput
from idlegrid_server.http.access.desk import IssuedToken, Shown
from idlegrid_server.http.dialects.access.schemas import KeyIn
from idlegrid_server.http.envelope import envelope, iso
from idlegrid_server.record.keys import ApiKey, KeyWish


def wish(words: KeyIn, now: float) -> KeyWish:
    """The key that is asked for; a join token enrols one node unless told otherwise. Raises InvalidInput."""
    joins = JOIN in words.scopes
    if words.uses is not None and not joins:
        problem = f"uses: only a key with the scope {JOIN} has uses"
        raise InvalidInput(problem, field="uses", rule="exclusive", value=words.uses)
    expires_at = None if words.expires_in is None else now + words.expires_in
    scopes = tuple(sorted(set(words.scopes)))
    return KeyWish(words.name, scopes, expires_at=expires_at, uses_left=(words.uses or 1) if joins else None)


def key(found: ApiKey) -> dict[str, Any]:
    """A key as a list shows it: all but the key."""
    return {
        "id": found.id,
        "name": found.name,
        "prefix": found.prefix,
        "scopes": sorted(found.scopes),
        "node_id": found.node_id,
        "uses_left": found.uses_left,
        "created_at": iso(found.created_at),
        "expires_at": iso(found.expires_at),
        "revoked_at": iso(found.revoked_at),
        "last_used_at": iso(found.last_used_at),
    }


def keys(found: Sequence[ApiKey]) -> dict[str, Any]:
    """All of them."""
    return envelope({"items": [key(one) for one in found], "total": len(found)})


def me(caller: Caller, shown: Shown, *, required: bool) -> dict[str, Any]:
    """Who calls; `required` says whether keys are asked for."""
    return {
        "name": caller.name,
        "scopes": sorted(caller.scopes),
        "key_id": caller.key_id,
        "prefix": shown.prefix,
        "node_id": caller.node_id,
        "expires_at": iso(shown.ends),
        "required": required,
    }


def token(issued: IssuedToken) -> dict[str, Any]:
    """In the envelope, and at the top for programs that know RFC 6749 (5.1) alone."""
    words = {"access_token": issued.token, "token_type": "bearer", "expires_in": issued.seconds}
    return {**envelope(words), **words}
