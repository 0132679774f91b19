"""Webhooks and their deliveries in the record: for those who manage them, and for whoever delivers.

Any number of coordinators may deliver: who is to try something at an endpoint claims the endpoint first.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from sqlalchemy import Connection, Select, case, delete, func, insert, literal_column, select, update

from idlegrid_server.core.webhooks import (
    HEARTBEAT_EVERY,
    MAX_ERROR,
    UNRETRIED,
    Claim,
    Delivery,
    DeliveryState,
    Happening,
    Settled,
    Tried,
    Webhook,
    is_overtaken,
    settled,
)
from idlegrid_server.record import tables as t
from idlegrid_server.record.deliveries import DELIVERY, deliver, delivery_row
from idlegrid_server.record.engine import changing
from idlegrid_server.record.reading import Reading

_WEBHOOK: Final = tuple(Webhook.__dataclass_fields__)
_webhooks: Final = select(*(t.webhooks.c[name] for name in _WEBHOOK))
_deliveries: Final = select(*(t.deliveries.c[name] for name in DELIVERY))
_pending: Final = t.deliveries.c.state == literal_column("'pending'")
"""In so many words, for SQLite takes no index with a condition for one with a parameter."""
_due: Final = (
    select(func.min(t.deliveries.c.next_at))
    .where(t.deliveries.c.webhook_id == t.webhooks.c.id, _pending)
    .correlate(t.webhooks)
    .scalar_subquery()
)
"""When an endpoint's next delivery is due: a look at the first entry of an index, however many are waiting."""


class SqlWebhooks(Reading):
    """Safe to use from many threads. Every method raises RecordUnavailable."""

    # --- managing ---

    def create(self, webhook: Webhook) -> Webhook:
        """Keep an endpoint; answers it with its id."""
        row = _webhook_row(webhook)
        del row["id"]
        with changing(self._engine) as connection:
            made = connection.execute(insert(t.webhooks).values(row).returning(t.webhooks.c.id)).scalar_one()
        return read_webhook((made, *(row[name] for name in _WEBHOOK[1:])))

    def find(self, webhook_id: int) -> Webhook | None:
        """One endpoint."""
        with self._reading() as connection:
            return _found(connection, webhook_id)

    def page(self, number: int, size: int) -> tuple[list[Webhook], int]:
        """One page of endpoints, newest first, and how many there are in all."""
        query = _webhooks.order_by(t.webhooks.c.id.desc()).limit(size).offset((number - 1) * size)
        with self._reading() as connection:
            total = connection.scalar(select(func.count()).select_from(t.webhooks)) or 0
            return [read_webhook(row) for row in connection.execute(query)], total

    def update(self, webhook_id: int, edit: Callable[[Webhook], Webhook], now: float) -> Webhook | None:
        """Change an endpoint; what is pending for one that is active no more fails. None when there is none."""
        with changing(self._engine) as connection:
            before = _found(connection, webhook_id, lock=True)
            if before is None:
                return None
            after = edit(before)
            _write_webhook(connection, after)
            if not after.active:
                _fail_pending(connection, webhook_id, "the endpoint is not active", now)
        return after

    def delete(self, webhook_id: int) -> bool:
        """Drop an endpoint and all its deliveries; whether there was one."""
        with changing(self._engine) as connection:
            found: int = connection.execute(delete(t.webhooks).where(t.webhooks.c.id == webhook_id)).rowcount
            connection.execute(delete(t.deliveries).where(t.deliveries.c.webhook_id == webhook_id))
        return found > 0

    def deliveries(
        self, webhook_id: int, state: DeliveryState | None, number: int, size: int
    ) -> tuple[list[Delivery], int]:
        """One page of an endpoint's deliveries, newest first, and how many there are in all."""
        where = [t.deliveries.c.webhook_id == webhook_id]
        if state is not None:
            where.append(t.deliveries.c.state == state.value)
        newest = (t.deliveries.c.created_at.desc(), t.deliveries.c.id.desc())
        query = _deliveries.where(*where).order_by(*newest).limit(size).offset((number - 1) * size)
        with self._reading() as connection:
            total = connection.scalar(select(func.count()).select_from(t.deliveries).where(*where)) or 0
            return [read_delivery(row) for row in connection.execute(query)], total

    def add(self, delivery: Delivery) -> bool:
        """Put something on its way; False when there is no such endpoint."""
        with changing(self._engine) as connection:
            if _found(connection, delivery.webhook_id, lock=True) is None:
                return False
            connection.execute(insert(t.deliveries).values(delivery_row(delivery)))
        return True

    def resend(self, webhook_id: int, delivery_id: str, now: float) -> Delivery | None:
        """Have a delivery tried once more, at once. None when the endpoint has no such delivery."""
        of = t.deliveries.c
        changes = {"state": DeliveryState.PENDING.value, "next_at": now, "ended_at": None}
        query = update(t.deliveries).where(of.id == delivery_id, of.webhook_id == webhook_id).values(changes)
        with changing(self._engine) as connection:
            connection.execute(query)
            return _delivery(connection, _deliveries.where(of.id == delivery_id, of.webhook_id == webhook_id))

    def announce(self, happening: Happening) -> set[int]:
        """Put something that happened outside of a batch on its way; the endpoints that hear of it."""
        with changing(self._engine) as connection:
            return deliver(connection, [happening])

    # --- delivering ---

    def due_endpoints(self, now: float, limit: int = 100) -> list[int]:
        """Endpoints with something due that nobody has claimed, longest due first."""
        free = select(t.webhooks.c.id).where(t.webhooks.c.busy_until <= now, _due <= now)
        return self._names(free.order_by(_due, t.webhooks.c.id).limit(limit))

    def next_due(self) -> float | None:
        """When there will be something to claim, if not before; None while nothing is on its way."""
        busy = t.webhooks.c.busy_until
        at: float | None = self._scalar(
            select(func.min(case((busy > _due, busy), else_=_due))).where(_due.is_not(None))
        )
        return at

    def claim(self, webhook_id: int, now: float, seconds: float) -> Claim | None:
        """The endpoint's delivery that is due longest, to be tried within so many seconds.

        None when there is none, or somebody else has claimed the endpoint.
        """
        with changing(self._engine) as connection:
            if not _occupy(connection, webhook_id, now, now + seconds):
                return None
            webhook, delivery = _found(connection, webhook_id), _next(connection, webhook_id, now)
            if webhook is None or delivery is None:
                _vacate(connection, webhook_id, now + seconds)
                return None
            return Claim(webhook, delivery, now + seconds)

    def settle(self, claim: Claim, tried: Tried, now: float) -> Settled | None:
        """Note how a try went, and give the endpoint free.

        None when it no longer matters: the endpoint or the delivery is gone, has been ended, or was tried by another
        after the claim was over.
        """
        with changing(self._engine) as connection:
            webhook = _found(connection, claim.webhook.id, lock=True)
            delivery = _delivery(connection, _deliveries.where(t.deliveries.c.id == claim.delivery.id))
            _vacate(connection, claim.webhook.id, claim.until)
            if webhook is None or delivery is None or not _is_the_same(delivery, claim.delivery):
                return None
            after = settled(webhook, delivery, tried, now)
            _write_settled(connection, after, now)
        return after

    def release(self, claim: Claim) -> None:
        """Give a claimed endpoint free without having tried."""
        with changing(self._engine) as connection:
            _vacate(connection, claim.webhook.id, claim.until)


def _is_the_same(now: Delivery, claimed: Delivery) -> bool:
    return now.state is DeliveryState.PENDING and now.attempts == claimed.attempts


def _found(connection: Connection, webhook_id: int, *, lock: bool = False) -> Webhook | None:
    query = _webhooks.where(t.webhooks.c.id == webhook_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else read_webhook(row)


def _next(connection: Connection, webhook_id: int, now: float) -> Delivery | None:
    """What is due longest, after all that has been overtaken was given up."""
    of = t.deliveries.c
    due = _deliveries.where(of.webhook_id == webhook_id, _pending, of.next_at <= now).order_by(of.next_at, of.id)
    oldest = _delivery(connection, due)
    if oldest is None or not is_overtaken(oldest, now):
        return oldest
    stale = (of.event.in_(sorted(UNRETRIED)), of.next_at < now - HEARTBEAT_EVERY)
    _fail_pending(connection, webhook_id, "overtaken by a later one", now, *stale)
    return _delivery(connection, due)


def _delivery(connection: Connection, query: Select[Any]) -> Delivery | None:
    row = connection.execute(query.limit(1)).first()
    return None if row is None else read_delivery(row)


def _occupy(connection: Connection, webhook_id: int, now: float, until: float) -> bool:
    free = update(t.webhooks).where(t.webhooks.c.id == webhook_id, t.webhooks.c.busy_until <= now)
    return connection.execute(free.values(busy_until=until)).rowcount > 0


def _vacate(connection: Connection, webhook_id: int, until: float) -> None:
    mine = update(t.webhooks).where(t.webhooks.c.id == webhook_id, t.webhooks.c.busy_until == until)
    connection.execute(mine.values(busy_until=0.0))


def _write_settled(connection: Connection, after: Settled, now: float) -> None:
    row = delivery_row(after.delivery)
    connection.execute(update(t.deliveries).where(t.deliveries.c.id == row["id"]).values(row))
    _write_webhook(connection, after.webhook)
    if after.switched_off:
        _fail_pending(connection, after.webhook.id, f"switched off: {after.webhook.disabled_reason}", now)


def _write_webhook(connection: Connection, webhook: Webhook) -> None:
    connection.execute(update(t.webhooks).where(t.webhooks.c.id == webhook.id).values(_webhook_row(webhook)))


def _fail_pending(connection: Connection, webhook_id: int, error: str, now: float, *where: Any) -> None:
    changes = {"state": DeliveryState.FAILED.value, "next_at": None, "ended_at": now, "error": error[:MAX_ERROR]}
    pending = update(t.deliveries).where(t.deliveries.c.webhook_id == webhook_id, _pending, *where)
    connection.execute(pending.values(changes))


def _webhook_row(webhook: Webhook) -> dict[str, Any]:
    return {name: getattr(webhook, name) for name in _WEBHOOK} | {"events": list(webhook.events)}


def read_webhook(row: Iterable[Any]) -> Webhook:
    """The endpoint of a row that has its columns in order."""
    values = dict(zip(_WEBHOOK, row, strict=True))
    return Webhook(**{**values, "events": tuple(values["events"])})


def read_delivery(row: Iterable[Any]) -> Delivery:
    """The delivery of a row that has its columns in order."""
    values = dict(zip(DELIVERY, row, strict=True))
    return Delivery(**{**values, "state": DeliveryState(values["state"])})
