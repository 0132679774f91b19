"""Endpoints of a record, and what is on its way to them."""

import json

from sqlalchemy import func, select

from idlegrid_server.core.webhooks import EventType, Happening, Webhook
from idlegrid_server.record import tables as t
from idlegrid_server.record.webhooks import SqlWebhooks

from ..parts import START

NOW = "2023-11-14T22:13:20.000Z"
"""The time of a clock that has not gone."""


class Endpoints:
    """Endpoints of a record, and what is on its way to them."""

    def __init__(self, engine, pen) -> None:
        self.engine, self.record, self.store = engine, pen.record, SqlWebhooks(engine)

    def make(self, *events: str, **words) -> Webhook:
        made = self.store.create(
            Webhook(
                url="https://example.org/hook",
                events=events or ("*",),
                secret="whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
                created_at=START,
                updated_at=START,
                **words,
            )
        )
        self.record.subscriptions.refresh()
        return made

    def bodies(self, webhook: Webhook) -> list:
        """What it is told, oldest first."""
        found, _ = self.store.deliveries(webhook.id, None, 1, 200)
        return [json.loads(delivery.body) for delivery in reversed(found)]

    def events(self, webhook: Webhook) -> list[str]:
        return [body["event"] for body in self.bodies(webhook)]

    def last(self, webhook: Webhook) -> dict:
        body = self.bodies(webhook)[-1]
        assert body["timestamp"] == NOW
        return {"event": body["event"], **body["data"]}

    def count(self) -> int:
        with self.engine.connect() as connection:
            return int(connection.scalar(select(func.count()).select_from(t.deliveries)) or 0)

    def notify(self, webhook: Webhook, count: int = 1) -> None:
        """Put something on its way to it."""
        happening = Happening(EventType.HEALTH_CHECK, START, {"status": "healthy"})
        for _ in range(count):
            assert self.store.announce(happening) == {webhook.id}
