"""`GET /status/{id}` in every state, its `wait`, and `GET /results`."""

import json
import threading
import time

import pytest

USUAL = {"task_id", "status", "result", "created_at", "completed_at"}


@pytest.fixture
def machine(grid):
    return grid.machine()


def test_a_pending_run_says_what_it_waits_for(grid):
    run = grid.submit()
    status = grid.status(run)
    assert set(status) == USUAL | {"waiting_for"}
    assert (status["status"], status["result"], status["completed_at"]) == ("pending", None, None)
    assert status["waiting_for"].startswith("No node has joined")


def test_a_pending_run_that_is_about_to_start_waits_for_nothing(grid, machine):
    assert grid.status(grid.submit())["waiting_for"] is None


def test_a_pending_run_says_that_the_owners_are_there(grid):
    grid.machine(status="busy", reason="input")
    assert "busy (input)" in grid.status(grid.submit())["waiting_for"]


def test_a_running_run_has_no_more_than_the_document_says(grid, machine):
    run = grid.submit()
    machine.lease()
    status = grid.status(run)
    assert set(status) == USUAL
    assert (status["status"], status["result"], status["completed_at"]) == ("running", None, None)


def test_a_completed_run_has_its_result(grid, machine):
    run = grid.submit()
    machine.report(machine.lease(), result="Hello World")
    status = grid.status(run)
    assert set(status) == USUAL
    assert (status["status"], status["result"]) == ("completed", "Hello World")
    assert status["created_at"] <= status["completed_at"]


FAILURES = {
    "a traceback": ("failed", "user_error", "Traceback …\nValueError: no", 1),
    "a timeout": ("timed_out", "timeout", "timeout: it ran for more than 300 s", None),
    "memory": ("failed", "memory_limit", "memory_limit: it used more than 512 MB", 137),
    "output": ("failed", "output_limit", "output_limit: it printed more than 64 MB", None),
}


@pytest.mark.parametrize("what", FAILURES)
def test_a_failed_run_has_its_error_and_exit_code(grid, machine, what):
    outcome, reason, error, exit_code = FAILURES[what]
    run = grid.submit()
    machine.report(machine.lease(), outcome, reason=reason, error=error, exit_code=exit_code, result="before it failed")
    status = grid.status(run)
    assert set(status) == USUAL | {"error", "exit_code", "reason"}
    assert (status["status"], status["error"], status["exit_code"]) == ("failed", error, exit_code)
    assert status["result"] == "before it failed"


def test_a_failure_without_words_is_told_by_its_reason(grid, machine):
    run = grid.submit()
    machine.report(machine.lease(), "failed", reason="sandbox_failed")
    assert grid.status(run)["error"] == "sandbox_failed"


def test_a_cancelled_run_is_failed(grid):
    run = grid.submit()
    grid.post(f"/api/runs/{run}/abort")
    status = grid.status(run)
    assert (status["status"], status["error"], status["exit_code"]) == ("failed", "cancelled", None)


@pytest.mark.parametrize("run", ["0", "-1", "9223372036854775808", "99999999999999999999999"])
def test_a_number_that_no_run_has_is_not_found(grid, run):
    answer = grid.get(f"/status/{run}")
    assert (answer.status_code, answer.json()) == (404, {"detail": f"Task {run} not found"})


def test_wait_answers_when_the_run_ends(grid, machine):
    run = grid.submit()
    attempt = machine.lease()
    answers: list[dict] = []
    waiter = threading.Thread(target=lambda: answers.append(grid.status(run, wait=25)))
    waiter.start()
    machine.report(attempt, result="at last")
    waiter.join(20)
    assert [answer["result"] for answer in answers] == ["at last"]


def test_wait_answers_what_there_is_when_it_is_over(grid):
    assert grid.status(grid.submit(), wait=0.05)["status"] == "pending"


def test_wait_on_an_ended_run_answers_at_once(grid):
    run = grid.submit()
    grid.post(f"/api/runs/{run}/abort")
    began = time.monotonic()
    assert grid.status(run, wait=60)["status"] == "failed"
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "soon"])
def test_wait_is_a_number_of_seconds_up_to_sixty(grid, wait):
    answer = grid.get(f"/status/{grid.submit()}", wait=wait)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("wait: ")


@pytest.fixture
def completed(grid, machine):
    """Ids of five runs that completed in the order 2, 1, 3, 4, 5, and one that failed."""
    runs = grid.post("/submit_many", {"tasks": [{"code": f"print({n})"} for n in range(6)]}).json()["task_ids"]
    attempts = machine.poll(slots=6)["attempts"]
    for number in (1, 0, 2, 3, 4):
        machine.report(attempts[number], result=f"result {number}")
    machine.report(attempts[5], "failed", result="never shown")
    return runs[:5]


def test_results_are_the_completed_runs_newest_last(grid, completed):
    body = grid.get("/results", after_id=completed[0] - 1).json()
    assert set(body) == {"count", "results", "server_id"}
    assert body["count"] == 5
    assert body["server_id"] == grid.get("/").json()["server_id"]
    assert [entry["task_id"] for entry in body["results"]] == completed
    assert [entry["result"] for entry in body["results"]] == [f"result {n}" for n in range(5)]
    assert {tuple(entry) for entry in body["results"]} == {("task_id", "result", "completed_at")}


def test_a_limit_shows_the_newest(grid, completed):
    body = grid.get("/results", limit=2).json()
    assert [entry["task_id"] for entry in body["results"]] == completed[-2:]


def test_after_id_pages_forward(grid, completed):
    page = grid.get("/results", limit=2, after_id=completed[0]).json()
    assert [entry["task_id"] for entry in page["results"]] == completed[1:3]
    page = grid.get("/results", limit=20, after_id=completed[2]).json()
    assert [entry["task_id"] for entry in page["results"]] == completed[3:]
    assert grid.get("/results", after_id=completed[-1]).json()["results"] == []


def test_results_are_streamed_and_not_sized_beforehand(grid, completed):
    answer = grid.get("/results")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in answer.headers


def test_a_hundred_results_come_whole(grid):
    machine = grid.machine(resources={"cpu_cores": 120, "memory_mb": 120 * 512})
    first = grid.post("/submit_many", {"tasks": [{"code": "print(1)"}] * 120}).json()["task_ids"][0]
    attempts = machine.poll(slots=120)["attempts"]
    for start in range(0, 120, 50):
        machine.report_many(*[machine.said(attempt, result='"é\n') for attempt in attempts[start : start + 50]])
    body = json.loads(grid.get("/results", after_id=first - 1).content)
    assert body["count"] == len(body["results"]) == 120
    assert {entry["result"] for entry in body["results"]} == {'"é\n'}


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": "all"}, {"after_id": -1}, {"after_id": 2**63}, {"limit": -3}]
)
def test_a_page_that_cannot_be_is_refused(grid, query):
    answer = grid.get("/results", **query)
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)
