"""A grid that wants keys, with jobs on it and executions in every state, which came from real runs."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from idlegrid_server.http.dialects.jobs.translate import EXCERPT

from ..access.conftest import ClosedGrid
from ..conftest import Grid, SpareMachine
from ..envelope import data

Json = dict[str, Any]
SELDOM = "0 5 29 2 *"
"""On leap days, so that nothing fires by itself meanwhile."""
KLINES: Json = {
    "name": "sync_klines_1h",
    "description": "Sync 1-hour klines from all exchanges",
    "job_type": "kline",
    "job_category": "sync",
    "schedule": SELDOM,
    "parameters": {"intervals": ["1h"], "exchanges": ["BNC", "OKX", "GIO"]},
    "timeout_seconds": 300,
    "retry_count": 0,
}
SYMBOLS: Json = {
    "name": "sync_symbols_all",
    "job_type": "symbol",
    "job_category": "sync",
    "interval_seconds": 86_400,
    "max_instances": 3,
}
PLAIN: Json = {
    "name": "Tidy.up",
    "task_type": "shell",
    "command": "true",
    "code": None,
    "parameters": {"long": "x" * EXCERPT},
}
LONG = "y" * (EXCERPT + 1)
COUNTS = {"processed": 500, "inserted": 450, "updated": 50}


class History(NamedTuple):
    """Who may do everything, who may read jobs alone, the runs by what became of them, and the machine they ran on."""

    grid: Grid
    reader: Grid
    runs: dict[str, int]
    machine: SpareMachine

    def get(self, path: str = "", **query: object) -> Any:
        """What the jobs API answers to who may read jobs alone."""
        answer = self.reader.get(f"/api/v1/jobs{path}", **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def execution(self, name: str) -> Json:
        """What became so, in the list of all."""
        listed = self.get("/executions", limit=1_000)["data"]
        return next(item for item in listed if item["id"] == str(self.runs[name]))

    def named(self, path: str, **query: object) -> list[str]:
        """Of a list of executions, what became of each."""
        names = {str(run): name for name, run in self.runs.items()}
        return [names[item["id"]] for item in self.get(path, **query)["data"]]


@pytest.fixture(scope="session")
def history(start_coordinator) -> Iterator[History]:
    """On it task 1 is the document's `sync_klines_1h`."""
    # Nothing that a test leaves running is taken back before the session ends.
    closed = ClosedGrid(start_coordinator(auth="required", lease_seconds=3_600, listing_seconds=3_600))
    url = closed.coordinator.url
    grid = Grid(url, closed.admin)
    for words in (KLINES, SYMBOLS, PLAIN):
        usual = {"task_type": "python", "executor": "python", "command": "python", "code": "print(1)"}
        data(grid.post("/api/tasks", {**usual, **words}), 201)
    machine = grid.machine("lab-07", task_types=["python", "shell"])
    yield History(grid, Grid(url, closed.key("read:jobs", name="reader")), _runs(grid, machine), machine)
    closed.close()


def _runs(grid: Grid, machine: SpareMachine) -> dict[str, int]:
    """One run for each thing that can become of it, oldest first; all but two are of task 1."""

    def triggered(task: int = 1) -> int:
        return int(data(grid.post(f"/api/tasks/{task}/trigger"))["run_id"])

    def ended(made: int, outcome: str, **words: object) -> int:
        assert machine.report(machine.lease(), outcome, **words).status_code == 200
        return made

    runs = {
        "object": ended(triggered(), "completed", result=f"{json.dumps(COUNTS)}\n"),
        "text": ended(triggered(3), "completed", result="[1]\n"),
        "long": ended(triggered(), "completed", result=LONG),
        "failed": ended(triggered(), "failed", error="Connection timeout", exit_code=1),
        "timed out": ended(triggered(), "timed_out", error="It ran for 300 s"),
        "alone": ended(grid.submit(), "completed"),
        "cancelled": triggered(),
    }
    data(grid.post(f"/api/runs/{runs['cancelled']}/abort"))
    runs["running"] = triggered()
    machine.lease()
    runs["pending"] = triggered()
    return runs
