"""Runs of tasks: triggering, pausing, restarting, what a run shows of its task."""

import pytest

from ..envelope import data, error, moment, offence


def test_a_task_is_triggered_without_a_word(grid, tasks):
    task = tasks.make()
    made = tasks.trigger(task)
    run = made.pop("run_id")
    assert made == {
        "task_id": task["id"],
        "status": "pending",
        "worker_id": None,
        "started_at": None,
        "estimated_completion": None,
    }
    shown = grid.run(run)
    assert (shown["task_id"], shown["task_name"], shown["trigger"]) == (task["id"], task["name"], "manual")
    assert shown["waiting_for"].startswith("No node has joined")


@pytest.mark.parametrize("words", [{"data": b""}, {"json": {}}, {"json": None}, {"data": b"null"}])
def test_a_trigger_needs_no_body(tasks, words):
    task = tasks.make()
    headers = {"Content-Type": "application/json"}
    answer = tasks.grid.ask("POST", f"/api/tasks/{task['id']}/trigger", headers=headers, **words)
    assert data(answer)["task_id"] == task["id"]


def test_a_trigger_lays_its_words_over_the_tasks(grid, tasks):
    task = tasks.make(parameters={"a": 1, "b": {"c": 2}}, priority="low", timeout_seconds=50)
    run = tasks.trigger(task, {"parameters": {"b": 3, "d": None}, "priority": "high", "timeout_seconds": 0.5})["run_id"]
    shown = grid.run(run)
    assert shown["parameters"] == {"a": 1, "b": 3, "d": None}
    assert (shown["priority"], shown["timeout_seconds"]) == ("high", 0.5)
    shown = grid.run(tasks.trigger(task)["run_id"])
    assert (shown["parameters"], shown["priority"]) == ({"a": 1, "b": {"c": 2}}, "low")


def test_a_run_shows_what_it_executes(grid, tasks):
    task = tasks.make(code=None, task_type="shell", command="echo", arguments=["a", "é"])
    shown = grid.run(tasks.trigger(task)["run_id"])
    assert (shown["code"], shown["command"], shown["arguments"]) == ("", "echo", ["a", "é"])
    inline = grid.run(tasks.trigger(tasks.make(code="print(7)", arguments=["x"]))["run_id"])
    assert (inline["code"], inline["command"], inline["arguments"]) == ("print(7)", "python", ["x"])


def test_an_idempotency_key_makes_one_run_of_one_task(tasks):
    one, two = tasks.make(), tasks.make()
    headers = {"Idempotency-Key": one["name"]}
    first = tasks.trigger(one, headers=headers)["run_id"]
    assert tasks.trigger(one, headers=headers)["run_id"] == first
    assert tasks.trigger(one)["run_id"] != first
    assert tasks.post(one, "trigger", {"priority": "high"}, headers=headers).status_code == 422
    assert tasks.post(two, "trigger", headers=headers).status_code == 422


def test_when_a_run_will_have_ended_is_told_from_experience(tasks, ran):
    task = tasks.make()
    ran(task)
    assert moment(tasks.trigger(task)["estimated_completion"]).tzinfo is not None


def test_a_paused_task_neither_fires_nor_is_triggered(tasks):
    task = tasks.make(interval_seconds=3600)
    paused = data(tasks.post(task, "pause"))
    assert set(paused) == {"id", "status", "updated_at"}
    assert (paused["id"], paused["status"]) == (task["id"], "paused")
    shown = tasks.detail(task)
    assert (shown["next_run_at"], shown["next_firings"]) == (None, [])
    assert "resume" in error(tasks.post(task, "trigger"), 409, "RESOURCE_CONFLICT")
    assert data(tasks.post(task, "pause"))["status"] == "paused"
    assert data(tasks.post(task, "resume"))["status"] == "active"
    assert tasks.detail(task)["next_run_at"] is not None
    assert data(tasks.post(task, "resume"))["status"] == "active"


def test_a_type_that_no_node_offers_is_taken_and_its_run_says_so(grid, tasks):
    grid.machine()
    run = tasks.trigger(tasks.make(task_type="fortran", code=None))["run_id"]
    assert grid.run(run)["waiting_for"] == "No node runs tasks of the type fortran."


def test_a_run_without_its_file_fails_at_once_and_names_it(grid, tasks, eventually):
    run = tasks.trigger(tasks.make(code=None, command="process_data.py"))["run_id"]
    eventually(lambda: grid.run(run)["status"] == "failed", "the run has failed")
    shown = grid.run(run)
    assert (shown["error_message"], shown["reason"]) == ("no such file: process_data.py", "no_such_file")


def test_a_run_names_what_it_waits_for(grid, tasks):
    parents = [tasks.make(), tasks.make()]
    run = tasks.trigger(tasks.make(dependencies=[parent["id"] for parent in parents]))["run_id"]
    shown = grid.run(run)
    assert (shown["status"], shown["reason"]) == ("pending", "dependency")
    assert (
        shown["waiting_for"]
        == f"It waits for the tasks that it depends on: {parents[0]['name']}, {parents[1]['name']}."
    )
    (item,) = data(grid.get("/api/runs", task_id=shown["task_id"]))["items"]
    assert item["waiting_for"] == "It waits for the tasks that it depends on."


def test_a_run_that_is_tried_again_says_when(grid, tasks):
    machine = grid.machine()
    run = tasks.trigger(tasks.make(retry_count=2))["run_id"]
    machine.report(machine.lease(), "failed")
    shown = grid.run(run)
    if shown["reason"]:  # else its second is over already, on a slow machine
        assert shown["waiting_for"].startswith("It is tried again at ")
        assert shown["waiting_for"].endswith(" after a failure (1 of 2).")
    assert shown["retry_count"] == 1


def test_a_parents_failure_is_named_in_the_child(grid, tasks, ran, eventually):
    parent = tasks.make(retry_count=0)
    child = tasks.make(dependencies=[parent["id"]])
    failed, run = ran(parent, "failed"), tasks.trigger(child)["run_id"]
    eventually(lambda: grid.run(run)["status"] == "failed", "the child has failed")
    shown = grid.run(run)
    assert shown["reason"] == "dependency_failed"
    assert parent["name"] in shown["error_message"]
    assert str(failed) in shown["error_message"]


def test_a_run_is_restarted_as_it_was(grid, tasks, ran):
    task = tasks.make(code="print(8)", priority="high", timeout_seconds=7)
    run = ran(task)
    answer = data(grid.post(f"/api/runs/{run}/restart"))
    assert set(answer) == {"original_run_id", "new_run_id", "status", "started_at"}
    assert (answer["original_run_id"], answer["status"]) == (run, "pending")
    assert moment(answer["started_at"]).tzinfo is not None
    shown = grid.run(answer["new_run_id"])
    assert (shown["trigger"], shown["task_id"], shown["code"]) == ("restart", task["id"], "print(8)")
    assert (shown["priority"], shown["timeout_seconds"]) == ("high", 7)


def test_a_run_that_was_submitted_by_itself_is_restarted_too(grid):
    run = grid.submit("print(9)")
    grid.post(f"/api/runs/{run}/abort")
    shown = grid.run(data(grid.post(f"/api/runs/{run}/restart"))["new_run_id"])
    assert (shown["task_id"], shown["code"], shown["trigger"]) == (None, "print(9)", "restart")


def test_an_idempotency_key_restarts_once(grid):
    runs = [grid.submit(), grid.submit()]
    for run in runs:
        grid.post(f"/api/runs/{run}/abort")
    headers = {"Idempotency-Key": f"again {runs[0]}"}
    made = [data(grid.post(f"/api/runs/{runs[0]}/restart", headers=headers))["new_run_id"] for _ in range(2)]
    assert made[0] == made[1]
    assert grid.post(f"/api/runs/{runs[1]}/restart", headers=headers).status_code == 422


def test_what_has_not_ended_is_not_restarted(grid):
    run = grid.submit()
    assert str(run) in error(grid.post(f"/api/runs/{run}/restart"), 409, "RESOURCE_CONFLICT")


@pytest.mark.parametrize("verb", ["restart", "abort"])
@pytest.mark.parametrize("run", [0, 999999999, 2**63, 2**70])
def test_an_unknown_run_is_neither_restarted_nor_aborted(grid, verb, run):
    error(grid.post(f"/api/runs/{run}/{verb}"), 404, "RESOURCE_NOT_FOUND")


def test_a_key_that_is_too_long_is_refused(tasks):
    answer = tasks.post(tasks.make(), "trigger", headers={"Idempotency-Key": "x" * 201})
    assert offence(answer) == ("Idempotency-Key", "max_length")
