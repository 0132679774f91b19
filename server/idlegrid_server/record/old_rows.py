"""Walks over what is old in the tables beside runs. Each step finds its rows by an index, reading, and then takes them
away in a short transaction that checks again.

On PostgreSQL rows that another holds are left for the next time: two coordinators that forget at once never wait for
each other.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, and_, delete, exists, func, select, tuple_, union_all

from idlegrid_server.core.model import NodeState
from idlegrid_server.core.retention import Pace, Step
from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import translated

MOST_CHUNKS: Final = 16
"""Pieces of files, of up to 1 MiB, that one transaction takes away at most."""


def among(table: Table, keys: Sequence[Any]) -> Any:
    """The condition that a row's primary key is one of these; a key of several columns is a row of them."""
    columns = list(table.primary_key)
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])
    first = [key[0] for key in keys]
    # SQLite does not look up rows by a list of pairs; by the span of their first column it does.
    return and_(columns[0] >= min(first), columns[0] <= max(first), tuple_(*columns).in_([tuple(key) for key in keys]))


def drop(connection: Connection, table: Table, keys: Sequence[Any], *where: Any) -> int:
    """Take rows away by their primary keys, as far as the condition still holds; how many went."""
    if not keys:
        return 0
    if connection.dialect.name == "postgresql":
        free = select(*table.primary_key).where(among(table, keys), *where).with_for_update(skip_locked=True)
        keys = connection.execute(free).all()
        if not keys:
            return 0
    return connection.execute(delete(table).where(among(table, keys), *where)).rowcount


def timed(engine: Engine, pace: Pace, work: Callable[[Connection], int]) -> Step:
    """Carry out one transaction, and let the pace know how long it kept others waiting."""
    with translated("written"), engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            # Else what was read could be changed by another before it is written.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        began = time.perf_counter()
        dropped = work(connection)
    held = time.perf_counter() - began
    pace.note(held)
    return Step(dropped, held)


class Rows:
    """Rows that a condition finds, until there are none."""

    def __init__(self, engine: Engine, name: str, table: Table, *where: Any, order: Any = None) -> None:
        """`order` is what the index goes by that answers the condition."""
        self.name = name
        self._engine, self._table, self._where, self._pace = engine, table, where, Pace()
        self._query = select(*table.primary_key).where(*where)
        if order is not None:
            self._query = self._query.order_by(order)

    def step(self) -> Step | None:
        """Forget some of them; None when there are none, or others hold those that are left."""
        with translated("read"), self._engine.connect() as connection:
            found = connection.execute(self._query.limit(self._pace.rows)).all()
        if not found:
            return None
        step = timed(self._engine, self._pace, lambda connection: drop(connection, self._table, found, *self._where))
        return step if step.dropped else None


class Lines:
    """Stories or logs of runs that ended before then, or are gone, by id from the lowest; those of others stay whole.

    Ids follow time, so the first line that is young ends the walk. A line's own time may be a node's, whose clock may
    be wrong: it ends the walk, but never decides what goes; and one that lies ahead of us says nothing at all.
    """

    def __init__(self, engine: Engine, table: Table, before: float, now: float) -> None:
        self.name = table.name
        self._engine, self._table, self._before, self._now = engine, table, before, now
        self._pace, self._after, self._over = Pace(), 0, False
        columns = (table.c.id, table.c.at, t.runs.c.id.label("run"), t.runs.c.finished_at)
        self._query = select(*columns).outerjoin(t.runs, t.runs.c.id == table.c.run_id).order_by(table.c.id)

    def step(self) -> Step | None:
        """Look at some lines, and forget those that are to go."""
        found = [] if self._over else self._look()
        if not found:
            return None
        self._after = found[-1].id
        old = [(line.id,) for line in found if self._goes(line)]
        if not old:
            return Step(0, 0.0)
        return timed(self._engine, self._pace, lambda connection: drop(connection, self._table, old))

    def _look(self) -> list[Any]:
        query = self._query.where(self._table.c.id > self._after).limit(self._pace.rows)
        with translated("read"), self._engine.connect() as connection:
            found = connection.execute(query).all()
        old = list(takewhile(lambda line: not self._before <= line.at <= self._now, found))
        self._over = len(old) < len(found)
        return old

    def _goes(self, line: Any) -> bool:
        return line.run is None or (line.finished_at is not None and line.finished_at < self._before)


class UsagePoints:
    """What attempts used over time, of runs that ended before then or are gone, by run from the lowest; the first run
    that was made since ends the walk, for ids follow time.
    """

    name = "run_usage"

    def __init__(self, engine: Engine, before: float) -> None:
        self._engine, self._before, self._pace, self._after = engine, before, Pace(), (0, 0)
        self._key = tuple_(*t.run_usage.primary_key)
        of = t.runs.c
        columns = (*t.run_usage.primary_key, of.id.label("run"), of.created_at, of.finished_at)
        self._query = select(*columns).outerjoin(t.runs, of.id == t.run_usage.c.run_id)
        self._query = self._query.order_by(*t.run_usage.primary_key)

    def step(self) -> Step | None:
        """Look at some of it, and forget what is to go."""
        query = self._query.where(self._key > self._after).limit(self._pace.rows)
        with translated("read"), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        found = list(takewhile(lambda row: row.run is None or row.created_at < self._before, rows))
        if not found:
            return None
        self._after = found[-1][:2]
        old = [row[:2] for row in found if row.run is None or (row.finished_at or self._before) < self._before]
        if not old:
            return Step(0, 0.0)
        return timed(self._engine, self._pace, lambda connection: drop(connection, t.run_usage, old))


class Spells:
    """What nodes were doing before then, by id from the lowest.

    Since when a node is there stays known: the spell with which it came stays until it was away.
    """

    name = "node_states"

    def __init__(self, engine: Engine, before: float) -> None:
        self._engine, self._pace, self._after = engine, Pace(), 0
        spell, earlier = t.node_states, t.node_states.alias()
        previous = select(earlier.c.state).where(earlier.c.node_id == spell.c.node_id, earlier.c.at < spell.c.at)
        last = previous.order_by(earlier.c.at.desc()).limit(1).scalar_subquery()
        came = func.coalesce(last, NodeState.OFFLINE.value) == NodeState.OFFLINE.value
        self._query = select(spell.c.id, spell.c.node_id, spell.c.at, spell.c.state, came.label("came"))
        self._query = self._query.order_by(spell.c.id)
        self._before = before

    def step(self) -> Step | None:
        """Look at some spells, and forget those that are to go."""
        query = self._query.where(t.node_states.c.id > self._after).limit(self._pace.rows)
        with translated("read"), self._engine.connect() as connection:
            found = list(takewhile(lambda spell: spell.at < self._before, connection.execute(query)))
        if not found:
            return None
        self._after = found[-1].id
        later = [(spell.id,) for spell in found if not spell.came]
        away = {spell.node_id: spell.at for spell in found if spell.state == NodeState.OFFLINE.value}
        if not later and not away:
            return Step(0, 0.0)
        return timed(self._engine, self._pace, lambda connection: self._drop(connection, later, away))

    def _drop(self, connection: Connection, later: Sequence[Any], away: Mapping[str, float]) -> int:
        dropped, of = drop(connection, t.node_states, later), t.node_states.c
        for node_id, at in sorted(away.items()):
            until = select(of.id).where(of.node_id == node_id, of.at <= at)
            dropped += drop(connection, t.node_states, connection.execute(until).all())
        return dropped


class Chunks:
    """Bytes from before then that no file or checkpoint claims: it is gone, or whoever sent them never finished.

    A file's first piece goes last, because it is what tells that the bytes are there.
    """

    name = "chunks"

    def __init__(self, engine: Engine, before: float) -> None:
        self._engine, self._pace = engine, Pace(1, MOST_CHUNKS)
        of = t.file_chunks.c
        files = (t.files.c.id, t.task_files.c.id, t.checkpoints.c.file_id)
        claimed = union_all(*(select(file_id).where(file_id == of.file_id) for file_id in files))
        self._query = select(of.file_id).where(of.seq == 0, of.created_at < before, ~exists(claimed))

    def step(self) -> Step | None:
        """Forget some pieces of one file."""
        with translated("read"), self._engine.connect() as connection:
            file_id = connection.scalar(self._query.limit(1))
            if file_id is None:
                return None
            found = _last_pieces(connection, file_id, self._pace.rows)
        step = timed(self._engine, self._pace, lambda connection: drop(connection, t.file_chunks, found))
        return step if step.dropped else None


class EndedCheckpoints:
    """Checkpoints of runs that have ended, or are gone: no attempt will go on from them. Bytes first, then the row, so
    that whoever is interrupted leaves nothing unclaimed.
    """

    name = "checkpoints"

    def __init__(self, engine: Engine) -> None:
        self._engine, self._pace = engine, Pace(1, MOST_CHUNKS)
        of = t.checkpoints.c
        goes_on = exists(select(t.runs.c.id).where(t.runs.c.id == of.run_id, t.runs.c.finished_at.is_(None)))
        self._query = select(of.run_id, of.file_id).where(~goes_on).limit(1)

    def step(self) -> Step | None:
        """Forget some pieces of one, or its row when there are none any more."""
        with translated("read"), self._engine.connect() as connection:
            ended = connection.execute(self._query).first()
            if ended is None:
                return None
            found = _last_pieces(connection, ended.file_id, self._pace.rows)
        table, keys = (t.file_chunks, found) if found else (t.checkpoints, [(ended.run_id,)])
        step = timed(self._engine, self._pace, lambda connection: drop(connection, table, keys))
        return Step(0 if found else step.dropped, step.held) if step.dropped else None


def _last_pieces(connection: Connection, file_id: str, most: int) -> Sequence[Any]:
    of = t.file_chunks.c
    pieces = select(of.file_id, of.seq).where(of.file_id == file_id).order_by(of.seq.desc())
    return connection.execute(pieces.limit(most)).all()
