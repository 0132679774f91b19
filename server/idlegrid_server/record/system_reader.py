"""The record about itself, and its journal."""

import time
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from idlegrid_server.core.system_queries import JournalEntry, JournalFilter, PoolCounts
from idlegrid_server.record import tables as t
from idlegrid_server.record.reading import Reading

_journal = t.journal.c
_entries = select(_journal.at, _journal.level, _journal.service, _journal.message, _journal.metadata)


class SqlSystemReader(Reading):
    """Implements `core.system_queries.SystemReader`."""

    def ping(self) -> float:
        """How long an answer takes, in seconds: from asking for a connection to the row."""
        began = time.perf_counter()
        self._scalar(select(t.facts.c.value).limit(1))
        return time.perf_counter() - began

    def pool(self) -> PoolCounts:
        """Connections of this coordinator."""
        pool: Any = self._engine.pool
        return PoolCounts(pool.checkedout(), pool.checkedin())

    def ended_since(self, when: float) -> int:
        """How many runs ended since then, however: the index alone answers."""
        return self._scalar(select(func.count()).where(t.runs.c.finished_at >= when)) or 0

    def journal(self, wanted: JournalFilter) -> tuple[list[JournalEntry], int]:
        """One page of the journal, newest first, and how many entries there are in all."""
        where = _conditions(wanted)
        query = _entries.where(*where).order_by(_journal.at.desc(), _journal.id.desc()).limit(wanted.size)
        with self._reading() as connection:
            total = connection.scalar(select(func.count()).select_from(t.journal).where(*where)) or 0
            rows = connection.execute(query.offset((wanted.page - 1) * wanted.size))
            return [JournalEntry(*row) for row in rows], total


def _conditions(wanted: JournalFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.levels is not None:
        where.append(_journal.level.in_(wanted.levels))
    if wanted.service is not None:
        where.append(_journal.service == wanted.service)
    if wanted.since is not None:
        where.append(_journal.at >= wanted.since)
    if wanted.until is not None:
        where.append(_journal.at <= wanted.until)
    if wanted.search:
        told = (_journal.message, _journal.metadata)
        where.append(or_(*(words.icontains(wanted.search, autoescape=True) for words in told)))
    return where
