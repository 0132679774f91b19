"""Lets callers in whose key allows it, as often as the limits allow it, and says so in the log."""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from idlegrid_server.core.access import Access, Caller
from idlegrid_server.core.errors import AccessError, GridError, NotAuthenticated
from idlegrid_server.core.ports import Clock
from idlegrid_server.http.access.audit import AccessLog
from idlegrid_server.http.access.rates import Rate, source_of
from idlegrid_server.http.access.ring import KeyRing
from idlegrid_server.http.access.tokens import Tokens, looks_like_token
from idlegrid_server.record.keys import KeyStore, digest
from idlegrid_server.settings import Settings

log = structlog.get_logger(__name__)

MINUTE: Final = 60.0
GATHER: Final = 0.2
"""Seconds in which first uses gather that are written together: a whole lab starts at once."""
REQUIRED: Final = "A key is required: send `Authorization: Bearer KEY`"
INVALID: Final = "This key is not valid: it is unknown, expired or revoked"


class Gate:
    """Everything between a key that is shown and the caller it belongs to. Lives on the event loop."""

    def __init__(self, settings: Settings, store: KeyStore, clock: Clock, tokens: Tokens | None) -> None:
        """Without `tokens` none is taken."""
        self._store, self._clock, self._tokens = store, clock, tokens
        self.ring = KeyRing(store, clock)
        self._by_key = Rate(settings.rate_limit, clock.monotonic)
        self._by_address = Rate(settings.address_rate_limit, clock.monotonic)
        self._failures = Rate(settings.failed_auth_limit, clock.monotonic)
        self._hurry = asyncio.Event()
        self._log = AccessLog(Rate(settings.failed_auth_limit, clock.monotonic), self._hurry.set)
        self._duties: list[asyncio.Task[None]] = []

    async def admit(self, shown: str, address: str, path: str, access: Access) -> tuple[Caller, str | None]:
        """Who calls, by the key or token that was shown, and the submitter whose runs alone are in reach.

        Raises NotAuthenticated, NotAuthorized, TooManyRequests; RecordUnavailable for a key that is not known yet.
        """
        now, caller = self._clock.now(), None
        try:
            caller = self._known(shown, now) or await self._unknown(shown, address, now)
            self._count(caller, address)
            confined_to = caller.confined(access)
        except AccessError as refusal:
            self.refused(address, path, refusal, caller)
            raise
        self._log.used(caller, address, now)
        return caller, confined_to

    def refused(self, address: str, path: str, refusal: GridError, caller: Caller | None) -> None:
        """Note a refusal in the log."""
        self._log.refused(address, path, str(refusal), caller)

    def _known(self, shown: str, now: float) -> Caller | None:
        if not looks_like_token(shown):
            return self.ring.holder(digest(shown), now)
        grant = self._tokens.read(shown) if self._tokens is not None else None
        holder = self.ring.keyholder(grant.key_id, now) if grant is not None else None
        return grant.of(holder) if grant is not None and holder is not None else None

    async def _unknown(self, shown: str, address: str, now: float) -> Caller:
        """It may be new. Who has shown too many wrong keys lately waits until the ring has heard of it by itself."""
        if not shown:
            raise NotAuthenticated(REQUIRED)
        source = source_of(address)
        if self._failures.is_spent(source):
            raise self._failures.refuse(source, "Too many wrong keys from this address")
        await self.ring.look()
        caller = self._known(shown, now)
        if caller is None:
            self._failures.hit(source)
            raise NotAuthenticated(INVALID)
        return caller

    def _count(self, caller: Caller, address: str) -> None:
        """Only who has a good key is counted: nobody else can use up what it has."""
        who = str(caller.key_id)
        if not self._by_key.hit(who):
            raise self._by_key.refuse(who, "Too many requests by this key")
        source = source_of(address)
        if not self._by_address.hit(source):
            raise self._by_address.refuse(source, "Too many requests from this address")

    async def start(self) -> None:
        """Know all keys, and keep up with them."""
        await self.ring.keep_up()
        self._duties = [asyncio.create_task(self.ring.follow()), asyncio.create_task(self._keep_log())]

    async def stop(self) -> None:
        """End after what was counted is written."""
        for duty in self._duties:
            duty.cancel()
        await asyncio.gather(*self._duties, return_exceptions=True)
        self._log.sum_up()
        await self._write_used()

    async def _keep_log(self) -> None:
        next_sum = self._clock.monotonic() + MINUTE
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, next_sum - self._clock.monotonic())):
                    await self._hurry.wait()
                await asyncio.sleep(GATHER)
            self._hurry.clear()
            if self._clock.monotonic() >= next_sum:
                next_sum = self._clock.monotonic() + MINUTE
                self._log.sum_up()
            await self._write_used()

    async def _write_used(self) -> None:
        """Tell the record when keys were last used; what it does not take waits. Never raises."""
        used = self._log.take_used()
        try:
            await asyncio.to_thread(self._store.note_used, used)
        except Exception as error:  # noqa: BLE001  the outermost edge of a duty: nobody waits for this
            self._log.give_back(used)
            log.warning("the use of keys waits for the record", action="key_use_waits", reason=str(error))
