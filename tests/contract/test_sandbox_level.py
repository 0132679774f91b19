"""`min_sandbox`: who gets a run that states a level, and what its submitter is told."""

import pytest

REMEDY = "sudo systemd-run idlegrid node"


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_a_stated_level_is_kept_to(grid, level):
    run = grid.submit(min_sandbox=level)
    assert grid.run(run)["min_sandbox"] == level
    assert grid.machine(sandbox={"level": level - 1}).poll()["attempts"] == []
    assert grid.machine(sandbox={"level": level}).lease()["task_id"] == run


def test_without_one_level_three_is_asked_for(grid):
    run = grid.submit(min_sandbox=None)
    assert grid.run(run)["min_sandbox"] == 3
    assert grid.machine(sandbox={"level": 2}).poll()["attempts"] == []
    assert grid.get("/get_task").json()["task_id"] == run


def test_a_run_that_states_a_level_is_never_for_legacy_workers(grid):
    run = grid.submit(min_sandbox=3)
    assert grid.get("/get_task").json()["status"] == "no_tasks"
    assert grid.status(run)["status"] == "pending"
    assert grid.machine().lease()["task_id"] == run


def test_many_may_each_state_their_own(grid):
    tasks = [{"code": "print(1)", "min_sandbox": level} for level in (4, 2)] + [{"code": "print(1)"}]
    ids = grid.post("/submit_many", {"tasks": tasks}).json()["task_ids"]
    assert [grid.run(run)["min_sandbox"] for run in ids] == [4, 2, 3]
    assert [attempt["task_id"] for attempt in grid.machine().poll(slots=3)["attempts"]] == ids[1:]


def test_a_wrong_level_in_one_of_many_is_named(grid):
    answer = grid.post("/submit_many", {"tasks": [{"code": "1"}, {"code": "1", "min_sandbox": 9}]})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("tasks.1.min_sandbox")


def test_a_submitter_is_told_which_level_is_missing_and_what_raises_it(grid):
    grid.machine(sandbox={"level": 2})
    grid.machine(sandbox={"level": 3, "remedy": REMEDY})
    waiting_for = grid.status(grid.submit(min_sandbox=4))["waiting_for"]
    words = "No node has a sandbox of level 4; the best has level 3."
    assert waiting_for == f"{words} To raise it there: {REMEDY}"


def test_the_level_is_the_nodes_while_it_runs_and_then_the_reports(grid):
    machine = grid.machine(sandbox={"level": 4})
    run = grid.submit()
    assert grid.run(run)["sandbox"] is None
    attempt = machine.lease()
    shown = grid.run(run)
    assert (shown["sandbox"], shown["attempt_list"][0]["sandbox"]) == (4, 4)
    machine.report(attempt, "returned", sandbox=0)
    machine.report(machine.lease(), sandbox=3)
    shown = grid.run(run)
    assert (shown["sandbox"], [a["sandbox"] for a in shown["attempt_list"]]) == (3, [0, 3])


def test_nobody_knows_what_a_legacy_worker_runs_under(grid):
    run = grid.submit()
    grid.get("/get_task")
    grid.post("/submit_result", {"task_id": run, "result": "1"})
    assert grid.run(run)["sandbox"] is None


@pytest.mark.parametrize("level", [-1, 5, "high"])
def test_a_level_that_does_not_exist_is_refused_in_a_report(grid, level):
    machine = grid.machine()
    run = grid.submit()
    assert machine.report(machine.lease(), sandbox=level).status_code == 422
    assert grid.status(run)["status"] == "running"


CRASH = {"reason": "sandbox_failed", "error": "bwrap could not be started", "sandbox": 0}


def test_a_crash_sends_the_run_elsewhere_and_spends_no_retry(grid):
    first, second = grid.machine(), grid.machine()
    run = grid.submit()
    assert first.report(first.lease(), "crashed", **CRASH).status_code == 200
    assert grid.status(run)["status"] == "pending"
    second.report(second.lease())
    shown = grid.run(run)
    assert (shown["status"], shown["retry_count"], shown["attempts"]) == ("completed", 0, 2)
    crashed = shown["attempt_list"][0]
    assert (crashed["outcome"], crashed["reason"], crashed["sandbox"]) == ("crashed", "sandbox_failed", 0)


@pytest.mark.parametrize("reason", ["sandbox_failed", "host_memory_floor"])
def test_the_fifth_crash_is_final_and_keeps_its_reason(grid, reason):
    machine = grid.machine()
    run = grid.submit()
    for _ in range(5):
        assert grid.status(run)["status"] == "pending"
        machine.report(machine.lease(), "crashed", **{**CRASH, "reason": reason})
    status = grid.status(run)
    assert (status["status"], status["reason"], status["error"]) == ("failed", reason, CRASH["error"])
    assert machine.poll()["attempts"] == []


@pytest.mark.parametrize("reason", ["cpu_limit", "memory_limit", "process_limit", "output_limit", "disk_limit"])
def test_a_limit_that_was_reached_is_the_reason_of_the_failure(grid, reason):
    machine = grid.machine()
    run = grid.submit()
    machine.report(machine.lease(), "failed", reason=reason, error="a sentence")
    status = grid.status(run)
    assert (status["status"], status["reason"], status["error"]) == ("failed", reason, "a sentence")
    assert grid.run(run)["reason"] == reason
