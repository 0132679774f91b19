"""`GET /get_task` and `POST /submit_result`: workers that know the idle API's document and nothing else."""

import time

import pytest

DOCUMENTED = {"task_id", "code", "status", "created_at", "message"}


def take(grid):
    """Fetch the one task there is."""
    task = grid.get("/get_task").json()
    assert task["status"] == "assigned"
    return task


def send(grid, run, result="1", **words):
    return grid.post("/submit_result", {"task_id": run, "result": result, **words})


def test_without_a_task_the_answer_says_so(grid):
    answer = grid.get("/get_task")
    assert answer.status_code == 200
    assert answer.json() == {
        "task_id": None,
        "code": None,
        "status": "no_tasks",
        "message": "No pending tasks available",
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_task_is_assigned_with_its_lease(grid):
    run = grid.submit("print('Hello World')", timeout=60)
    answer = grid.get("/get_task")
    task = answer.json()
    assert set(task) == DOCUMENTED | {"lease_id", "timeout", "expires_at"}
    assert (task["task_id"], task["code"], task["status"]) == (run, "print('Hello World')", "assigned")
    assert task["message"] == f"Task {run} assigned for execution"
    assert len(bytes.fromhex(task["lease_id"])) == 16
    assert task["timeout"] == 60
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_lease_lasts_for_the_timeout_and_thirty_seconds(grid):
    grid.submit(timeout=60)
    before = time.time()
    expires = take(grid)["expires_at"]
    assert before + 90 <= expires <= time.time() + 90


def test_a_task_is_handed_out_once_and_the_oldest_first(grid):
    runs = [grid.submit() for _ in range(3)]
    assert [take(grid)["task_id"] for _ in runs] == runs
    assert grid.get("/get_task").json()["status"] == "no_tasks"


def test_a_run_with_needs_of_its_own_is_not_for_legacy_workers(grid):
    grid.submit(resources={"cpu": 2})
    grid.submit(resources={"memory": 4096})
    grid.submit(requires=["gpu"])
    for level in (1, 2, 3, 4):
        grid.submit(min_sandbox=level)
    assert grid.get("/get_task").json()["status"] == "no_tasks"


def test_a_result_is_recorded_and_the_same_again_is_ok(grid):
    run = grid.submit()
    take(grid)
    wanted = {"status": "ok", "task_id": run, "message": f"Result for task {run} recorded"}
    for _ in range(2):
        answer = send(grid, run, "Hello World")
        assert (answer.status_code, answer.json()) == (200, wanted)
    assert grid.status(run)["result"] == "Hello World"


def refused(answer, run) -> bool:
    detail = answer.json()["detail"]
    return answer.status_code == 409 and isinstance(detail, str) and str(run) in detail


def test_a_second_different_result_is_a_conflict(grid):
    run = grid.submit()
    take(grid)
    send(grid, run, "first")
    answer = send(grid, run, "second")
    assert refused(answer, run)
    assert "different result" in answer.json()["detail"]
    assert grid.status(run)["result"] == "first"


def test_a_result_that_nobody_leased_is_a_conflict(grid):
    run = grid.submit()
    answer = send(grid, run)
    assert refused(answer, run)
    assert "not leased" in answer.json()["detail"]
    assert grid.status(run)["status"] == "pending"


def test_a_run_leased_by_a_node_takes_no_result_from_elsewhere(grid):
    run = grid.submit()
    machine = grid.machine()
    attempt = machine.lease()
    assert refused(send(grid, run), run)
    assert refused(send(grid, run, lease_id=attempt["lease_id"]), run)
    assert grid.status(run)["status"] == "running"


def test_an_unknown_task_is_not_found(grid):
    answer = send(grid, 987654321)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Task 987654321 not found"})


@pytest.mark.parametrize("run", [0, -1, 2**63, 2**70])
def test_an_id_that_no_run_can_have_is_not_found(grid, run):
    assert send(grid, run).status_code == 404


def test_an_error_makes_the_run_failed(grid):
    run = grid.submit("1 / 0")
    take(grid)
    assert send(grid, run, "", error="ZeroDivisionError: division by zero").status_code == 200
    status = grid.status(run)
    assert (status["status"], status["error"]) == ("failed", "ZeroDivisionError: division by zero")
    assert status["exit_code"] == 1


def test_the_right_lease_id_is_taken_and_a_wrong_one_is_a_conflict(grid):
    run = grid.submit()
    task = take(grid)
    assert refused(send(grid, run, lease_id="0" * 32), run)
    assert grid.status(run)["status"] == "running"
    assert send(grid, run, lease_id=task["lease_id"]).status_code == 200


def test_a_cancelled_run_takes_no_result(grid):
    run = grid.submit()
    take(grid)
    grid.post(f"/api/runs/{run}/abort")
    assert refused(send(grid, run), run)


def test_a_result_may_be_far_larger_than_a_submission(grid):
    run = grid.submit()
    take(grid)
    result = "é" * (2 << 20)
    assert send(grid, run, result).status_code == 200
    assert grid.status(run)["result"] == result


def test_a_nul_in_a_result_is_shown_as_its_symbol(grid):
    run = grid.submit()
    take(grid)
    assert send(grid, run, "a\0b").status_code == 200
    assert grid.status(run)["result"] == "a\u2400b"
