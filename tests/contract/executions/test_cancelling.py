"""`/tasks/executions/cancel/…`, by DELETE and by POST."""

import pytest

from .conftest import detail

MANY = 1_000
METHODS = ["DELETE", "POST"]
UNKNOWN = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize("method", METHODS)
def test_executions_are_cancelled_by_their_ids(grid, executions, task, method):
    done, first, second = (executions.execute(task)["executionId"] for _ in range(3))
    machine = grid.machine()
    machine.report(machine.lease())
    asked = {"executionIds": [second, UNKNOWN, first, done, second], "unknown": 1}
    answer = executions.cancel("by-ids", asked, method)
    assert answer.json() == {"cancelled": [second, first], "notFound": [UNKNOWN, done]}
    assert [item["status"] for item in executions.of(task)] == ["cancelled", "cancelled", "completed"]
    assert executions.cancel("by-ids", asked, method).json()["cancelled"] == []


@pytest.mark.parametrize("method", METHODS)
def test_executions_are_cancelled_by_their_tasks_names(grid, executions, method):
    tasks = [executions.tasks.make() for _ in range(3)]
    made = [executions.execute(task)["executionId"] for task in (*tasks, tasks[0])]
    names = [tasks[0]["name"], "no-such-task", tasks[1]["name"], "no-such-task"]
    answer = executions.cancel("by-task-names", {"taskNames": names}, method).json()
    assert answer["taskNotFound"] == ["no-such-task"]
    assert sorted(answer["cancelled"]) == sorted([made[0], made[1], made[3]])
    assert [item["status"] for task in tasks for item in executions.of(task)] == ["cancelled"] * 3 + ["running"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("body", [None, {"ignored": True}])
def test_all_executions_are_cancelled_those_without_a_task_too(grid, executions, task, method, body):
    run = grid.submit()
    for _ in range(2):
        executions.execute(task)
    assert executions.cancel("all", body, method).json() == {"count": 3}
    assert grid.run(run)["status"] == "aborted"
    assert executions.cancel("all", body, method).json() == {"count": 0}


def test_a_running_execution_is_stopped_on_its_node(grid, executions, task):
    made, machine = executions.execute(task), grid.machine()
    attempt = machine.lease()
    executions.cancel("by-ids", {"executionIds": [made["executionId"]]})
    (order,) = machine.beat(machine.holding(attempt))["orders"]
    assert (order["kind"], order["run"], order["reason"]) == ("stop", made["executionId"], "cancelled")


def test_nothing_asked_is_nothing_done(executions):
    assert executions.cancel("by-ids", {"executionIds": []}).json() == {"cancelled": [], "notFound": []}
    assert executions.cancel("by-task-names", {"taskNames": []}).json() == {"cancelled": [], "taskNotFound": []}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("which", "field", "most"), [("by-ids", "executionIds", 10_000), ("by-task-names", "taskNames", 1_000)]
)
def test_a_bad_body_is_a_400(grid, executions, method, which, field, most):
    bad = [
        None,
        {},
        [],
        {field: "x"},
        {field: None},
        {field: [1]},
        {field: [None]},
        {field: ["\0"]},
        {field: ["x" * 201]},
    ]
    for body in (*bad, {field: ["x"] * (most + 1)}):
        assert detail(executions.cancel(which, body, method), 400)
    headers = {"Content-Type": "application/json"}
    assert detail(grid.ask(method, f"/tasks/executions/cancel/{which}", data=b"{", headers=headers), 400)
    assert executions.cancel(which, {field: ["x"] * most}, method).status_code == 200


def test_another_method_or_kind_is_refused(grid):
    answer = grid.get("/tasks/executions/cancel/all")
    detail(answer, 405)
    assert answer.headers["Allow"] == "DELETE, POST"
    detail(grid.post("/tasks/executions/cancel/some", {}), 404)


def test_a_thousand_executions_are_cancelled_in_one_call(grid, executions):
    grid.post("/submit_many", {"tasks": [{"code": "print(1)"}] * MANY})
    pages = [
        grid.get("/api/runs", status="pending", size=200, page=page).json()["data"]["items"] for page in range(1, 6)
    ]
    made = [item["uuid"] for items in pages for item in items]
    assert len(set(made)) == MANY
    assert executions.cancel("by-ids", {"executionIds": made}).json() == {"cancelled": made, "notFound": []}
    assert grid.get("/api/runs", status="pending").json()["data"]["total"] == 0
