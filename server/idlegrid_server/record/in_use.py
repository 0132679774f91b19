"""Whether a coordinator works on a record, as far as can be known from it."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, text

from idlegrid_server.core.errors import Conflict
from idlegrid_server.record.engine import APPLICATION, translated

_SESSIONS = text(
    "SELECT string_agg(DISTINCT coalesce(host(client_addr), 'this machine'), ', ') FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name = :name AND pid <> pg_backend_pid()"
)


# A session of PostgreSQL is listed a moment longer than its client lives.
PATIENCE = 3.0
LOOK_SECONDS = 0.1


def refuse_while_used(engine: Engine) -> None:
    """Raises Conflict while a coordinator has the record open. Nobody else's transaction is disturbed.

    One that stopped just now is given `PATIENCE` seconds to be gone.
    """
    if engine.dialect.name == "postgresql":
        _look_for_sessions(engine)
    elif engine.url.database and Path(engine.url.database).exists():
        engine.dispose()
        _look_for_locks(Path(engine.url.database))


def _look_for_sessions(engine: Engine) -> None:
    until = time.monotonic() + PATIENCE
    while where := _sessions(engine):
        if time.monotonic() > until:
            raise Conflict(f"A coordinator works on this record, from {where}: stop it first")
        time.sleep(LOOK_SECONDS)


def _sessions(engine: Engine) -> str | None:
    """From where coordinators have the record open; None when none has."""
    with translated("read"), engine.connect() as connection:
        return connection.execute(_SESSIONS, {"name": APPLICATION}).scalar_one()  # type: ignore[no-any-return]


def _look_for_locks(path: Path) -> None:
    """SQLite gives up its write-ahead log only when nobody else has the file open; the next to open it has it again."""
    with closing(sqlite3.connect(path, timeout=1.0)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            raise Conflict(f"A coordinator, or another program, has {path} open: stop it first") from error
