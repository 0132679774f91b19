"""Forgetting what need not be kept."""

from sqlalchemy import Engine, delete

from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import translated


def forget_idempotency_keys(engine: Engine, before: float) -> None:
    """Drop the keys that were used before then; the runs they made stay."""
    with translated("written"), engine.begin() as connection:
        connection.execute(delete(t.idempotency_keys).where(t.idempotency_keys.c.created_at < before))
