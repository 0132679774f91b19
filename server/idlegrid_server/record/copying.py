"""Copying a whole record into another one, of whichever kind: one snapshot of the one, one transaction of the other."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, column, delete, func, insert, select, table

from idlegrid_server.core.errors import Conflict, RecordUnavailable
from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import changing, translated

ROWS: Final = 2_000
"""Most rows in one statement."""
BYTES: Final = 8 << 20
"""Most text and bytes in one statement, roughly: rows with code, results or pieces of files are large."""
FETCHED: Final = 100
"""Rows that a cursor holds; each may have some MiB."""
COUNTED: Final = tuple(each for each in t.metadata.sorted_tables if "id" in each.c and each.c.id.type is t.BigId)
"""Tables whose ids the database counts up."""
NOT_WORK: Final = frozenset({"facts", "journal"})
"""Tables that a coordinator writes to by starting."""

Progress = Callable[[str, int], None]
"""Told a table's name and how many of its rows are there."""

_sqlite_sequences: Final = table("sqlite_sequence", column("name"), column("seq"))


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that sees the record as it is now, whatever is written meanwhile; no writer waits for it."""
    postgres = engine.dialect.name == "postgresql"
    with translated("read"), engine.connect() as connection:
        if postgres:
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        else:
            connection.exec_driver_sql("BEGIN")
        # The first look is what both databases take their snapshot at.
        connection.execute(select(func.count()).select_from(t.facts))
        yield connection
        connection.rollback()


@contextmanager
def filling(engine: Engine, *, replace: bool) -> Iterator[Connection]:
    """A transaction that fills a record from scratch: committed at the end, or nothing has happened.

    Raises Conflict when the record has work in it and is not to be replaced.
    """
    with changing(engine) as connection:
        if not replace and not is_empty(connection):
            raise Conflict("The record is not empty: give --replace to lose all that is in it, or name another one")
        _wipe(connection)
        yield connection


def is_empty(connection: Connection) -> bool:
    """Whether nobody has worked with the record yet."""
    return not any(
        connection.execute(select(1).select_from(each).limit(1)).first()
        for each in t.metadata.sorted_tables
        if each.name not in NOT_WORK
    )


def _wipe(connection: Connection) -> None:
    names = [each.name for each in t.metadata.sorted_tables]
    if connection.dialect.name == "postgresql":
        # Waits, no longer than a lock is waited for, until nobody uses them; nobody does before the end.
        connection.exec_driver_sql(f"TRUNCATE {', '.join(names)} RESTART IDENTITY")
        return
    for name in names:
        connection.execute(delete(t.metadata.tables[name]))


def copy_record(source: Connection, target: Connection, progress: Progress) -> dict[str, int]:
    """Copy every row of every table; answers how many each has. Ids are counted on from where they were.

    Raises RecordUnavailable when the target does not have as many in the end.
    """
    counts = {each.name: _copy_table(source, target, each, progress) for each in t.metadata.sorted_tables}
    arrived = count_rows(target)
    if arrived != counts:
        wrong = sorted(name for name in counts if arrived[name] != counts[name])
        raise RecordUnavailable(f"The copy is not complete: {', '.join(wrong)} differ in their number of rows")
    for each in COUNTED:
        set_highest_id(target, each, highest_id(source, each))
    return counts


def count_rows(connection: Connection) -> dict[str, int]:
    """The number of rows of each table."""
    return {
        each.name: connection.execute(select(func.count()).select_from(each)).scalar_one()
        for each in t.metadata.sorted_tables
    }


def _copy_table(source: Connection, target: Connection, each: Table, progress: Progress) -> int:
    done = 0
    progress(each.name, done)
    query = select(each).order_by(*each.primary_key.columns)
    with source.execute(query, execution_options={"yield_per": FETCHED}) as rows:
        for batch in _batches(rows):
            target.execute(insert(each), batch)
            done += len(batch)
            progress(each.name, done)
    return done


def _batches(rows: Iterable[Any]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        batch.append(row._asdict())
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if len(batch) == ROWS or size > BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def highest_id(connection: Connection, each: Table) -> int:
    """The highest id that a table has given away, as far as the database knows: rows may be gone."""
    highest: int = connection.scalar(select(func.max(each.c.id))) or 0
    if connection.dialect.name == "postgresql":
        given: Any = select(column("last_value"), column("is_called")).select_from(table(_sequence(each)))
        last, called = connection.execute(given).one()
        return max(highest, int(last) if called else int(last) - 1)
    if not _remembers(each):
        return highest
    counted = select(_sqlite_sequences.c.seq).where(_sqlite_sequences.c.name == each.name)
    return max(highest, connection.scalar(counted) or 0)


def set_highest_id(connection: Connection, each: Table, highest: int) -> None:
    """The table's next id comes after this one. On SQLite most tables simply go on after their last row."""
    if connection.dialect.name == "postgresql":
        # Unlike `setval` it is undone with its transaction.
        connection.exec_driver_sql(f"ALTER SEQUENCE {_sequence(each)} RESTART WITH {highest + 1}")
    elif _remembers(each):
        connection.execute(delete(_sqlite_sequences).where(_sqlite_sequences.c.name == each.name))
        connection.execute(insert(_sqlite_sequences), {"name": each.name, "seq": highest})


def _sequence(each: Table) -> str:
    return f"{each.name}_id_seq"


def _remembers(each: Table) -> bool:
    """Whether SQLite remembers a table's highest id beyond its rows."""
    return bool(each.dialect_options["sqlite"]["autoincrement"])
