"""What is done with keys: made, listed, revoked, exchanged for a token or for a node's key."""

import asyncio
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

import structlog

from idlegrid_server.core.access import SCOPES, Caller
from idlegrid_server.core.errors import Conflict, InvalidInput, NotAuthenticated, NotAuthorized
from idlegrid_server.core.ports import Clock
from idlegrid_server.http.access.ring import KeyRing
from idlegrid_server.http.access.tokens import Tokens, looks_like_token
from idlegrid_server.record.keys import ApiKey, KeyStore, KeyWish

log = structlog.get_logger(__name__)

NO_KEYS: Final = "No keys are asked for here, so there is nothing to exchange"


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token, and the whole seconds it is good for."""

    token: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What a caller has shown: its key's first characters, and when it ends (epoch seconds; None is never)."""

    prefix: str = ""
    ends: float | None = None


class KeyDesk:
    """Changes keys, in the record and in memory. Every method raises RecordUnavailable."""

    def __init__(
        self,
        store: KeyStore,
        ring: KeyRing,
        clock: Clock,
        tokens: Tokens | None,
        *,
        token_seconds: float,
        changed: Callable[[], None],
    ) -> None:
        """`changed` tells the other coordinators to look; without `tokens` there are none."""
        self._store, self._ring, self._clock, self._tokens = store, ring, clock, tokens
        self._token_seconds, self._changed = int(token_seconds), changed

    async def make(self, wish: KeyWish, by: Caller) -> tuple[str, ApiKey]:
        """A new key, itself and what the record has of it; good at once. Raises InvalidInput for unknown scopes."""
        check_scopes(wish.scopes)
        key, made = await asyncio.to_thread(self._store.create, wish, self._clock.now())
        await self._spread()
        log.info("key made", action="key_made", key=made.id, name=made.name, scopes=sorted(made.scopes), by=by.name)
        return key, made

    async def all(self) -> list[ApiKey]:
        """Every key there ever was, the newest first."""
        return await asyncio.to_thread(self._store.all)

    async def revoke(self, key_id: int, by: Caller) -> ApiKey:
        """Let a key open nothing any more: here at once, elsewhere within seconds. Raises NotFound."""
        revoked = await asyncio.to_thread(self._store.revoke, key_id, self._clock.now())
        await self._spread()
        log.info("key revoked", action="key_revoked", key=revoked.id, name=revoked.name, by=by.name)
        return revoked

    async def enrol(self, caller: Caller, node_id: str) -> str:
        """A key for a node, by the join token that the caller has shown.

        Raises NotAuthorized for a token that has no use left, Conflict where no keys are asked for.
        """
        if caller.key_id is None:
            raise Conflict(NO_KEYS)
        key = await asyncio.to_thread(self._store.enrol, caller.key_id, node_id, self._clock.now())
        await self._spread()
        log.info("node enrolled", action="enrolled", node=node_id, key=caller.key_id, name=caller.name)
        return key

    async def _spread(self) -> None:
        self._changed()
        await self._ring.keep_up()

    def token(self, caller: Caller, scopes: Collection[str] | None, seconds: int | None) -> IssuedToken:
        """A token with at most the caller's scopes, all when none are named, that does not outlive its key.

        Raises InvalidInput for unknown scopes or too long a time, NotAuthorized for scopes that the key lacks,
        Conflict where no keys are asked for.
        """
        if self._tokens is None or caller.key_id is None:
            raise Conflict(NO_KEYS)
        wanted = caller.scopes if scopes is None else frozenset(scopes)
        check_scopes(wanted)
        if lacking := sorted(scope for scope in wanted if not caller.may(scope)):
            raise NotAuthorized(f"This key cannot give what it lacks: {', '.join(lacking)}")
        good_for = self._lifetime(caller.key_id, seconds)
        log.info("token made", action="token_made", key=caller.key_id, name=caller.name, seconds=good_for)
        return IssuedToken(self._tokens.issue(caller, wanted, good_for), good_for)

    def shown(self, caller: Caller, presented: str) -> Shown:
        """About the key or token that a caller has shown; a token ends with its key, if not before."""
        if caller.key_id is None:
            return Shown()
        ends = self._ring.ends(caller.key_id)
        grant = self._tokens.read(presented) if self._tokens is not None and looks_like_token(presented) else None
        ends = ends if grant is None else min(ends, grant.ends)
        return Shown(self._ring.prefix(caller.key_id), None if math.isinf(ends) else ends)

    def _lifetime(self, key_id: int, seconds: int | None) -> int:
        if seconds is not None and seconds > self._token_seconds:
            words = f"expires_in: at most {self._token_seconds} seconds"
            raise InvalidInput(words, field="expires_in", rule="max", value=seconds)
        left = self._ring.ends(key_id) - self._clock.now()
        if left < 1:
            raise NotAuthenticated("This key expires within a second")
        return int(min(left, self._token_seconds if seconds is None else seconds))


def check_scopes(scopes: Collection[str]) -> None:
    """Raise InvalidInput for none at all, or for one that does not exist, which is named."""
    if not scopes:
        raise InvalidInput("scopes: at least one is needed", field="scopes", rule="min_length", value=[])
    if unknown := sorted(set(scopes) - set(SCOPES)):
        words = f"scopes: there is no {', '.join(unknown)}; there are {', '.join(SCOPES)}"
        raise InvalidInput(words, field="scopes", rule="enum", value=unknown)
