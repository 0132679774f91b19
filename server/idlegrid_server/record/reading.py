"""What every reader of the record does: a connection, and the database's troubles as ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, literal_column, true

from idlegrid_server.core.model import RunState
from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import translated


def kept_by(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition, but never what rows are looked up by.

    SQLite knows nothing of how many rows a value has: it takes a state that a million runs have for rarer than an hour.
    """
    return condition.is_(true())


def in_state(state: RunState) -> ColumnElement[bool]:
    """That a run is in a state, in so many words: SQLite takes no index with a condition for one with a parameter."""
    return t.runs.c.state == literal_column(f"'{state.value}'")


def submitted_by(submitter: str) -> list[ColumnElement[bool]]:
    """That a run is a submitter's, in so many words: the index has only runs whose submitter has a name."""
    named = [t.runs.c.submitter != literal_column("''")] if submitter else []
    return [t.runs.c.submitter == submitter, *named]


class Reading:
    """Asks an engine; safe to use from many threads. Every method raises RecordUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with translated("read"), self._engine.connect() as connection:
            yield connection

    def _names(self, query: Any, parameters: dict[str, Any] | None = None) -> list[Any]:
        with self._reading() as connection:
            return list(connection.scalars(query, parameters))

    def _scalar(self, query: Any, parameters: dict[str, Any] | None = None) -> Any:
        with self._reading() as connection:
            return connection.scalar(query, parameters)
