"""What an operator watches of workers: how often they fail, what each was lately, when owners lend their machines."""

from itertools import pairwise

import pytest

from ..envelope import data, moment, offence


@pytest.fixture
def failing(grid):
    """A machine on which ten runs have failed, as fast as it took them."""
    machine = grid.machine(slots=10, resources={"cpu_cores": 10, "memory_mb": 16384})
    for _ in range(10):
        grid.submit("1/0")
    for attempt in machine.poll(wait=20, slots=10)["attempts"]:
        machine.report(attempt, "failed", reason="user_error", usage={"wall_seconds": 0.1})
    return machine


def test_a_worker_that_fails_all_that_it_takes_is_suspect(grid, failing):
    other = grid.machine()
    grid.submit()
    other.report(other.lease())
    listed = {item["id"]: item for item in data(grid.get("/api/workers", search="test-"))["items"]}
    worker = listed[failing.id]
    assert 1.0 <= worker["ended_per_minute"] == worker["failed_per_minute"] <= 2.0
    assert worker["suspect"] is True
    assert 0.1 <= listed[other.id]["ended_per_minute"] <= 0.2
    assert (listed[other.id]["failed_per_minute"], listed[other.id]["suspect"]) == (0.0, False)
    assert data(grid.get(f"/api/workers/{failing.id}"))["suspect"] is True
    changed = data(grid.ask("PUT", f"/api/workers/{failing.id}", json={"status": "offline"}))
    assert (changed["status"], changed["suspect"]) == ("offline", True)


def test_workers_are_found_by_their_state_and_a_part_of_their_names(grid):
    busy, idle = grid.machine(status="busy", reason="input", hostname="Reading-Room"), grid.machine()

    def found(**query):
        return {item["id"] for item in data(grid.get("/api/workers", size=200, **query))["items"]}

    assert found(search="reading-r") == found(search="ROOM", state="busy") == {busy.id}
    assert found(search=idle.id[5:].upper()) == {idle.id}
    assert found(search="room", state="idle") == found(search="%") == set()
    busy.beat(status="offline", reason="shutdown")
    assert found(search="room", state="offline") == {busy.id}


def test_what_workers_were_is_told_from_when_they_were_known_until_now(grid):
    machine, other = grid.machine(), grid.machine(status="busy", reason="input")
    machine.beat(status="busy", reason="input")
    machine.beat(status="offline", reason="shutdown")
    told = data(grid.get("/api/workers/history", worker_id=[other.id, machine.id, "nobody"], window=1))
    assert [worker["worker_id"] for worker in told["workers"]] == [other.id, machine.id]
    spells = told["workers"][1]["spells"]
    assert [spell["state"] for spell in spells][-1] == "offline"
    assert all(set(spell) == {"from", "to", "state", "reason"} for spell in spells)
    assert all(one["to"] == other["from"] for one, other in pairwise(spells))
    assert moment(told["start"]) <= moment(spells[0]["from"])
    assert spells[-1]["to"] == told["end"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "worker_id"),
        ({"worker_id": ["a"] * 101}, "worker_id"),
        ({"worker_id": "a", "window": 0}, "window"),
        ({"worker_id": "a", "window": 32 * 86_400}, "window"),
    ],
)
def test_a_history_that_is_too_long_or_of_nobody_is_refused(grid, query, field):
    assert offence(grid.get("/api/workers/history", **query))[0] == field


def test_the_hours_of_all_workers_are_told_together(grid):
    week = data(grid.get("/api/workers/weeks"))
    assert set(week) == {"workers", "hours"}
    assert [set(hour) for hour in week["hours"]] == [{"hour", "idle", "seen_seconds"}] * 168


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("DELETE", "workers/weeks", "GET"), ("PUT", "workers/history", "GET"), ("GET", "runs/explain", "POST")],
)
def test_no_worker_and_no_run_is_called_as_an_endpoint_is(grid, method, path, allowed):
    for version in ("", "/v1"):
        answer = grid.ask(method, f"/api{version}/{path}")
        assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize(("query", "field"), [({"state": "asleep"}, "state"), ({"search": "a\0"}, "search")])
def test_a_filter_that_means_nothing_is_refused(grid, query, field):
    assert offence(grid.get("/api/workers", **query))[0] == field
