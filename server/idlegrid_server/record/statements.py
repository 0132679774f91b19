"""The writer's statements, compiled once.

SQLAlchemy's own path from a row to the driver costs more than the row does in SQLite, and a batch has a dozen
statements; so these are compiled at start to what the driver takes, and rows go to it as tuples.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Dialect,
    Engine,
    Integer,
    Table,
    bindparam,
    case,
    delete,
    literal_column,
    update,
)

from idlegrid_server.core.model import Run
from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import insert_for

HEAD: Final = tuple(f.name for f in fields(Run))
"""A run's columns without code and output, in the order of `Run`."""
_FIXED: Final = ("created_at", "task_id", "task_name", "trigger", "scheduled_for", "parents_key", "trace_id")
CHANGING: Final = tuple(name for name in HEAD[HEAD.index("state") :] if name not in _FIXED)
"""What a run's life changes."""


class Bulk:
    """One statement for many rows; `names` is the order of a row's values."""

    def __init__(self, statement: Any, dialect: Dialect, names: Sequence[str]) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(names))
        self._sql, order = str(compiled), list(compiled.positiontup or ())
        places = [names.index(name.removeprefix("b_")) for name in order]
        self._arrange: Callable[[Sequence[Any]], Sequence[Any]] | None = None
        if places != list(range(len(names))):
            self._arrange = lambda row: [row[place] for place in places]

    def run(self, connection: Connection, rows: Iterable[Sequence[Any]]) -> int:
        """Carry it out for each row; nothing happens without rows. Answers how many rows it wrote."""
        arranged = [tuple(self._arrange(row)) if self._arrange else tuple(row) for row in rows]
        return connection.exec_driver_sql(self._sql, arranged).rowcount if arranged else 0


class Statements:
    """All of them, for one database."""

    def __init__(self, engine: Engine) -> None:
        self._dialect = _positional(engine.dialect)
        self.insert = insert_for(engine.dialect)
        self.change_runs = self._bulk(_by_key(t.runs, CHANGING, "id"), (*CHANGING, "id"))
        self.outputs = self._bulk(_by_key(t.runs, ("result", "error"), "id"), ("result", "error", "id"))
        self.attempts = self._bulk(self.insert(t.attempts), _names(t.attempts))
        self.events = self._bulk(self.insert(t.events), _names(t.events))
        self.logs = self._bulk(self.insert(t.logs).on_conflict_do_nothing(), _names(t.logs))
        self.run_usage = self._bulk(*self._replace(t.run_usage, "run_id", "attempt"))
        self.nodes = self._bulk(*self._replace(t.nodes, "id"))
        self.node_states = self._bulk(self.insert(t.node_states), _names(t.node_states))
        self.reclaims = self._bulk(self.insert(t.reclaims).on_conflict_do_nothing(), _names(t.reclaims))
        self.usage = self._bulk(*self._sum(t.usage, ("hour", "submitter", "node_id")))
        self.node_totals = self._bulk(*self._sum(t.node_totals, ("node_id",), _spans))
        self.counters = self._bulk(*self._sum(t.counters, ("name", "shard")))
        self.run_counts = self._bulk(*self._sum(t.run_counts, ("made_day", "start_day", "end_day", "state", "shard")))
        self.keys = self._bulk(self.insert(t.idempotency_keys), _names(t.idempotency_keys))
        self.owe = self._bulk(self.insert(t.outbox).on_conflict_do_nothing(), _names(t.outbox))
        self.settle = self._bulk(delete(t.outbox).where(t.outbox.c.run_uuid == bindparam("b_run_uuid")), ("run_uuid",))

    def _bulk(self, statement: Any, names: Sequence[str]) -> Bulk:
        return Bulk(statement, self._dialect, names)

    def _sum(
        self, table: Table, key: tuple[str, ...], but: Callable[[Any, Any], dict[str, Any]] = lambda mine, given: {}
    ) -> tuple[Any, Sequence[str]]:
        """Add what is given to what is there, but what `but` makes of the two."""
        statement = self.insert(table)
        added = {c.name: c + statement.excluded[c.name] for c in table.c if c.name not in key}
        added |= but(table.c, statement.excluded)
        return statement.on_conflict_do_update(index_elements=list(key), set_=added), [c.name for c in table.c]

    def _replace(self, table: Table, *key: str) -> tuple[Any, Sequence[str]]:
        statement = self.insert(table)
        given = {c.name: statement.excluded[c.name] for c in table.c if c.name not in key}
        return statement.on_conflict_do_update(index_elements=list(key), set_=given), [c.name for c in table.c]


def _positional(dialect: Dialect) -> Dialect:
    """The same dialect with parameters by place."""
    make: Callable[..., Dialect] = type(dialect)
    return make(paramstyle="qmark" if dialect.name == "sqlite" else "format")


def _spans(mine: Any, given: Any) -> dict[str, Any]:
    """What ended in a span of time, laid beside what had ended: in the same span, in the next, or later than that.

    Another coordinator's clock may be in the span before still. If ours was far ahead, and is right again, all begins
    anew.
    """
    one = literal_column("1", Integer)
    same, following, late = (given.span == span for span in (mine.span, mine.span + one, mine.span - one))
    changed: dict[str, Any] = {"span": case((late, mine.span), else_=given.span)}
    for what in ("ended", "failed", "seconds"):
        newest, before = (mine[f"{when}_{what}"] for when in ("span", "before"))
        new, nothing = given[newest.name], given[before.name]
        changed[newest.name] = case((same, newest + new), (late, newest), else_=new)
        changed[before.name] = case((same, before), (late, before + new), (following, newest), else_=nothing)
    return changed


def _names(table: Table) -> list[str]:
    """The columns that an insert gives; the database counts up `id`."""
    return [c.name for c in table.c if not _counted(c)]


def _counted(column: Column[Any]) -> bool:
    return column.name == "id" and column.primary_key


def _by_key(table: Table, names: Sequence[str], key: str) -> Any:
    values = {name: bindparam(f"b_{name}", type_=table.c[name].type) for name in names}
    return update(table).where(table.c[key] == bindparam(f"b_{key}", type_=table.c[key].type)).values(values)
