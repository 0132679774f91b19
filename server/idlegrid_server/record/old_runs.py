"""Forgetting runs with all that belongs to them.

Oldest end first, by the index of ends. A run goes in one transaction with all its rows; one that has more than fit into
a transaction is shortened first, so whoever is interrupted leaves a run with less of a story, and no story without its
run.

What stays: whatever has not ended; a run that an unfinished one still waits for; and the latest run of a task that
others depend on, because its end says whether they may start.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, bindparam, exists, func, select, tuple_

from idlegrid_server.core.queries import FORGOTTEN
from idlegrid_server.core.retention import MOST_ROWS, Pace, Step
from idlegrid_server.record import tables as t
from idlegrid_server.record.census import day
from idlegrid_server.record.engine import translated
from idlegrid_server.record.old_rows import drop, timed
from idlegrid_server.record.statements import Statements
from idlegrid_server.record.store import SHARDS

ROWS_PER_RUN: Final = 8
"""Rows that belong to a run, by experience: itself, an attempt, its story, a piece or two of a log."""
SHARD: Final = 0
"""The counters' row that forgetting changes."""
SETTLED_DAYS: Final = 2
"""Days, today's included, whose counts are left alone."""

_runs: Final = t.runs.c
_waiting: Final = t.runs.alias()
_is_awaited: Final = exists().where(
    t.waits.c.parent_run_id == _runs.id, t.waits.c.run_id == _waiting.c.id, _waiting.c.finished_at.is_(None)
)
_decides: Final = exists().where(
    t.tasks.c.id == _runs.task_id, t.tasks.c.last_run_id == _runs.id, t.dependencies.c.parent_id == t.tasks.c.id
)
_ended: Final = (
    select(_runs.finished_at, _runs.id)
    .where(_runs.finished_at < bindparam("before"))
    .where(tuple_(_runs.finished_at, _runs.id) > tuple_(bindparam("at"), bindparam("after")))
    .where(~_is_awaited, ~_decides)
    .order_by(_runs.finished_at, _runs.id)
    .limit(bindparam("most"))
)
_forgettable: Final = (
    select(_runs.id, _runs.created_at, _runs.started_at, _runs.finished_at, _runs.state)
    .where(_runs.id.in_(bindparam("ids", expanding=True)), ~_is_awaited, ~_decides)
    .order_by(_runs.id)
    .with_for_update(skip_locked=True, of=t.runs)
)
_PARTS: Final = (t.logs, t.events, t.attempts, t.files, t.run_usage)
_DROPS: Final = (
    *(f"DELETE FROM {table.name} WHERE run_id IN ({{}})" for table in _PARTS),  # noqa: S608 - names and numbers
    "DELETE FROM checkpoints WHERE run_id IN ({})",
    "DELETE FROM waits WHERE run_id IN ({})",
    "DELETE FROM waits WHERE parent_run_id IN ({})",
    "DELETE FROM outbox WHERE run_uuid IN (SELECT uuid FROM runs WHERE id IN ({}))",
    "DELETE FROM runs WHERE id IN ({})",
)
_PLACE: Final = tuple(t.run_counts.c[name] for name in ("made_day", "start_day", "end_day", "state"))


class OldRuns:
    """Runs that ended before then."""

    name = "runs"

    def __init__(self, engine: Engine, before: float) -> None:
        self._engine, self._before = engine, before
        self._statements, self._pace = Statements(engine), Pace()
        self._last: Any = (0.0, 0)

    def step(self) -> Step | None:
        """Forget some runs, or shorten one that has very much."""
        with translated("read"), self._engine.connect() as connection:
            found = self._look(connection)
            if not found:
                return None
            fitting = list(self._fitting(connection, found))
        if not fitting:
            return self._shorten(found[0])
        ids = [run_id for _, run_id in fitting]
        step = timed(self._engine, self._pace, lambda connection: self._drop(connection, ids))
        self._last = fitting[-1]
        return step

    def _look(self, connection: Connection) -> Sequence[Any]:
        """The next runs, as (end, id)."""
        at, after = self._last
        words = {"before": self._before, "at": at, "after": after, "most": max(1, self._pace.rows // ROWS_PER_RUN)}
        return connection.execute(_ended, words).all()

    def _fitting(self, connection: Connection, found: Sequence[Any]) -> Iterator[Any]:
        """As many of the runs as go at once with all that belongs to them."""
        ids, sizes = [run_id for _, run_id in found], Counter[int]()
        for table in _PARTS:
            counts = select(table.c.run_id, func.count()).where(table.c.run_id.in_(ids)).group_by(table.c.run_id)
            sizes.update(dict(connection.execute(counts).all()))
        left = MOST_ROWS
        for run in found:
            left -= 1 + sizes[run.id]
            if left < 0:
                return
            yield run

    def _shorten(self, run: Any) -> Step:
        """Take some of what belongs to the run; pass it by where another holds it."""
        step = timed(self._engine, self._pace, lambda connection: self._drop_some(connection, run.id))
        if not step.dropped:
            self._last = run
        return Step(0, step.held)

    def _drop_some(self, connection: Connection, run_id: int) -> int:
        """How many rows went."""
        if not connection.execute(_forgettable, {"ids": [run_id]}).all():
            return 0
        for table in _PARTS:
            some = select(*table.primary_key).where(table.c.run_id == run_id).limit(self._pace.rows)
            if dropped := drop(connection, table, connection.execute(some).all()):
                return dropped
        return 0

    def _drop(self, connection: Connection, found: Sequence[int]) -> int:
        """How many of the runs went: those that still may, and that no other holds."""
        runs = connection.execute(_forgettable, {"ids": found}).all()
        if not runs:
            return 0
        ids = ", ".join(str(run.id) for run in runs)
        # Others wait meanwhile, so it goes to the driver as it is; there is nothing in it but names and numbers.
        for statement in _DROPS:
            connection.exec_driver_sql(statement.format(ids))
        self._count(connection, runs)
        return len(runs)

    def _count(self, connection: Connection, runs: Sequence[Any]) -> None:
        """What counts runs on record counts fewer; what counts all there ever were does not notice."""
        states, places = Counter[str](), Counter[tuple[int, int, int, str]]()
        for run in runs:
            states[run.state] += 1
            places[day(run.created_at), day(run.started_at), day(run.finished_at), run.state] += 1
        names = {name: -by for name, by in states.items()}
        names.update({FORGOTTEN.format(name): by for name, by in states.items()})
        self._statements.counters.run(connection, ((name, SHARD, by) for name, by in sorted(names.items())))
        self._statements.run_counts.run(connection, ((*place, SHARD, -by) for place, by in sorted(places.items())))


class EmptyDays:
    """Rows of `run_counts` that come to nothing together: all their runs are gone, or have gone on.

    What comes to nothing may go at any time; only the counts of the last days are left alone, for they change.
    """

    name = "run_counts"

    def __init__(self, engine: Engine, now: float) -> None:
        self._engine, self._end, self._done = engine, day(now) - SETTLED_DAYS, False

    def step(self) -> Step | None:
        """As many as may go at once; the next plan comes to the others."""
        if self._done:
            return None
        self._done = True
        of = t.run_counts.c
        empty = select(*_PLACE).where(of.made_day < self._end).group_by(*_PLACE).having(func.sum(of.value) == 0)
        with translated("read"), self._engine.connect() as connection:
            found = [tuple(row) for row in connection.execute(empty.limit(MOST_ROWS // SHARDS))]
        return timed(self._engine, Pace(), lambda connection: self._drop(connection, found)) if found else None

    def _drop(self, connection: Connection, found: Sequence[Any]) -> int:
        """Those that are locked come to nothing still, or not: another may have counted meanwhile."""
        sums, keys = Counter[Any](), []
        locked = select(t.run_counts).where(tuple_(*_PLACE).in_(found)).with_for_update()
        for *place, shard, value in connection.execute(locked.order_by(*t.run_counts.primary_key)):
            sums[tuple(place)] += value
            keys.append((*place, shard))
        return drop(connection, t.run_counts, [key for key in keys if not sums[key[:-1]]])
