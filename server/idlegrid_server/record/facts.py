"""What is true of the whole record."""

import uuid

from sqlalchemy import Connection, Engine

from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import insert_for, translated


def ensure_server_uuid(engine: Engine) -> None:
    """Name the record, once for all coordinators that ever open it."""
    _write(engine, "server_uuid", str(uuid.uuid4()), replace=False)


def remember_queue_identity(engine: Engine, identity: str) -> None:
    """All pending runs have been written to this queue."""
    _write(engine, "queue_identity", identity, replace=True)


def _write(engine: Engine, name: str, value: str, *, replace: bool) -> None:
    statement = insert_for(engine.dialect)(t.facts).values(name=name, value=value)
    if replace:
        statement = statement.on_conflict_do_update(index_elements=["name"], set_={"value": value})
    else:
        statement = statement.on_conflict_do_nothing()
    with translated("written"), engine.begin() as connection:
        connection.execute(statement)


def swap(connection: Connection, name: str, before: str, after: str) -> bool:
    """Write a fact in one statement, unless it is no longer what it was (empty: not there); whether it was written."""
    statement = insert_for(connection.dialect)(t.facts).values(name=name, value=after)
    unchanged = t.facts.c.value == before
    statement = statement.on_conflict_do_update(index_elements=["name"], set_={"value": after}, where=unchanged)
    return connection.execute(statement.returning(t.facts.c.name)).first() is not None
