"""The schema's version: which one a record has, and bringing it to the newest."""

from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect

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
def _known() -> frozenset[str]:
    """Every version there is: what the name of its file begins with."""
    return frozenset(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def newest() -> str:
    """The version that this program works with."""
    return max(_known())


def version_of(connection: Connection) -> str:
    """The version that a record has; empty when there is none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or ""


def migrate(engine: Engine) -> tuple[str, str]:
    """Bring the schema to the newest version; several coordinators may do so at once. Answers (from, to).

    Raises RecordUnavailable for a record that a newer program has written.
    """
    with engine.begin() as connection:
        connection.exec_driver_sql(_LOCK if engine.dialect.name == "postgresql" else "BEGIN IMMEDIATE")
        before = version_of(connection)
        check_known(before)
        if before != newest():
            _upgrade(connection)
    return before, newest()


def _upgrade(connection: Connection) -> None:
    # A sixth of a second of imports, in every process that opens the record: they are for the one that changes it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def check_known(version: str) -> None:
    """Raises RecordUnavailable for a version that this program has never heard of."""
    if version and version not in _known():
        raise RecordUnavailable(
            f"The record has the schema {version}, and this program knows none after {newest()}: "
            "use the idlegrid-server that wrote it, or a newer one"
        )
