"""The verbs about webhooks: making, changing, trying out. What is delivered comes of itself, with what happens."""

import asyncio
import base64
import binascii
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import SplitResult, urlsplit

from idlegrid_server.core.addresses import is_public
from idlegrid_server.core.errors import InvalidInput, NotFound
from idlegrid_server.core.happenings import body
from idlegrid_server.core.ports import Clock
from idlegrid_server.core.taskdesk import checked_id
from idlegrid_server.core.webhooks import (
    MAX_URL,
    SECRET_BYTES,
    SECRET_PREFIX,
    Delivery,
    DeliveryState,
    EventType,
    Happening,
    Webhook,
    new_delivery,
)

T = TypeVar("T")
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port → addresses. Raises OSError, or UnicodeError for what cannot be a name."""
RESOLVE_SECONDS: Final = 2.0
"""How long a name's addresses are waited for; after that they are judged at the first try, as they are at every one."""
NEW_SECRET_BYTES: Final = 32
PORTS: Final = {"http": 80, "https": 443}


class Webhooks(Protocol):
    """Endpoints and their deliveries in the record. Every method raises RecordUnavailable."""

    def create(self, webhook: Webhook) -> Webhook:
        """Keep an endpoint; answers it with its id."""

    def find(self, webhook_id: int) -> Webhook | None:
        """One endpoint."""

    def page(self, number: int, size: int) -> tuple[list[Webhook], int]:
        """One page of endpoints, newest first, and how many there are in all."""

    def update(self, webhook_id: int, edit: Callable[[Webhook], Webhook], now: float) -> Webhook | None:
        """Change an endpoint; what is pending for one that is active no more fails. None when there is none."""

    def delete(self, webhook_id: int) -> bool:
        """Drop an endpoint and all its deliveries; whether there was one."""

    def deliveries(
        self, webhook_id: int, state: DeliveryState | None, number: int, size: int
    ) -> tuple[list[Delivery], int]:
        """One page of an endpoint's deliveries, newest first, and how many there are in all."""

    def add(self, delivery: Delivery) -> bool:
        """Put something on its way; False when there is no such endpoint."""

    def resend(self, webhook_id: int, delivery_id: str, now: float) -> Delivery | None:
        """Have a delivery tried once more, at once. None when the endpoint has no such delivery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookWish:
    """What an owner wants of an endpoint; None leaves it as it is, or to the grid when it is new."""

    url: str | None = None
    events: tuple[str, ...] | None = None
    secret: str | None = None
    renews_secret: bool = False
    """Whether the grid is to make another secret."""
    active: bool | None = None


class WebhookDesk:
    """Every method raises RecordUnavailable, and NotFound for an endpoint that is not there."""

    def __init__(
        self,
        webhooks: Webhooks,
        clock: Clock,
        resolve: Resolve,
        *,
        allow_private: bool,
        changed: Callable[[], None],
        due: Callable[[], None],
    ) -> None:
        """`changed` is called when endpoints have changed, `due` when something is due that no batch has brought.

        Both on the event loop; they must be quick.
        """
        self._webhooks, self._clock, self._resolve = webhooks, clock, resolve
        self._allow_private, self._changed, self._due = allow_private, changed, due

    async def create(self, wish: WebhookWish, owner: str) -> Webhook:
        """Make an endpoint. Raises InvalidInput for a URL that may not be asked, and for a secret that is none."""
        await self._check(wish)
        now = self._clock.now()
        webhook = Webhook(
            url=wish.url or "",
            events=wish.events or (),
            secret=wish.secret or _new_secret(),
            active=wish.active is not False,
            owner=owner,
            created_at=now,
            updated_at=now,
        )
        made = await asyncio.to_thread(self._webhooks.create, webhook)
        self._changed()
        return made

    async def update(self, webhook_id: int, wish: WebhookWish) -> Webhook:
        """Change an endpoint. Raises as `create` does."""
        await self._check(wish)
        now, secret = self._clock.now(), _new_secret() if wish.renews_secret else wish.secret
        edit = _edit(replace(wish, secret=secret), now)
        found = await asyncio.to_thread(self._webhooks.update, checked_id(webhook_id, "Webhook"), edit, now)
        self._changed()
        return _there(found, webhook_id)

    async def find(self, webhook_id: int) -> Webhook:
        """One endpoint."""
        return _there(await asyncio.to_thread(self._webhooks.find, checked_id(webhook_id, "Webhook")), webhook_id)

    async def page(self, number: int, size: int) -> tuple[list[Webhook], int]:
        """One page of endpoints, newest first, and how many there are in all."""
        return await asyncio.to_thread(self._webhooks.page, number, size)

    async def remove(self, webhook_id: int) -> None:
        """Drop an endpoint and all its deliveries."""
        found = await asyncio.to_thread(self._webhooks.delete, checked_id(webhook_id, "Webhook"))
        self._changed()
        _there(found or None, webhook_id)

    async def deliveries(
        self, webhook_id: int, state: DeliveryState | None, number: int, size: int
    ) -> tuple[list[Delivery], int]:
        """One page of its deliveries, newest first, and how many there are in all."""
        await self.find(webhook_id)
        return await asyncio.to_thread(self._webhooks.deliveries, webhook_id, state, number, size)

    async def test(self, webhook_id: int, health: dict[str, Any]) -> Delivery:
        """Send it how the grid is, marked as a test, also when it is not active."""
        webhook, now = await self.find(webhook_id), self._clock.now()
        happening = Happening(EventType.HEALTH_CHECK, now, health, {"test": True})
        delivery = new_delivery(webhook.id, happening.event, body(happening), now)
        added = await asyncio.to_thread(self._webhooks.add, delivery)
        _there(added or None, webhook_id)
        self._due()
        return delivery

    async def resend(self, webhook_id: int, delivery_id: str) -> Delivery:
        """Try a delivery once more, under the same id. Raises NotFound also for another endpoint's delivery."""
        now, known = self._clock.now(), checked_id(webhook_id, "Webhook")
        delivery = await asyncio.to_thread(self._webhooks.resend, known, delivery_id, now)
        if delivery is None:
            raise NotFound(f"Delivery {delivery_id} of webhook {webhook_id} not found")
        self._due()
        return delivery

    async def _check(self, wish: WebhookWish) -> None:
        if wish.secret is not None:
            check_secret(wish.secret)
        if wish.url is not None:
            parts = checked_url(wish.url)
            if not self._allow_private and not await self._may_be_public(parts):
                words = "The URL leads to a private address, and webhooks may not go there"
                raise InvalidInput(words, field="url", rule="url", value=wish.url)

    async def _may_be_public(self, parts: SplitResult) -> bool:
        """False when all addresses that are found are private; when there is no telling now, each try will tell."""
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = await self._resolve(parts.hostname or "", parts.port or PORTS[parts.scheme])
        except (OSError, UnicodeError):
            return True
        return any(map(is_public, found))


def _there(found: T | None, webhook_id: int) -> T:
    if found is None:
        raise NotFound(f"Webhook {webhook_id} not found")
    return found


def _edit(wish: WebhookWish, now: float) -> Callable[[Webhook], Webhook]:
    """One that is said to be active, or is sent elsewhere, gets a fresh start."""
    named = {"url": wish.url, "events": wish.events, "secret": wish.secret, "active": wish.active}
    changes: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if wish.active:
        changes["disabled_reason"] = ""
    if wish.active or wish.url is not None:
        changes["failing_since"] = None
    return lambda webhook: replace(webhook, updated_at=now, **changes)


def _new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(NEW_SECRET_BYTES)).decode()


def check_secret(secret: str) -> None:
    """Raise InvalidInput, which does not repeat it, unless it is a secret as Standard Webhooks has it."""
    kind, _, text = secret.partition("_")
    try:
        length = len(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error):
        length = 0
    least, most = SECRET_BYTES
    if f"{kind}_" != SECRET_PREFIX or not least <= length <= most:
        words = f"A secret is {SECRET_PREFIX} and base64 of {least} to {most} bytes"
        raise InvalidInput(words, field="secret", rule="secret")


def checked_url(url: str) -> SplitResult:
    """The parts of an endpoint's address. Raises InvalidInput for what nothing can be sent to.

    A name and a password in it would be shown to all who see the endpoint.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in PORTS and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        good = False
    if not good or len(url) > MAX_URL or any(char <= " " or char in "\\\x7f" for char in url):
        words = f"A URL is http:// or https:// and a host, without a password, of at most {MAX_URL} characters"
        raise InvalidInput(words, field="url", rule="url", value=url)
    return parts
