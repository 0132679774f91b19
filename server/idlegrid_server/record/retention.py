"""Forgetting what need not be kept."""

from typing import Final

from sqlalchemy import Engine, delete, func, or_, select, union_all

from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import translated

JOURNAL_LONGER: Final = 29 * 86_400.0
"""Seconds that the journal is kept beyond what was of use for a day: a month in all."""
JOURNAL_MOST: Final = 100_000
"""Newest entries of the journal that are kept, so that counting a filter's entries stays quick."""


def forget(engine: Engine, before: float) -> None:
    """Everything that was of use until then; the journal is kept for longer."""
    forget_idempotency_keys(engine, before)
    forget_files(engine, before)
    forget_journal(engine, before - JOURNAL_LONGER)


def forget_idempotency_keys(engine: Engine, before: float) -> None:
    """Drop the keys that were used before then; the runs they made stay."""
    with translated("written"), engine.begin() as connection:
        connection.execute(delete(t.idempotency_keys).where(t.idempotency_keys.c.created_at < before))


def forget_files(engine: Engine, before: float) -> None:
    """Drop files whose run or task is gone, and bytes from before then that no file claims.

    The sender of such bytes never finished, or whoever dropped their file did not.
    """
    with translated("written"), engine.begin() as connection:
        connection.execute(delete(t.files).where(t.files.c.run_id.not_in(select(t.runs.c.id))))
        connection.execute(delete(t.task_files).where(t.task_files.c.task_id.not_in(select(t.tasks.c.id))))
    chunks = t.file_chunks.c
    claimed = union_all(select(t.files.c.id), select(t.task_files.c.id))
    orphans = select(chunks.file_id).where(chunks.seq == 0, chunks.created_at < before, chunks.file_id.not_in(claimed))
    with translated("read"), engine.connect() as connection:
        found = list(connection.scalars(orphans))
    for file_id in found:
        with translated("written"), engine.begin() as connection:
            connection.execute(delete(t.file_chunks).where(chunks.file_id == file_id))


def forget_journal(engine: Engine, before: float) -> None:
    """Drop what was logged before then, and all but the newest entries."""
    journal = t.journal.c
    newest = select(func.max(journal.id)).scalar_subquery()
    with translated("written"), engine.begin() as connection:
        connection.execute(delete(t.journal).where(or_(journal.at < before, journal.id <= newest - JOURNAL_MOST)))
