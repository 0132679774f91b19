"""Forgetting what need not be kept."""

from sqlalchemy import Engine, delete, select

from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import translated


def forget(engine: Engine, before: float) -> None:
    """Everything that was of use until then."""
    forget_idempotency_keys(engine, before)
    forget_files(engine, before)


def forget_idempotency_keys(engine: Engine, before: float) -> None:
    """Drop the keys that were used before then; the runs they made stay."""
    with translated("written"), engine.begin() as connection:
        connection.execute(delete(t.idempotency_keys).where(t.idempotency_keys.c.created_at < before))


def forget_files(engine: Engine, before: float) -> None:
    """Drop files whose run is gone, and bytes from before then that no file claims: their sender never finished."""
    chunks = t.file_chunks.c
    orphans = (
        select(chunks.file_id)
        .outerjoin(t.files, t.files.c.id == chunks.file_id)
        .where(chunks.seq == 0, chunks.created_at < before, t.files.c.id.is_(None))
    )
    with translated("written"), engine.begin() as connection:
        connection.execute(delete(t.files).where(t.files.c.run_id.not_in(select(t.runs.c.id))))
    with translated("read"), engine.connect() as connection:
        found = list(connection.scalars(orphans))
    for file_id in found:
        with translated("written"), engine.begin() as connection:
            connection.execute(delete(t.file_chunks).where(chunks.file_id == file_id))
