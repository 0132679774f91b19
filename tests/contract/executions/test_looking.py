"""`GET /tasks/running/execution/{executionId}` and `GET /tasks/running/{taskName}`."""

import pytest

from .conftest import detail

FIELDS = {"executionId", "taskName", "status", "startedAt", "completedAt", "error", "logs"}
START = "开始执行任务 (超时限制: 30000ms)"
OUTCOMES = {
    "completed": ("completed", None),
    "failed": ("failed", "boom"),
    "timed_out": ("failed", "boom"),
}


@pytest.fixture
def short(executions):
    """A task that may take half a minute, and is not tried again."""
    return executions.tasks.make(timeout_seconds=30, retry_count=0)


def test_an_execution_is_running_from_its_creation_on(grid, executions, short):
    made = executions.execute(short)
    waiting = executions.status(made)
    assert set(waiting) == {*FIELDS, "logsAfter", "logsMore"}
    assert waiting == {**waiting, **made, "completedAt": None, "error": None, "logs": [], "logsMore": False}
    attempt = grid.machine().lease()
    running = executions.status(made)
    assert running == {**running, "status": "running", "completedAt": None}
    assert running["startedAt"] > made["startedAt"]
    assert running["logs"] == [{"timestamp": running["startedAt"], "level": "info", "message": START}]
    assert attempt["run"] == made["executionId"]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_execution_that_has_ended_says_how(grid, executions, short, outcome):
    made, machine = executions.execute(short), grid.machine()
    status, error = OUTCOMES[outcome]
    machine.report(machine.lease(), outcome, error="boom" if error else None)
    ended = executions.status(made)
    assert (ended["status"], ended["error"]) == (status, error)
    assert ended["completedAt"] >= ended["startedAt"]


def test_a_cancelled_execution_has_no_error(executions, short):
    made = executions.execute(short)
    executions.cancel("by-ids", {"executionIds": [made["executionId"]]})
    ended = executions.status(made)
    assert (ended["status"], ended["error"]) == ("cancelled", None)
    (entry,) = ended["logs"]
    assert (entry["level"], entry["data"]["event"]) == ("warn", "cancel")


def test_a_run_that_was_submitted_by_itself_is_an_execution_without_a_task(grid, executions):
    run = grid.run(grid.submit())
    shown = executions.status({"executionId": run["uuid"]})
    assert (shown["taskName"], shown["status"]) == (None, "running")


@pytest.mark.parametrize("name", ["00000000-0000-0000-0000-000000000000", "17", "id1"])
def test_an_unknown_execution_is_a_404(grid, name):
    assert detail(grid.get(f"/tasks/running/execution/{name}"), 404) == f"Execution {name} not found"


@pytest.mark.parametrize(
    "after", ["x", "1", "1.2.3", "1.2.3.4.5", "-1.0.0.0", "1.0.0.9999999999999999999", "٣.0.0.0", "0.0.0.0\n"]
)
def test_a_malformed_cursor_is_a_400(grid, executions, short, after):
    made = executions.execute(short)
    path = f"/tasks/running/execution/{made['executionId']}"
    assert detail(grid.get(path, after=after), 400).startswith("after: ")


def test_the_executions_of_a_task_are_its_unfinished_and_latest_finished_ones_newest_first(grid, executions, short):
    made, machine = [executions.execute(short) for _ in range(4)], grid.machine()
    for _ in range(2):
        machine.report(machine.lease())
    found = executions.of(short)
    assert all(set(item) == FIELDS for item in found)
    assert [item["executionId"] for item in found] == [one["executionId"] for one in reversed(made)]
    assert [item["status"] for item in found] == ["running", "running", "completed", "completed"]
    assert [[entry["message"] for entry in item["logs"]] for item in found] == [[], [], [START], [START]]
    assert [item["executionId"] for item in executions.of(short, limit=3)] == [
        one["executionId"] for one in (made[3], made[2], made[1])
    ]


def test_a_task_without_executions_has_none(executions, short):
    assert executions.of(short) == []


def test_an_unknown_task_is_a_404(grid):
    assert detail(grid.get("/tasks/running/no-such-task"), 404) == "Task no-such-task not found"


@pytest.mark.parametrize("limit", [0, -1, 1001, "x", ""])
def test_a_limit_that_is_no_number_in_range_is_a_400(grid, short, limit):
    assert detail(grid.get(f"/tasks/running/{short['name']}", limit=limit), 400).startswith("limit: ")
