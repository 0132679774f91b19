"""An older record, opened by this version, on SQLite and on PostgreSQL."""

import secrets
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, inspect, text

from idlegrid_server.core.commands import LeaseRuns, Report, ReportRuns
from idlegrid_server.core.model import Outcome, RunState, Sandbox
from idlegrid_server.record.engine import MIGRATIONS, open_engine

from ..parts import START, offer
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


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def old_url(request, tmp_path) -> str:
    """A record of the first schema with a run, an attempt and a node."""
    url = f"sqlite:///{tmp_path / 'grid.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_server").make_database(f"old_{secrets.token_hex(4)}")
    engine = create_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for table, row in (("runs", OLD_RUN), ("attempts", OLD_ATTEMPT), ("nodes", OLD_NODE)):
            places = ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})"), row)
    engine.dispose()
    return url


@pytest.fixture
def opened(old_url) -> Iterator[Engine]:
    engine = open_engine(old_url)
    yield engine
    engine.dispose()


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


def test_an_older_record_gets_the_tables_of_files(opened):
    assert {"files", "file_chunks"} <= set(inspect(opened).get_table_names())
