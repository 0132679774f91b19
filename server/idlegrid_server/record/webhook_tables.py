"""The tables of webhooks and of what is on its way to them."""

from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text, text

from idlegrid_server.record.metadata import BigId, metadata

webhooks: Final = Table(
    "webhooks",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("url", Text, nullable=False),
    Column("events", JSON, nullable=False),
    Column("secret", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("owner", String(200), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("failing_since", Float),
    Column("disabled_reason", String(500), nullable=False, server_default=text("''")),
    Column("busy_until", Float, nullable=False, server_default=text("0")),
    sqlite_autoincrement=True,
)
"""`busy_until`: whoever delivers to an endpoint claims it until then, so that it hears one thing at a time."""

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("webhook_id", BigInteger, nullable=False),
    Column("event", String(40), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Float),
    Column("status_code", Integer),
    Column("error", String(500), nullable=False),
    Column("seconds", Float),
    Column("ended_at", Float),
)
_pending = text("state = 'pending'")
Index(
    "deliveries_due",
    deliveries.c.webhook_id,
    deliveries.c.next_at,
    sqlite_where=_pending,
    postgresql_where=_pending,
)
Index("deliveries_by_webhook", deliveries.c.webhook_id, deliveries.c.created_at)
Index("deliveries_by_time", deliveries.c.created_at)
