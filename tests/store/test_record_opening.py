"""Opening a record, and a record that does not answer."""

import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, text

from idlegrid_server.core.commands import MakeRuns
from idlegrid_server.core.errors import InvalidInput, RecordUnavailable
from idlegrid_server.record.engine import open_engine, translated
from idlegrid_server.record.facts import ensure_server_uuid
from idlegrid_server.record.reader import SqlReader
from idlegrid_server.record.tables import metadata

from ..parts import open_record, submission
from .conftest import Pen


def test_the_migrations_bring_an_empty_database_to_exactly_the_tables(engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        made = set(inspect(connection).get_table_names())
    assert made == {table.name for table in metadata.sorted_tables} | {"alembic_version"}


def test_every_index_of_the_tables_is_in_the_database(engine):
    with engine.connect() as connection:
        looked_at = inspect(connection)
        for table in metadata.sorted_tables:
            made = {index["name"] for index in looked_at.get_indexes(table.name)}
            assert {str(index.name) for index in table.indexes} <= made


def test_opening_again_changes_nothing(tmp_path):
    first = open_record(tmp_path)
    name = SqlReader(first).server_uuid()
    first.dispose()
    again = open_record(tmp_path)
    assert SqlReader(again).server_uuid() == name
    again.dispose()


def _open_together(url: str) -> set[str]:
    """Two threads open an empty database at the same moment; what each finds as its name."""
    gate = threading.Barrier(2)

    def open_it() -> str:
        gate.wait()
        engine = open_engine(url)
        try:
            ensure_server_uuid(engine)
            return SqlReader(engine).server_uuid()
        finally:
            engine.dispose()

    with ThreadPoolExecutor(2) as pool:
        return {opened.result() for opened in [pool.submit(open_it), pool.submit(open_it)]}


def test_two_may_open_an_empty_sqlite_at_once(tmp_path):
    for number in range(5):
        assert len(_open_together(f"sqlite:///{tmp_path / f'{number}.db'}")) == 1


OPENER = """
import sys
from idlegrid_server.record.engine import open_engine
print("ready", flush=True)
sys.stdin.readline()
open_engine(sys.argv[1]).dispose()
"""


def test_several_processes_may_open_an_empty_sqlite_at_once(tmp_path):
    argv = [sys.executable, "-c", OPENER, f"sqlite:///{tmp_path / 'grid.db'}"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    openers = [subprocess.Popen(argv, **pipes) for _ in range(3)]
    try:
        assert [opener.stdout.readline() for opener in openers] == ["ready\n"] * 3
        for opener in openers:
            opener.stdin.write("go\n")
            opener.stdin.flush()
        said = [opener.communicate(timeout=60)[0] for opener in openers]
    finally:
        for opener in openers:
            opener.kill()
            opener.wait()
    assert ([opener.returncode for opener in openers], said) == ([0] * 3, [""] * 3)


@pytest.mark.postgres
def test_two_may_open_an_empty_postgresql_at_once(postgres_server):
    assert len(_open_together(postgres_server.make_database("opened_twice"))) == 1


def test_sqlite_is_opened_so_that_an_answer_survives_a_power_cut(tmp_path):
    engine = open_record(tmp_path)
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 2
    engine.dispose()


# --- a record that does not answer ---


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////nowhere/at/all/grid.db",
        pytest.param("postgresql+psycopg://grid@/grid?host=/nowhere/at/all", marks=pytest.mark.postgres),
    ],
)
def test_a_database_that_is_not_there_cannot_be_opened(url):
    with pytest.raises(RecordUnavailable, match="could not be opened"):
        open_engine(url)


def test_a_file_that_is_no_database_cannot_be_opened(tmp_path):
    (tmp_path / "grid.db").write_text("hello " * 1_000)
    with pytest.raises(RecordUnavailable, match="file is not a database"):
        open_record(tmp_path)


def _impatient(folder: Path) -> Engine:
    """The record, by someone who waits for a lock no longer than a moment."""
    open_record(folder).dispose()
    return create_engine(f"sqlite:///{folder / 'grid.db'}", connect_args={"timeout": 0.05})


def test_a_locked_database_is_unavailable_for_writing_and_is_read_all_the_same(tmp_path, clock):
    engine = _impatient(tmp_path)
    pen = Pen(engine, clock)
    other = sqlite3.connect(tmp_path / "grid.db")
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(RecordUnavailable, match="could not be written: database is locked"):
            pen.do(MakeRuns([submission()], ["u1"]))
        assert pen.reader.totals().total == 0
    finally:
        other.close()
    assert pen.do(MakeRuns([submission()], ["u1"]))[0].id == 1
    engine.dispose()


def test_a_database_that_lost_its_tables_is_unavailable(tmp_path, clock):
    engine = _impatient(tmp_path)
    metadata.drop_all(engine)
    pen = Pen(engine, clock)
    with pytest.raises(RecordUnavailable, match="could not be read: no such table"):
        pen.reader.nodes()
    with pytest.raises(RecordUnavailable, match="could not be written: no such table"):
        pen.do(MakeRuns([submission()], ["u1"]))
    engine.dispose()


@pytest.mark.postgres
def test_a_postgresql_that_was_restarted_is_used_again(postgres, postgres_server, clock, eventually):
    pen = Pen(postgres, clock)
    pen.do(MakeRuns([submission()], ["u1"]))
    postgres_server.stop()
    with pytest.raises(RecordUnavailable):
        pen.reader.totals()
    with pytest.raises(RecordUnavailable):
        pen.do(MakeRuns([submission()], ["u2"]))
    postgres_server.start()
    eventually(postgres_server.answers, "PostgreSQL answers again")
    assert pen.do(MakeRuns([submission()], ["u2"]))[0].uuid == "u2"
    assert pen.reader.totals().total == 2


def test_what_goes_wrong_inside_a_command_stays_what_it_is(pen):
    class Fault(Exception):
        pass

    with pytest.raises(Fault), translated("read"):
        raise Fault
    with pytest.raises(InvalidInput), translated("written"):
        raise InvalidInput("no")


def test_nothing_of_a_transaction_that_raised_is_kept(pen):
    class Refused(Exception):
        pass

    def change_one_s_mind() -> None:
        command = MakeRuns([submission()], ["u1"])
        with pen.record.transaction() as transaction:
            batch = transaction.load(command.needs())
            command.apply(batch)
            transaction.save(batch)
            raise Refused

    with pytest.raises(Refused):
        change_one_s_mind()
    assert pen.reader.totals().total == 0
