"""`POST /tasks/{taskName}/execute/manual|api`."""

import pytest

from .conftest import detail

UNKNOWN = "no-such-task"


@pytest.mark.parametrize("how", ["manual", "api"])
def test_executing_makes_a_run_with_its_trigger_and_parameters(grid, executions, how):
    task = executions.tasks.make(parameters={"a": 1, "b": 1}, timeout_seconds=30)
    made = executions.execute(task, how, {"params": {"b": 2}, "unknown": True})
    assert made == {**made, "taskName": task["name"], "status": "running"}
    assert set(made) == {"executionId", "taskName", "status", "startedAt"}
    run = grid.run(executions.run(made)["id"])
    assert (run["trigger"], run["parameters"], run["created_at"]) == (how, {"a": 1, "b": 2}, made["startedAt"])


@pytest.mark.parametrize("body", [None, {}, {"params": {}}])
def test_there_may_be_no_parameters_and_no_body(executions, task, body):
    made = executions.execute(task, body=body)
    assert executions.status(made)["status"] == "running"


def test_the_same_idempotency_key_executes_once(grid, executions, task):
    made = [executions.execute(task, how, headers={"Idempotency-Key": "k"}) for how in ("api", "api")]
    assert made[0] == made[1]
    for path, body in (
        (f"/tasks/{task['name']}/execute/manual", {}),
        (f"/tasks/{task['name']}/execute/api", {"params": {"a": 1}}),
    ):
        assert "Idempotency-Key" in detail(grid.post(path, body, headers={"Idempotency-Key": "k"}), 400)
    assert "200 characters" in detail(grid.post(path, {}, headers={"Idempotency-Key": "k" * 201}), 400)


@pytest.mark.parametrize(
    "body",
    [
        [],
        "x",
        1,
        {"params": []},
        {"params": None},
        {"params": "x"},
        {"params": {"a": "\0"}},
    ],
)
@pytest.mark.parametrize("how", ["manual", "api"])
def test_params_that_are_no_object_that_can_be_kept_are_a_400(grid, task, how, body):
    detail(grid.post(f"/tasks/{task['name']}/execute/{how}", body), 400)


@pytest.mark.parametrize("body", [b"{", b'{"params": {"a": NaN}}', b"\xff", b'{"params": {"a": "\\ud800"}}'])
def test_a_body_that_is_no_json_is_a_400(grid, task, body):
    headers = {"Content-Type": "application/json"}
    detail(grid.ask("POST", f"/tasks/{task['name']}/execute/api", data=body, headers=headers), 400)
    answer = grid.ask("POST", f"/tasks/{task['name']}/execute/api", data=b"a=b", headers={"Content-Type": "text/plain"})
    assert "Content-Type: application/json" in detail(answer, 400)


def test_parameters_that_are_too_large_are_refused(grid, task):
    path = f"/tasks/{task['name']}/execute/api"
    assert "bytes as JSON" in detail(grid.post(path, {"params": {"a": "x" * (256 << 10)}}), 400)
    assert "too large" in detail(grid.post(path, {"params": {"a": "x" * (1 << 20)}}), 413)


def test_an_unknown_task_is_a_404(grid):
    for name in (UNKNOWN, "12", "executions"):
        assert detail(grid.post(f"/tasks/{name}/execute/manual", {}), 404) == f"Task {name} not found"
    detail(grid.post("/tasks/a%00b/execute/manual", {}), 400)
    detail(grid.post(f"/tasks/{UNKNOWN}/execute/otherwise", {}), 404)


def test_a_paused_task_is_a_400(grid, executions, task):
    executions.tasks.post(task, "pause")
    assert "is paused" in detail(grid.post(f"/tasks/{task['name']}/execute/manual", {}), 400)


@pytest.mark.parametrize("path", ["execute/manual", "execute/api"])
def test_another_method_is_a_405(grid, task, path):
    answer = grid.get(f"/tasks/{task['name']}/{path}")
    detail(answer, 405)
    assert answer.headers["Allow"] == "POST"
