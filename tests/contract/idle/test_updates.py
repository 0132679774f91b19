"""`WS /ws/updates`: the documented events, as they happen."""

import json

import pytest

TASK_EVENTS = {"task_created", "task_started", "task_updated", "task_completed", "task_failed"}


class Heard:
    """What a listener is told, one message at a time."""

    def __init__(self, socket) -> None:
        self._socket = socket

    def next(self) -> tuple[str, dict]:
        message = json.loads(self._socket.recv(timeout=20))
        assert set(message) == {"event", "data"}
        names = {"task_id", "status", "node_id"} if message["event"] in TASK_EVENTS else {"node_id", "status"}
        assert set(message["data"]) == names
        return message["event"], message["data"]


@pytest.fixture
def heard(grid) -> Heard:
    return Heard(grid.listen())


def test_a_run_that_completes(grid, heard):
    machine = grid.machine()
    assert heard.next() == ("node_joined", {"node_id": machine.id, "status": "idle"})
    run = grid.submit()
    assert heard.next() == ("task_created", {"task_id": run, "status": "pending", "node_id": None})
    attempt = machine.lease()
    assert heard.next() == ("task_started", {"task_id": run, "status": "running", "node_id": machine.id})
    machine.beat(machine.holding(attempt, "frozen"))
    assert heard.next() == ("task_updated", {"task_id": run, "status": "running", "node_id": machine.id})
    machine.report(attempt)
    assert heard.next() == ("task_completed", {"task_id": run, "status": "completed", "node_id": machine.id})
    machine.beat(status="offline")
    assert heard.next() == ("node_left", {"node_id": machine.id, "status": "offline"})


@pytest.mark.parametrize("outcome", ["failed", "timed_out"])
def test_a_run_that_fails(grid, heard, outcome):
    machine = grid.machine()
    run = grid.submit()
    machine.report(machine.lease(), outcome)
    assert [heard.next()[0] for _ in range(3)] == ["node_joined", "task_created", "task_started"]
    assert heard.next() == ("task_failed", {"task_id": run, "status": "failed", "node_id": machine.id})


def test_a_run_that_is_sent_away_is_pending_again(grid, heard):
    machine = grid.machine()
    run = grid.submit()
    machine.report(machine.lease(), "evicted", reason="input")
    assert [heard.next()[0] for _ in range(3)] == ["node_joined", "task_created", "task_started"]
    event, data = heard.next()
    assert (event, data["task_id"], data["status"]) == ("task_updated", run, "pending")


def test_a_cancelled_run_is_told_as_failed(grid, heard):
    run = grid.submit()
    grid.post(f"/api/runs/{run}/abort")
    assert heard.next()[0] == "task_created"
    assert heard.next() == ("task_failed", {"task_id": run, "status": "failed", "node_id": None})


def test_legacy_workers_are_told_about_too(grid, heard):
    run = grid.submit()
    grid.get("/get_task")
    grid.post("/submit_result", {"task_id": run, "result": "1"})
    assert [heard.next()[0] for _ in range(3)] == ["task_created", "task_started", "task_completed"]


def test_a_heartbeat_that_says_nothing_new_is_not_told(grid, heard):
    machine = grid.machine()
    machine.beat()
    machine.beat()
    run = grid.submit()
    assert [heard.next()[0] for _ in range(2)] == ["node_joined", "task_created"]
    assert grid.status(run)["status"] == "pending"


def test_every_listener_hears_everything(grid):
    listeners = [Heard(grid.listen()) for _ in range(3)]
    run = grid.submit()
    assert {listener.next()[1]["task_id"] for listener in listeners} == {run}


def test_what_a_listener_says_is_ignored(grid):
    socket = grid.listen()
    socket.send("hello")
    socket.send(b"\x00\xff")
    grid.submit()
    assert json.loads(socket.recv(timeout=20))["event"] == "task_created"
