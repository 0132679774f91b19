"""From what happened in a batch to what is on its way to endpoints, in the batch's own transaction."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.happenings import body
from idlegrid_server.core.subscriptions import Subscriptions
from idlegrid_server.core.webhooks import Delivery, Happening, new_delivery, wants
from idlegrid_server.record import tables as t

DELIVERY: Final = tuple(Delivery.__dataclass_fields__)
"""A delivery's columns are its fields."""
_subscribed: Final = select(t.webhooks.c.id, t.webhooks.c.events).where(t.webhooks.c.active).order_by(t.webhooks.c.id)
_new: Final = insert(t.deliveries)


def write_deliveries(connection: Connection, batch: Batch, subscriptions: Subscriptions) -> None:
    """One delivery for each thing that happened and each endpoint that wants it; notes whom in `batch.addressed`.

    New runs and tasks must have their ids.
    """
    if not batch.happened:
        return
    wanted = subscriptions.wanted(lambda: [events for _, events in connection.execute(_subscribed)])
    if wanted:
        batch.addressed = deliver(connection, [one for one in batch.happened if one.event in wanted])


def deliver(connection: Connection, happenings: Sequence[Happening]) -> set[int]:
    """Write the deliveries; the endpoints that hear of something."""
    if not happenings:
        return set()
    endpoints = [(webhook_id, events) for webhook_id, events in connection.execute(_subscribed)]
    made = [delivery for happening in happenings for delivery in _deliveries(happening, endpoints)]
    if made:
        connection.execute(_new, [delivery_row(delivery) for delivery in made])
    return {delivery.webhook_id for delivery in made}


def _deliveries(happening: Happening, endpoints: Sequence[tuple[int, list[str]]]) -> list[Delivery]:
    addressed = [webhook_id for webhook_id, events in endpoints if wants(events, happening.event)]
    text = body(happening) if addressed else ""
    return [new_delivery(webhook_id, happening.event, text, happening.at) for webhook_id in addressed]


def delivery_row(delivery: Delivery) -> dict[str, Any]:
    """The row of a delivery."""
    return {name: getattr(delivery, name) for name in DELIVERY}
