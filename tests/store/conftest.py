"""Records to test: SQLite in a file, and the session's PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.ports import Queue
from idlegrid_server.record.copying import COUNTED
from idlegrid_server.record.engine import open_engine
from idlegrid_server.record.facts import ensure_server_uuid
from idlegrid_server.record.reader import SqlReader
from idlegrid_server.record.store import SqlRecord
from idlegrid_server.record.tables import metadata

from ..parts import FakeClock, open_record
from .stages import Stage, memory_stage, redis_stage


@pytest.fixture(scope="session")
def _postgres_engine(postgres_server) -> Iterator[Engine]:
    engine = open_engine(postgres_server.make_database("grid"))
    yield engine
    engine.dispose()


@pytest.fixture
def postgres(_postgres_engine: Engine) -> Engine:
    """An empty record in the session's PostgreSQL."""
    wipe(_postgres_engine)
    ensure_server_uuid(_postgres_engine)
    return _postgres_engine


def wipe(engine: Engine) -> None:
    """Take every row out of a PostgreSQL, and count from 1 again: `TRUNCATE` would take ten times as long."""
    names = [table.name for table in metadata.sorted_tables]
    looks = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names)
    again = ", ".join(f"setval('{table.name}_id_seq', 1, false)" for table in COUNTED)
    with engine.begin() as connection:
        for name in connection.scalars(text(looks)).all():
            connection.execute(text(f"DELETE FROM {name}"))
        connection.execute(text(f"SELECT {again}"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty record, once on each database."""
    if request.param == "postgresql":
        yield request.getfixturevalue("postgres")
        return
    engine = open_record(tmp_path)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class Pen:
    """Writes to a record, one transaction a call, and reads it."""

    def __init__(self, engine: Engine, clock: FakeClock, instance: str = "") -> None:
        self.record, self.reader = SqlRecord(engine, clock.now, instance), SqlReader(engine)

    def do(self, command: Any) -> Any:
        """Carry out a command."""
        with self.record.transaction() as transaction:
            self.batch: Batch = transaction.load(command.needs())
            command.apply(self.batch)
            transaction.save(self.batch)
        return command.answer(self.batch)

    def save(self, batch: Batch) -> None:
        with self.record.transaction() as transaction:
            transaction.save(batch)

    def load(self, **needs: set[Any]) -> Batch:
        with self.record.transaction() as transaction:
            return transaction.load(Needs(**needs))

    def settle(self, *uuids: str) -> None:
        with self.record.transaction() as transaction:
            transaction.settle(uuids)


@pytest.fixture
def pen(engine: Engine, clock: FakeClock) -> Pen:
    return Pen(engine, clock)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """An empty queue with its switches, once in memory and once on a real Redis."""
    if request.param == "memory":
        yield memory_stage()
        return
    with redis_stage(request.getfixturevalue("redis_server")) as stage:
        yield stage


@pytest.fixture
def queue(stage: Stage) -> Queue:
    return stage.queue
