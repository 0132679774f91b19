"""All keys that open something, in memory, by their digests: a known key costs one look into a dictionary.

What has changed is read every 5 s, when told to, and when an unknown key comes; many that come at once share one look.
Lives on the event loop.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import structlog

from idlegrid_server.core.access import Caller
from idlegrid_server.core.errors import GridError
from idlegrid_server.core.ports import Clock
from idlegrid_server.record.keys import ApiKey, KeyStore

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 5.0
"""A revoked key is refused everywhere within this time (docs/protocol.md, 4)."""
PAUSE: Final = 0.05
"""Seconds between two looks, however many unknown keys come."""
NOTHING: Final = -1
"""The version of who has seen no key yet."""


@dataclass(frozen=True, slots=True)
class _Holder:
    """What is kept of a key."""

    caller: Caller
    digest: str
    prefix: str
    ends: float
    """Epoch seconds."""


class KeyRing:
    """The live keys of one record."""

    def __init__(self, store: KeyStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._by_digest: dict[str, _Holder] = {}
        self._by_id: dict[int, _Holder] = {}
        self._seen, self._looked = NOTHING, float("-inf")
        self._looking, self._told = asyncio.Lock(), asyncio.Event()
        self._planned: asyncio.Task[GridError | None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watchers: dict[int, set[asyncio.Future[None]]] = {}
        self._trouble = ""

    def holder(self, digest: str, now: float) -> Caller | None:
        """Who holds the key with this digest; None when it opens nothing, or is not known yet."""
        found = self._by_digest.get(digest)
        return found.caller if found is not None and now < found.ends else None

    def keyholder(self, key_id: int, now: float) -> Caller | None:
        """Who holds the key with this id."""
        found = self._by_id.get(key_id)
        return found.caller if found is not None and now < found.ends else None

    def ends(self, key_id: int) -> float:
        """When a key expires, in epoch seconds; at once when it is not known."""
        found = self._by_id.get(key_id)
        return 0.0 if found is None else found.ends

    def prefix(self, key_id: int) -> str:
        """A key's first characters, by which people know it; empty when it is not known."""
        found = self._by_id.get(key_id)
        return "" if found is None else found.prefix

    async def look(self) -> None:
        """Read what has changed, in a look that begins after this call. Raises RecordUnavailable."""
        if self._planned is None:
            self._planned = asyncio.ensure_future(self._look_soon())
        trouble = await asyncio.shield(self._planned)
        if trouble is not None:
            raise trouble

    async def _look_soon(self) -> GridError | None:
        async with self._looking:
            await asyncio.sleep(max(0.0, self._looked + PAUSE - self._clock.monotonic()))
            self._planned, self._looked = None, self._clock.monotonic()  # who comes from now on needs another look
            try:
                version, changed = await asyncio.to_thread(self._read, self._seen)
            except GridError as error:
                return error
            self._apply(version, changed)
            return None

    def _read(self, seen: int) -> tuple[int, Sequence[ApiKey]]:
        """In a thread. A version below ours is that of a record that was restored: all of it is read."""
        version = self._store.version()
        if version == seen:
            return version, ()
        return version, self._store.changed_since(seen if seen < version else NOTHING)

    def _apply(self, version: int, changed: Sequence[ApiKey]) -> None:
        if version < self._seen:
            self._by_digest.clear()
            self._by_id.clear()
        self._seen, now = version, self._clock.now()
        for key in changed:
            self._put(key, now)
        self._dismiss(now)

    def _put(self, key: ApiKey, now: float) -> None:
        if not key.is_live(now):
            self._by_id.pop(key.id, None)
            self._by_digest.pop(key.digest, None)
            return
        caller = Caller(key.name, key.scopes, key.id, key.node_id)
        ends = float("inf") if key.expires_at is None else key.expires_at
        holder = _Holder(caller, key.digest, key.prefix, ends)
        self._by_id[key.id] = self._by_digest[key.digest] = holder

    def refresh_soon(self) -> None:
        """Somebody has changed a key: look now. From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told.set)

    async def follow(self) -> None:
        """Look every 5 s and when told to, until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._told.wait()
            self._told.clear()
            await self.keep_up()

    async def keep_up(self) -> None:
        """Look once; a record that is away is said once, and known keys stay good. Never raises."""
        try:
            await self.look()
            self._trouble = ""
        except GridError as error:
            if self._trouble != str(error):
                log.warning("keys cannot be looked at", action="keys_unread", reason=str(error))
            self._trouble = str(error)
        except Exception:
            log.exception("keys cannot be looked at", action="keys_unread")
        self._dismiss(self._clock.now())

    @contextmanager
    def watching(self, key_id: int | None) -> Iterator[asyncio.Future[None]]:
        """What is done when the key opens nothing any more; never, without a key."""
        gone = asyncio.get_running_loop().create_future()
        if key_id is None:
            yield gone
            return
        watchers = self._watchers.setdefault(key_id, set())
        watchers.add(gone)
        try:
            yield gone
        finally:
            watchers.discard(gone)
            if not watchers and self._watchers.get(key_id) is watchers:
                del self._watchers[key_id]

    def _dismiss(self, now: float) -> None:
        """Tell those who watch keys that are gone."""
        for key_id, watchers in self._watchers.items():
            if self.keyholder(key_id, now) is None:
                for gone in watchers:
                    if not gone.done():
                        gone.set_result(None)
