"""Records to test: SQLite in a file, and a real PostgreSQL in a temporary folder, run by an unprivileged user."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.ports import Queue
from idlegrid_server.record.engine import open_engine
from idlegrid_server.record.facts import ensure_server_uuid
from idlegrid_server.record.reader import SqlReader
from idlegrid_server.record.store import SqlRecord
from idlegrid_server.record.tables import metadata

from ..parts import FakeClock, open_record
from .stages import Stage, memory_stage, redis_stage

SERVERS = "/usr/lib/postgresql"
"""Where Debian puts them."""


def _programs() -> Path | None:
    """The folder of the newest PostgreSQL server there is."""
    found = sorted(Path(SERVERS).glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(on_path).resolve().parent if on_path else None


def _somebody_else() -> dict[str, Any]:
    """Who runs the server: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class PostgresProcess:
    """A real server on a unix socket."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder, self._user = programs, folder, _somebody_else()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://grid@/{database}?host={self._folder}"

    def start(self) -> None:
        if self._user:
            os.chown(self._folder, self._user["user"], self._user["group"])
        data, log = self._folder / "data", self._folder / "log"
        if not data.exists():
            self._run("initdb", "-D", str(data), "-U", "grid", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = ["-D", str(data), "-k", str(self._folder), "-c", "listen_addresses=", "-c", "fsync=off"]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [self._programs / "postgres", *options], stdout=output, stderr=output, cwd=self._folder, **self._user
            )

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments], capture_output=True, text=True, cwd=self._folder, **self._user
        )
        assert done.returncode == 0, done.stderr

    def answers(self) -> bool:
        """Raises AssertionError, with the server's log, when it has ended."""
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        engine = create_engine(self.url())
        try:
            with engine.connect() as connection:
                return connection.scalar(text("SELECT 1")) == 1
        except OperationalError:
            return False
        finally:
            engine.dispose()

    def make_database(self, name: str) -> str:
        """An empty one; answers its URL."""
        engine = create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.url(name)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def postgres_server(eventually) -> Iterator[PostgresProcess]:
    """One server for the session."""
    programs = _programs()
    if programs is None:
        reason = f"no PostgreSQL server in {SERVERS} or on PATH (Debian: apt install postgresql)"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="grid-postgres-") as folder:
        server = PostgresProcess(programs, Path(folder))
        try:
            server.start()
            eventually(server.answers, "PostgreSQL answers")
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def _postgres_engine(postgres_server) -> Iterator[Engine]:
    engine = open_engine(postgres_server.make_database("grid"))
    yield engine
    engine.dispose()


@pytest.fixture
def postgres(_postgres_engine: Engine) -> Engine:
    """An empty record in the session's PostgreSQL."""
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with _postgres_engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
    ensure_server_uuid(_postgres_engine)
    return _postgres_engine


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
