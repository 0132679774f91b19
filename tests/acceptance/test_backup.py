"""`idlegrid db` beside a real grid: a backup under load, restored; a move to PostgreSQL with one command."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select

from idlegrid_server.record import tables as t
from idlegrid_server.record.address import checked_url
from idlegrid_server.record.census import day

from .grids import PATIENCE, Apart, clean_environment, eventually

SENDERS = 3
BEFORE = 10
"""Submissions that are acknowledged before the backup begins."""


class Database:
    """`idlegrid db` for the record of one grid."""

    def __init__(self, data: Path, **settings: str) -> None:
        self.url = settings.get("IDLEGRID_DATABASE_URL") or f"sqlite:///{data}/grid.db"
        self._data, self._settings = data, settings

    def __call__(self, verb: str, *words: Any, status: int = 0) -> str:
        """What it says."""
        argv = [sys.executable, "-m", "idlegrid", "db", verb, *map(str, words), "--data", str(self._data)]
        done = subprocess.run(
            argv, env=clean_environment() | self._settings, capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def rows(self, table: Any) -> list[Any]:
        engine = create_engine(checked_url(self.url))
        with closing(engine.connect()) as connection:
            found = list(connection.execute(select(table)).all())
        engine.dispose()
        return found


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def settings(request) -> dict[str, str]:
    if request.param == "sqlite":
        return {}
    server = request.getfixturevalue("postgres_server")
    return {"IDLEGRID_DATABASE_URL": server.make_database("backup_under_load")}


@contextmanager
def load(grid: Apart) -> Iterator[list[int]]:
    """Clients that submit again as soon as they have their result; what was acknowledged so far."""
    acknowledged: list[int] = []
    stopped = threading.Event()

    def send() -> None:
        while not stopped.is_set():
            acknowledged.append(grid.submit("print(1)"))
            grid.ended(acknowledged[-1])

    threads = [threading.Thread(target=send) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    try:
        yield acknowledged
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def leased(grid: Apart, node: str) -> dict[str, Any]:
    """A lease that the test holds, as a node would."""
    grid.get("/internal/heartbeat", {"node_id": node, "status": "idle", "reason": "always", "sandbox": {"level": 3}})
    (attempt,) = grid.get(f"/internal/task?node_id={node}&wait=20&slots=1")["attempts"]
    return {"node_id": node, "run": attempt["run"], "lease_id": attempt["lease_id"], "outcome": "completed"}


def by_hand(grid: Apart) -> int:
    """A run that a worker which knows only the idle API has taken."""
    run = grid.submit("print('legacy')")
    assert eventually(lambda: grid.get("/get_task")["task_id"], "the worker gets a run") == run
    return run


def test_a_backup_under_load_restores_and_no_old_lease_counts(apart, folder, settings):
    grid: Apart = apart(**settings).start(nodes=0)
    db = Database(folder / "grid", **settings)
    grid.submit("print('held before')")
    before, legacy_before = leased(grid, "held"), by_hand(grid)
    node = grid.add_node()
    with load(grid) as acknowledged:
        eventually(lambda: len(acknowledged) >= BEFORE, "the grid is under load")
        known = list(acknowledged)
        db("backup", folder / "backup")
        assert "stop it first" in db("restore", folder / "backup", "--replace", status=1)
    node.stop()
    last = grid.submit("print('held after')")
    after, legacy_after = leased(grid, "held"), by_hand(grid)
    grid.coordinator.stop()

    assert "--replace" in db("restore", folder / "backup", status=1)
    said = db("restore", folder / "backup", "--replace")
    assert "idlegrid keys list" in said
    check_counts(db)
    grid.coordinator.start()
    grid.wait_for_coordinator()

    assert [grid.ask("/internal/result", {**report, "result": "old"})[0] for report in (before, after)] == [409, 409]
    submitted = [{"task_id": run, "result": "old"} for run in (legacy_before, legacy_after)]
    assert [grid.ask("/submit_result", words)[0] for words in submitted] == [409, 404]
    assert grid.submit("print('new')") > max(last, legacy_after, *acknowledged)
    work_off(grid)
    assert {run["result"] for run in grid.settled([*known, legacy_before])} <= {"1", "by hand"}
    check_counts(db)


def work_off(grid: Apart) -> None:
    """Do what is pending, as a worker that knows only the idle API."""
    while run := grid.get("/get_task")["task_id"]:
        grid.get("/submit_result", {"task_id": run, "result": "by hand"})


def check_counts(db: Database) -> None:
    """What is counted as things happen equals a count of the rows."""
    runs = [(day(r.created_at), day(r.started_at), day(r.finished_at), r.state) for r in db.rows(t.runs)]
    counted: Counter[tuple[Any, ...]] = Counter()
    for row in db.rows(t.run_counts):
        counted[row.made_day, row.start_day, row.end_day, row.state] += row.value
    assert +counted == Counter(runs)


@pytest.mark.postgres
def test_a_grid_moves_to_postgresql_with_one_command(apart, folder, postgres_server):
    grid: Apart = apart().start(nodes=0)
    run = grid.submit("print(6 * 7)")
    work_off(grid)
    url, db = postgres_server.make_database("moved"), Database(folder / "grid")
    assert "stop it first" in db("copy", "--to", url, status=1)
    grid.coordinator.stop()
    assert "copied 1 runs" in db("copy", "--to", url)
    assert "is not empty" in db("copy", "--to", url, status=1)
    (folder / "after").mkdir()
    with closing(Apart(folder / "after", folder / "grid", IDLEGRID_DATABASE_URL=url)) as moved:
        moved.start(nodes=0)
        assert moved.status(run)["result"] == "by hand"
        assert by_hand(moved) == run + 1
