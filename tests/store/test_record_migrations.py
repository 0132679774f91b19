"""An older record, opened by this version, on SQLite and on PostgreSQL."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect, select, text

from idlegrid_server.core.commands import LeaseRuns, MakeRuns, Report, ReportRuns
from idlegrid_server.core.errors import RecordUnavailable
from idlegrid_server.core.model import Outcome, RunState, Sandbox
from idlegrid_server.record.backup import back_up, restore
from idlegrid_server.record.engine import make_engine, open_engine
from idlegrid_server.record.schema import MIGRATIONS, newest
from idlegrid_server.record.tables import api_keys, tasks

from ..parts import START, offer, submission
from .backups import silent
from .conftest import Pen

OLD_RUN = {
    **dict.fromkeys(("submitter", "reason", "lease_via", "digest"), ""),
    **dict.fromkeys(("retries", "losses", "attempts", "cpu_seconds", "wall_seconds", "max_memory_mb"), 0),
    **dict.fromkeys(("listed", "frozen", "truncated"), False),
    "uuid": "u1",
    "task_type": "python",
    "queue": "normal/python/1c/512M/s3",
    "priority": 1,
    "cpu": 1.0,
    "memory_mb": 512,
    "requires": "[]",
    "min_sandbox": 3,
    "timeout": 300,
    "retry_limit": 0,
    "state": "pending",
    "created_at": START,
    "parameters": "{}",
    "code": "1",
}
OLD_ATTEMPT = {
    "run_id": 1,
    "number": 1,
    "node_id": "n1",
    "lease_id": "0" * 32,
    "leased_at": START,
    "ended_at": START,
    "outcome": "evicted",
    "reason": "input",
    "cpu_seconds": 0,
    "wall_seconds": 0,
    "max_memory_mb": 0,
}
OLD_NODE = {
    **dict.fromkeys(("hostname", "address", "version", "python", "profile", "reason"), ""),
    **dict.fromkeys(("since", "pid", "cpu_percent", "memory_percent"), 0),
    "id": "n1",
    "registered_at": START,
    "last_seen": START,
    "state": "idle",
    "health": "alive",
    "draining": False,
    "slots": 1,
    "task_types": "[]",
    "labels": "[]",
    "cpu_cores": 1,
    "memory_mb": 512,
    "sandbox": '{"level": 3, "backend": "bubblewrap", "version": "0.11", "reason": "", "remedy": ""}',
}


def upgrade(connection: Connection, version: str) -> None:
    """Bring a database to an older schema."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, version)


def put(connection: Connection, table: str, row: dict[str, object]) -> None:
    places = ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})"), row)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def old_url(request, tmp_path) -> str:
    """A record of the first schema with a run, an attempt and a node."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_server").make_database(f"old_{secrets.token_hex(4)}")
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade(connection, "0001")
        for table, row in (("runs", OLD_RUN), ("attempts", OLD_ATTEMPT), ("nodes", OLD_NODE)):
            put(connection, table, row)
    engine.dispose()
    return url


@pytest.fixture
def opened(old_url) -> Iterator[Engine]:
    engine = open_engine(old_url)
    yield engine
    engine.dispose()


def test_each_version_has_a_file_whose_name_begins_with_it():
    scripts = ScriptDirectory(str(MIGRATIONS))
    for script in scripts.walk_revisions():
        assert Path(script.path).name.startswith(f"{script.revision}_")
    assert newest() == scripts.get_current_head()


def test_what_an_older_record_holds_has_defaults_and_goes_on(opened, clock):
    pen = Pen(opened, clock)
    detail = pen.reader.detail(1)
    assert (detail.view.run.processes, detail.view.run.sandbox, detail.files) == (0, None, 0)
    assert [(ended.processes, ended.sandbox) for ended in detail.attempts] == [(0, None)]
    assert pen.reader.node("n1").sandbox == Sandbox(level=3, backend="bubblewrap", version="0.11")
    lease = LeaseRuns(offer(), ["a" * 32], 10.0)
    lease.popped = ["u1"]
    pen.do(lease)
    pen.do(ReportRuns("n1", [Report(run_uuid="u1", lease_id="a" * 32, outcome=Outcome.COMPLETED, sandbox=3)]))
    run = pen.reader.view(1).run
    assert (run.state, run.sandbox) == (RunState.COMPLETED, 3)


OLD_TASK = {
    **dict.fromkeys(("description", "schedule", "job_type", "job_category", "submitter"), ""),
    **dict.fromkeys(("arguments", "requires", "tags"), "[]"),
    **dict.fromkeys(("metadata", "parameters"), "{}"),
    **dict.fromkeys(("last_completed_id", "completed_runs", "failed_runs", "cancelled_runs", "run_seconds"), 0),
    **dict.fromkeys(("created_at", "updated_at"), START),
    **dict.fromkeys(("priority", "max_instances", "total_runs", "unfinished", "last_run_id"), 1),
    "name": "nightly",
    "task_type": "python",
    "executor": "any",
    "command": "1",
    "timezone": "UTC",
    "cpu": 1.0,
    "memory_mb": 512,
    "retry_limit": 3,
    "timeout": 300.0,
    "has_code": False,
    "status": "active",
}
OLD_KEY = {"prefix": "ig_join_abcd", "digest": "0" * 64, "name": "join", "scopes": '["node"]', "created_at": START}


@pytest.fixture
def third_url(old_url) -> str:
    """The same record, brought to the third schema and used there: a task with a run, and a key."""
    engine = create_engine(old_url)
    with engine.begin() as connection:
        upgrade(connection, "0003")
        put(connection, "tasks", OLD_TASK)
        put(connection, "api_keys", OLD_KEY)
        connection.execute(text("UPDATE runs SET task_id = 1, task_name = 'nightly'"))
    engine.dispose()
    return old_url


def test_a_record_with_tasks_goes_on_under_the_newest_schema(third_url, clock):
    engine = open_engine(third_url)
    pen = Pen(engine, clock)
    assert pen.reader.view(1).run.task_name == "nightly"
    lease = LeaseRuns(offer(), ["a" * 32], 10.0)
    lease.popped = ["u1"]
    pen.do(lease)
    pen.do(ReportRuns("n1", [Report(run_uuid="u1", lease_id="a" * 32, outcome=Outcome.COMPLETED)]))
    with engine.connect() as connection:
        task = connection.execute(select(tasks)).one()
        key = connection.execute(select(api_keys)).one()
    engine.dispose()
    assert (task.completed_runs, task.unfinished) == (1, 0)
    assert (key.digest, key.node_id, key.uses_left, key.made_by) == ("0" * 64, None, None, None)


def test_a_backup_of_an_older_schema_is_brought_up_when_it_is_restored(third_url, engine, clock, tmp_path):
    if third_url.startswith("postgresql"):
        old = make_engine(third_url, tool=True)
        with pytest.raises(RecordUnavailable, match="schema 0003: run `idlegrid db migrate` first"):
            back_up(old, tmp_path / "backup", START, silent)
        old.dispose()
        return
    old = make_engine(third_url, tool=True)
    assert back_up(old, tmp_path / "backup", START, silent).schema == "0003"
    old.dispose()
    before = (tmp_path / "backup").read_bytes()
    restore(engine, tmp_path / "backup", tmp_path, START, silent, replace=True)
    assert Pen(engine, clock).reader.view(1).run.task_name == "nightly"
    assert (tmp_path / "backup").read_bytes() == before


def test_runs_of_the_fourth_schema_were_caused_by_nothing_that_is_known(third_url, clock):
    engine = create_engine(third_url)
    with engine.begin() as connection:
        upgrade(connection, "0004")
    engine.dispose()
    engine = open_engine(third_url)
    pen = Pen(engine, clock)
    pen.do(MakeRuns([replace(submission(), trace_id="req_1")], ["u2"]))
    assert [pen.reader.view(number).run.trace_id for number in (1, 2)] == ["", "req_1"]
    lease = LeaseRuns(offer(slots=2), ["a" * 32, "b" * 32], 10.0)
    lease.popped = ["u1", "u2"]
    pen.do(lease)
    runs = [pen.reader.view(number).run for number in (1, 2)]
    engine.dispose()
    assert [(run.state, run.trace_id) for run in runs] == [(RunState.RUNNING, ""), (RunState.RUNNING, "req_1")]


def test_an_older_record_gets_the_tables_of_files(opened):
    assert {"files", "file_chunks"} <= set(inspect(opened).get_table_names())
