"""The schema's version: which one a record has, and bringing it to the newest."""

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine

from idlegrid_server.core.errors import RecordUnavailable

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = """
SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
SELECT pg_advisory_xact_lock(7316243);
SET LOCAL lock_timeout = '30s'
"""
"""Another's migration is waited for, however long it takes; whoever uses a table that we change, no longer than that:
all others would queue up behind us."""


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))


def newest() -> str:
    """The version that this program works with."""
    return _scripts().get_current_head() or ""


def version_of(connection: Connection) -> str:
    """The version that a record has; empty when there is none yet."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def migrate(engine: Engine) -> tuple[str, str]:
    """Bring the schema to the newest version; several coordinators may do so at once. Answers (from, to).

    Raises RecordUnavailable for a record that a newer program has written.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        connection.exec_driver_sql(_LOCK if engine.dialect.name == "postgresql" else "BEGIN IMMEDIATE")
        before = version_of(connection)
        check_known(before)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, newest()


def check_known(version: str) -> None:
    """Raises RecordUnavailable for a version that this program has never heard of."""
    known = None
    with suppress(CommandError):
        known = _scripts().get_revision(version) if version else version
    if known is None:
        raise RecordUnavailable(
            f"The record has the schema {version}, and this program knows none after {newest()}: "
            "use the idlegrid-server that wrote it, or a newer one"
        )
