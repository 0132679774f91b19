"""Webhooks: who wants to hear of what, and what there is to hear. Bodies and data are in docs/protocol.md."""

import itertools
import secrets
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

RETRY_DELAYS: Final = (5.0, 60.0, 600.0, 3_600.0)
"""Seconds after each failed try until the next; after the last of five a delivery has failed."""
GIVE_UP_AFTER: Final = 86_400.0
"""An endpoint that answered nothing well for a day is switched off (Standard Webhooks: disable a dead endpoint)."""
TRY_SECONDS: Final = 5.0
"""How long an endpoint may take for one try, connecting included."""
MAX_URL: Final = 2_000
"""Characters of an endpoint's address."""
SECRET_BYTES: Final = (24, 64)
"""The fewest and the most that a secret may have (Standard Webhooks)."""
SECRET_PREFIX: Final = "whsec_"  # noqa: S105  it says that a secret follows
MAX_ERROR: Final = 500
"""Characters that are kept of what went wrong."""
HEALTH_EVERY: Final = 3_600.0
"""Seconds between two `system.health_check` while nothing changes."""


class EventType(StrEnum):
    """The task API's ten."""

    TASK_CREATED = "task.created"
    TASK_UPDATED = "task.updated"
    TASK_DELETED = "task.deleted"
    TASK_TRIGGERED = "task.triggered"
    TASK_COMPLETED = "task.completed"
    TASK_FAILED = "task.failed"
    WORKER_REGISTERED = "worker.registered"
    WORKER_UNREGISTERED = "worker.unregistered"
    WORKER_HEARTBEAT = "worker.heartbeat"
    HEALTH_CHECK = "system.health_check"


ALL_EVENTS: Final = "*"
"""Stands for all ten."""


def wants(events: Iterable[str], event: EventType) -> bool:
    """Whether an endpoint with these events is told of that one."""
    return any(name in (event.value, ALL_EVENTS) for name in events)


HEARTBEAT_EVERY: Final = 60.0
"""Seconds: endpoints hear of the first heartbeat of each minute of the clock, by each node."""
UNRETRIED: Final = frozenset({EventType.WORKER_HEARTBEAT})
"""The next one says the same."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(slots=True, kw_only=True)
class Webhook:
    """An endpoint that wants to hear of events."""

    id: int = 0
    url: str
    events: tuple[str, ...]
    secret: str
    """`whsec_` and base64, as Standard Webhooks has it."""
    active: bool = True
    owner: str = ""
    """The name of the key that made it."""
    created_at: float
    updated_at: float
    failing_since: float | None = None
    """Since when no try went well; None after one that did."""
    disabled_reason: str = ""
    """Why the grid switched it off; empty when its owner did, or nobody."""


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One event on its way to one endpoint. `id` is its `webhook-id` header, the same at every try."""

    id: str
    webhook_id: int
    event: str
    body: str
    """The JSON that is signed and sent, byte for byte."""
    created_at: float
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    next_at: float | None
    """When it is tried next; None once it is over."""
    status_code: int | None = None
    """Of the last try; None when there was no answer."""
    error: str = ""
    seconds: float | None = None
    ended_at: float | None = None


_made: Final = itertools.count()


def new_delivery(webhook_id: int, event: EventType, body: str, now: float) -> Delivery:
    """A delivery that is due at once. Its id sorts by time, then as they were made here: the first is heard first."""
    delivery_id = f"msg_{int(now * 1000):012x}{next(_made) % 2**20:05x}{secrets.token_hex(8)}"
    return Delivery(id=delivery_id, webhook_id=webhook_id, event=event.value, body=body, created_at=now, next_at=now)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that endpoints may want to hear of. `subject` is a Task, a Run, a Node, or the data itself.

    It is put into words when its batch is written, for only then new things have their ids.
    """

    event: EventType
    at: float
    subject: Any
    more: dict[str, Any] = field(default_factory=dict)
    """Data that the subject does not know."""


def is_overtaken(delivery: Delivery, now: float) -> bool:
    """Whether a later one says the same by now: so that no endpoint falls ever further behind for heartbeats."""
    since = now if delivery.next_at is None else delivery.next_at
    return delivery.event in UNRETRIED and now - since > HEARTBEAT_EVERY


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that somebody is about to try. Until then nobody else tries anything at its endpoint."""

    webhook: Webhook
    delivery: Delivery
    until: float


@dataclass(frozen=True, slots=True)
class Tried:
    """How one try went."""

    status_code: int | None = None
    """None when there was no answer."""
    error: str = ""
    """What went wrong; empty when nothing did."""
    seconds: float = 0.0

    @property
    def is_success(self) -> bool:
        """Whether the endpoint has taken it."""
        return self.status_code is not None and 200 <= self.status_code < 300


@dataclass(frozen=True, slots=True)
class Settled:
    """What a try has led to."""

    webhook: Webhook
    delivery: Delivery
    switched_off: bool = False
    """Whether the endpoint was switched off for it (and only now): that is to be logged."""


def settled(webhook: Webhook, delivery: Delivery, tried: Tried, now: float) -> Settled:
    """What follows from a try: the endpoint and the delivery as they are then; the ones given are left alone."""
    after = replace(
        delivery,
        attempts=delivery.attempts + 1,
        status_code=tried.status_code,
        error="" if tried.is_success else tried.error[:MAX_ERROR],
        seconds=tried.seconds,
    )
    if tried.is_success:
        return Settled(replace(webhook, failing_since=None), _ended(after, DeliveryState.DELIVERED, now))
    failing = replace(webhook, failing_since=now if webhook.failing_since is None else webhook.failing_since)
    reason = _reason_to_switch_off(failing, tried, now) if webhook.active else ""
    if reason:
        off = replace(failing, active=False, disabled_reason=reason, updated_at=now)
        return Settled(off, _ended(after, DeliveryState.FAILED, now), switched_off=True)
    return Settled(failing, _again_or_never(after, now))


def _reason_to_switch_off(webhook: Webhook, tried: Tried, now: float) -> str:
    """Empty when there is none."""
    if tried.status_code == HTTPStatus.GONE:
        return "it answered 410 Gone"
    if now - (now if webhook.failing_since is None else webhook.failing_since) >= GIVE_UP_AFTER:
        return f"no try went well for a day; the last one: {tried.error}"[:MAX_ERROR]
    return ""


def _again_or_never(delivery: Delivery, now: float) -> Delivery:
    if delivery.event in UNRETRIED or delivery.attempts > len(RETRY_DELAYS):
        return _ended(delivery, DeliveryState.FAILED, now)
    return replace(delivery, next_at=now + retry_delay(delivery.id, delivery.attempts))


def _ended(delivery: Delivery, state: DeliveryState, now: float) -> Delivery:
    return replace(delivery, state=state, next_at=None, ended_at=now)


def retry_delay(delivery_id: str, attempts: int) -> float:
    """Seconds from the failed try of that number to the next, up to a tenth longer.

    The share on top is drawn from the delivery's id, so that what failed together does not come back together.
    """
    draw = zlib.crc32(f"{delivery_id}:{attempts}".encode()) / 2**32
    return RETRY_DELAYS[attempts - 1] * (1 + draw / 10)
