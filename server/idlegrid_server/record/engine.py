"""Opening the database: one place for what SQLite and PostgreSQL need told."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from idlegrid_server.core.errors import InvalidInput, RecordUnavailable

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS: Final = 10
"""How long another's transaction on SQLite is waited for."""
LOST_RACES: Final = frozenset({"40001", "40P01"})
"""PostgreSQL's codes for a serialization failure and a deadlock."""


def open_engine(url: str) -> Engine:
    """An engine for the URL, its schema brought to the newest version.

    SQLite: write-ahead log, `synchronous=FULL` (an acknowledged submission survives a power cut), a busy
    writer is waited for 10 s. Raises RecordUnavailable when the database cannot be opened.
    """
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"), pool_size=8, max_overflow=16)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    with translated("opened"):
        migrate(engine)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    _use_wal(cursor)
    for pragma in (
        "synchronous=FULL",
        f"busy_timeout={BUSY_SECONDS * 1_000}",
        "foreign_keys=ON",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _use_wal(cursor: Any) -> None:
    """SQLite does not wait by itself when several switch a fresh database at once."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest version; several coordinators may do so at once."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    lock = "SELECT pg_advisory_xact_lock(7316243)" if engine.dialect.name == "postgresql" else "BEGIN IMMEDIATE"
    with engine.begin() as connection:
        connection.exec_driver_sql(lock)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn the database's troubles into RecordUnavailable, and a value it cannot hold into InvalidInput.

    A broken constraint and a lost race with another coordinator stay what they are: the writer tries again.
    """
    try:
        yield
    except IntegrityError:
        raise
    except DataError as error:
        raise InvalidInput(f"The record cannot hold this: {_reason(error)}") from error
    except (DBAPIError, SQLAlchemyError, OSError) as error:
        if getattr(getattr(error, "orig", None), "sqlstate", None) in LOST_RACES:
            raise
        raise RecordUnavailable(f"The record could not be {what}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]
