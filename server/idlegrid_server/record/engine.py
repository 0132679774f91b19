"""Opening the database: one place for what SQLite and PostgreSQL need told."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import URL, Connection, Dialect, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from idlegrid_server.core.errors import InvalidInput, RecordUnavailable
from idlegrid_server.record.address import checked_url, shown
from idlegrid_server.record.schema import migrate

BUSY_SECONDS: Final = 10
"""How long another's transaction is waited for: SQLite's single writer, a row's lock in PostgreSQL."""
WAL_PAGES: Final = 20_000
"""Pages of the write-ahead log (80 MB) at which a commit moves them itself: `record.wal` is usually first."""
LOST_RACES: Final = frozenset({"40001", "40P01"})
"""PostgreSQL's codes for a serialization failure and a deadlock."""
OLDEST_POSTGRESQL: Final = 13
APPLICATION: Final = "idlegrid"
"""What a coordinator's sessions are called in `pg_stat_activity`."""
TOOL: Final = "idlegrid-db"
"""The same for `idlegrid db`."""
LINK: Final[Mapping[str, Any]] = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""libpq's words for how long a server that says nothing is believed in: half a minute, where the system's own default
is hours. What the URL says wins."""
SESSION: Final[Mapping[str, str]] = {
    "statement_timeout": "60s",
    "lock_timeout": f"{BUSY_SECONDS}s",
    "idle_in_transaction_session_timeout": "30s",
}
"""A statement of ours takes milliseconds. A coordinator that froze or lost its link in the midst of a transaction
gives back the rows it holds after the last of these."""
_ADDRESS: Final = re.compile(r"connection to server (?:at|on socket) .* failed: ")
PIP_LINE: Final = "pip install 'idlegrid-server[postgres]'"


def open_engine(url: str | URL, *, tool: bool = False) -> Engine:
    """An engine for the URL, its schema brought to the newest version.

    SQLite: write-ahead log, `synchronous=FULL` (an acknowledged submission survives a power cut), a busy
    writer is waited for 10 s. Raises RecordUnavailable when the database cannot be opened.
    """
    engine = make_engine(url, tool=tool)
    try:
        with opening(engine):
            migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def make_engine(url: str | URL, *, tool: bool = False) -> Engine:
    """An engine for the URL, which nothing has connected to. A `tool` may take its time.

    Raises RecordUnavailable for a URL that is none, and where PostgreSQL's driver is missing.
    """
    where = checked_url(url)
    if where.get_backend_name() == "sqlite":
        engine = create_engine(where, pool_size=8, max_overflow=16)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    words = {name: value for name, value in LINK.items() if name not in where.query}
    words["application_name"] = TOOL if tool else APPLICATION
    try:
        engine = create_engine(
            where,
            pool_pre_ping=True,
            pool_size=8,
            max_overflow=16,
            isolation_level="READ COMMITTED",
            connect_args=words,
        )
    except ImportError as error:
        raise RecordUnavailable(f"A record in PostgreSQL needs the package psycopg: {PIP_LINE}") from error
    event.listen(engine, "connect", _prepare_tool if tool else _prepare_postgresql)
    return engine


@contextmanager
def opening(engine: Engine) -> Iterator[None]:
    """For the first look at a database: says what to do when it is not there, or cannot be used."""
    advice = ""
    if engine.dialect.name == "postgresql":
        advice = f"; check that PostgreSQL takes connections at {shown(engine.url)}, and IDLEGRID_DATABASE_URL"
    with translated("opened", _veil(engine.url), advice):
        if engine.dialect.name == "postgresql":
            with engine.connect() as connection:
                _check_server(connection)
        yield


def _veil(url: URL) -> str:
    return str(url.password or url.query.get("password") or "")


def _check_server(connection: Connection) -> None:
    version, encoding = connection.exec_driver_sql(
        "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')"
    ).one()
    check_server(version // 10_000, encoding)


def check_server(major: int, encoding: str) -> None:
    """Raises RecordUnavailable for a PostgreSQL that is too old, or a database that cannot hold every text."""
    if major < OLDEST_POSTGRESQL:
        raise RecordUnavailable(
            f"The record could not be opened: this is PostgreSQL {major}; use {OLDEST_POSTGRESQL} or newer"
        )
    if encoding != "UTF8":
        raise RecordUnavailable(
            f"The record could not be opened: the database's encoding is {encoding}; "
            "make one with `createdb --template=template0 --encoding=UTF8 NAME`"
        )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    _use_wal(cursor)
    for pragma in (
        "synchronous=FULL",
        f"busy_timeout={BUSY_SECONDS * 1_000}",
        f"wal_autocheckpoint={WAL_PAGES}",
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


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    _set(connection, SESSION)


def _prepare_tool(connection: Any, _record: Any) -> None:
    """It reads whole tables, and must not wait for long for a coordinator that holds one."""
    _set(connection, {"statement_timeout": "0", "lock_timeout": f"{BUSY_SECONDS}s"})


def _set(connection: Any, words: Mapping[str, str]) -> None:
    """A server that acknowledges before it has written (`synchronous_commit = off`) is told not to."""
    wishes = [f"set_config('{name}', '{value}', false)" for name, value in words.items()]
    wishes.append(
        "CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END"
    )
    connection.execute("SELECT " + ", ".join(wishes))
    connection.commit()


@contextmanager
def translated(what: str, veiled: str = "", advice: str = "") -> Iterator[None]:
    """Turn the database's troubles into RecordUnavailable, and a value it cannot hold into InvalidInput.

    A broken constraint and a lost race with another coordinator stay what they are: the writer tries again. `veiled`
    is never repeated; `advice` ends the sentence.
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
        reason = _reason(error)
        reason = reason.replace(veiled, "***") if veiled else reason
        raise RecordUnavailable(f"The record could not be {what}: {reason}{advice}") from error


def insert_for(dialect: Dialect) -> Callable[[Table], Any]:
    """The database's own `insert`, which knows `ON CONFLICT`."""
    return postgresql.insert if dialect.name == "postgresql" else sqlite.insert


@contextmanager
def changing(engine: Engine) -> Iterator[Connection]:
    """A transaction in which what is read stays true until it is written: SQLite would let another writer in between.

    Raises RecordUnavailable.
    """
    with translated("written"), engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


def _reason(error: Exception) -> str:
    """The first line of what the database says, without the address: callers of the grid hear it, too."""
    words = (str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__])[0]
    return _ADDRESS.sub("", words)
