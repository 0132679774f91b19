"""`/api/workers/{id}/week`: at which hours an owner lends a machine, and until when it should stay idle."""

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing

import pytest

from ..envelope import data, error, moment

HALF_PAST = 5 * 3_600 + 1_800
"""An owner's clock that is ahead of UTC by hours and a half."""
Hour = tuple[int, float, float]
"""Of the week, seconds seen, seconds idle."""


@pytest.fixture
def teach(_shared_coordinator) -> Callable[[str, Iterable[Hour]], None]:
    """`teach(node, hours)`: what a record would hold after weeks of looking at the node."""

    def write(node_id: str, hours: Iterable[Hour]) -> None:
        rows = [(node_id, *hour) for hour in hours]
        with closing(sqlite3.connect(_shared_coordinator.data / "grid.db", timeout=30)) as record, record:
            record.executemany("INSERT INTO node_weeks VALUES (?, ?, ?, ?)", rows)

    return write


def hour_there(now: float) -> int:
    """The hour of the week on that owner's clock: the epoch began on a Thursday."""
    return int((now + HALF_PAST) // 3_600 + 72) % 168


def test_of_a_new_worker_nothing_is_known(grid):
    machine = grid.machine()
    week = data(grid.get(f"/api/workers/{machine.id}/week"))
    assert (week["worker_id"], week["utc_offset"]) == (machine.id, 0)
    assert week["hours"] == [{"hour": hour, "idle": None, "seen_seconds": 0.0} for hour in range(168)]
    assert week["window"] == {"until": None, "seconds": None}
    assert data(grid.get(f"/api/workers/{machine.id}"))["idle_until"] is None


def test_the_week_and_what_follows_from_it_for_now(grid, teach):
    machine = grid.machine(utc_offset=HALF_PAST)
    machine.beat()
    busy = (hour_there(time.time()) + 3) % 168
    teach(machine.id, [(hour, 9_000.0, 900.0 if hour == busy else 8_370.0) for hour in range(168)])
    week = data(grid.get(f"/api/v1/workers/{machine.id}/week"))
    assert week["utc_offset"] == HALF_PAST
    assert week["hours"][busy] == {"hour": busy, "idle": 0.1, "seen_seconds": 9_000.0}
    assert week["hours"][busy - 1] == {"hour": (busy - 1) % 168, "idle": 0.93, "seen_seconds": 9_000.0}
    until = moment(week["window"]["until"]).timestamp()
    assert (until + HALF_PAST) % 3_600 == 0
    assert hour_there(until) == busy
    assert 0 < week["window"]["seconds"] <= 3 * 3_600
    assert data(grid.get(f"/api/workers/{machine.id}"))["idle_until"] == week["window"]["until"]
    machine.beat(status="busy", reason="input")
    assert data(grid.get(f"/api/workers/{machine.id}"))["idle_until"] is None


def test_an_unknown_worker_has_no_week(grid):
    error(grid.get("/api/workers/nobody/week"), 404, "RESOURCE_NOT_FOUND")


@pytest.mark.parametrize("offset", [86_401, -86_401, 1.5, "3600"])
def test_a_clock_that_is_none_is_refused(grid, offset):
    beat = {"node_id": "test-clock", "status": "idle", "utc_offset": offset}
    assert grid.post("/internal/heartbeat", beat).status_code == 422
