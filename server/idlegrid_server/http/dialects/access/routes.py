"""`/api/keys`, and what is under `/api/auth`."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response

from idlegrid_server.core.errors import NotAuthorized
from idlegrid_server.core.limits import MAX_INT64
from idlegrid_server.http.access.tokens import looks_like_token
from idlegrid_server.http.deps import presented_key
from idlegrid_server.http.dialects.access import translate
from idlegrid_server.http.dialects.access.schemas import KeyIn, TokenIn
from idlegrid_server.http.envelope import envelope
from idlegrid_server.http.routing import Call, GridRoute

router = APIRouter(prefix="/api", tags=["access"], route_class=GridRoute)
KeyId = Annotated[int, Path(ge=0)]
SECRET: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""For answers with a secret in them (RFC 6749, 5.1)."""


@router.post("/auth/token")
async def token(call: Call, response: Response, words: TokenIn | None = None) -> dict[str, Any]:
    """A short token, in exchange for a key."""
    if looks_like_token(presented_key(call)):
        raise NotAuthorized("A token is not exchanged for another one: send the key")
    asked = words or TokenIn()
    issued = call.grid.key_desk.token(call.caller, asked.scopes, asked.expires_in)
    response.headers.update(SECRET)
    return translate.token(issued)


@router.get("/auth/me")
async def me(call: Call) -> dict[str, Any]:
    """Whose key or token this is, and what it allows."""
    shown = call.grid.key_desk.shown(call.caller, presented_key(call))
    return envelope(translate.me(call.caller, shown, required=call.grid.settings.needs_keys))


@router.get("/keys")
async def keys(call: Call) -> dict[str, Any]:
    """Every key there ever was, without the keys themselves."""
    return translate.keys(await call.grid.key_desk.all())


@router.post("/keys", status_code=HTTPStatus.CREATED)
async def make_key(words: KeyIn, call: Call, response: Response) -> dict[str, Any]:
    """A new key, which is shown this once."""
    key, made = await call.grid.key_desk.make(translate.wish(words, call.coordinator.clock.now()), call.caller)
    response.headers.update(SECRET)
    return envelope({**translate.key(made), "key": key})


@router.delete("/keys/{key_id}")
async def revoke_key(key_id: KeyId, call: Call) -> dict[str, Any]:
    """Let a key open nothing any more."""
    return envelope(translate.key(await call.grid.key_desk.revoke(min(key_id, MAX_INT64), call.caller)))
