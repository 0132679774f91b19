"""A grid whose record is a PostgreSQL, which is killed and comes back."""

import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ..postgres import PostgresProcess, require_programs
from .grids import Apart, eventually

pytestmark = pytest.mark.postgres

SECRET = "correct-horse"
"""The server asks for no password; a URL may have one all the same."""


@pytest.fixture
def postgres(folder: Path) -> Iterator[PostgresProcess]:
    """A server of this test's own, to be killed."""
    found = require_programs()
    (folder / "postgres").mkdir()
    folder.chmod(0o755)
    server = PostgresProcess(found, folder / "postgres")
    try:
        server.start()
        eventually(server.answers, "PostgreSQL answers")
        yield server
    finally:
        server.stop()


def test_postgresql_is_killed_and_back_and_the_grid_goes_on_without_a_restart(apart, postgres, folder):
    url = postgres.make_database("grid").replace("+psycopg", "").replace("grid@", f"grid:{SECRET}@")
    grid: Apart = apart(IDLEGRID_DATABASE_URL=url).start()
    first = grid.submit("print(6 * 7)")
    assert grid.ended(first)["result"] == "42"
    acknowledged = [grid.submit(f"import time; time.sleep(0.2); print({number})") for number in range(12)]
    coordinator = grid.coordinator.pid

    postgres.kill()
    status, answer = grid.ask("/submit", {"code": "print(1)"})
    assert (status, set(answer)) == (503, {"detail"})
    assert grid.ask("/readyz")[0] == 503

    postgres.start()
    late = eventually(lambda: grid.tries("/submit", {"code": "print('late')"}), "a submission is taken again")
    assert grid.ended(late["task_id"])["result"] == "late"
    runs = grid.settled(acknowledged)
    assert [run["result"] for run in runs] == [str(number) for number in range(12)]
    assert [grid.ends_of(run) for run in runs] == [["complete"]] * 12
    assert grid.coordinator.pid == coordinator
    assert grid.coordinator.runs
    check_secret(grid, folder)


def check_secret(grid: Apart, folder: Path) -> None:
    """The password stands in no log, and in no list of processes."""
    assert re.search(r'"action": ?"started"|coordinator started', grid.coordinator.printed())
    for log in folder.glob("*.log"):
        assert SECRET not in log.read_text(errors="replace"), log
    words = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    assert not [line for line in words if SECRET in line]
