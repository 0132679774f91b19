"""The task API's runs, their logs, nodes, the timeline, and the envelope around all of it."""

import pytest

from .envelope import data, error, moment, offence

RUN = {
    *("id", "uuid", "task_id", "task_name", "trigger", "worker_id", "worker_hostname", "status", "reason", "priority"),
    *("submitter", "started_at", "completed_at", "execution_time", "result", "error_message", "exit_code"),
    *("retry_count", "attempts", "waiting_for", "trace_id", "created_at"),
}
DETAIL = RUN | {
    *("code", "command", "arguments", "parameters", "timeout_seconds", "resources", "min_sandbox", "sandbox"),
    *("scheduled_for", "truncated", "usage", "files", "checkpoint", "attempt_list", "events", "logs"),
}
WORKER = {
    *("id", "hostname", "ip_address", "port", "task_types", "max_concurrent_tasks", "current_task_count", "status"),
    *("state", "reason", "since", "labels", "sandbox", "cpu_cores", "memory_mb", "cpu_usage", "memory_usage"),
    *("load_average", "version", "python", "profile", "metadata", "last_heartbeat", "registered_at"),
    *("ended_per_minute", "failed_per_minute", "suspect"),
}
PAGE = {"items", "total", "page", "size", "total_pages"}


@pytest.fixture
def machine(grid):
    return grid.machine(hostname="lab-07")


def test_a_page_of_runs_is_newest_first(grid, machine):
    runs = [grid.submit() for _ in range(3)]
    page = data(grid.get("/api/runs", page=1, size=2))
    assert set(page) == PAGE
    assert [item["id"] for item in page["items"]] == runs[:0:-1]
    assert set(page["items"][0]) == RUN
    assert (page["page"], page["size"]) == (1, 2)
    assert page["total_pages"] == -(-page["total"] // 2)
    assert data(grid.get("/api/runs", page=2, size=2))["items"][0]["id"] == runs[0]


def test_runs_may_be_listed_oldest_first(grid):
    grid.submit()
    grid.submit()
    ids = [item["id"] for item in data(grid.get("/api/runs", order="asc", size=200))["items"]]
    assert ids == sorted(ids)


def test_runs_are_filtered_by_status(grid, machine):
    running, pending = grid.submit(), grid.submit()
    machine.lease()
    aborted = grid.submit()
    grid.post(f"/api/runs/{aborted}/abort")
    for status, run in (("running", running), ("pending", pending), ("aborted", aborted)):
        items = data(grid.get("/api/runs", status=status, size=200))["items"]
        assert run in {item["id"] for item in items}
        assert {item["status"] for item in items} == {status}


def test_runs_are_filtered_by_worker(grid, machine):
    mine = grid.submit()
    machine.lease()
    grid.submit()
    page = data(grid.get("/api/runs", worker_id=machine.id))
    assert ([item["id"] for item in page["items"]], page["total"]) == ([mine], 1)
    assert page["items"][0]["worker_hostname"] == "lab-07"
    assert data(grid.get("/api/runs", worker_id="nobody"))["items"] == []


def test_a_list_cuts_long_texts_and_a_single_run_does_not(grid, machine):
    run = grid.submit()
    machine.report(machine.lease(), result="x" * 5000)
    assert data(grid.get("/api/runs", size=1))["items"][0]["result"] == "x" * 200
    assert grid.run(run)["result"] == "x" * 5000


def test_a_pending_run_whole(grid):
    run = grid.submit("print(1)", priority="low")
    shown = data(grid.get(f"/api/runs/{run}"))
    assert set(shown) == DETAIL
    assert (shown["id"], shown["status"], shown["priority"], shown["attempts"]) == (run, "pending", "low", 0)
    assert shown["waiting_for"].startswith("No node has joined")
    absent = ("task_id", "task_name", "worker_id", "started_at", "completed_at", "execution_time", "result", "sandbox")
    assert {name: shown[name] for name in absent} == dict.fromkeys(absent)
    assert (shown["attempt_list"], shown["logs"], shown["files"], shown["min_sandbox"]) == ([], [], 0, 3)
    assert [event["event"] for event in shown["events"]] == ["created"]
    assert set(shown["events"][0]) == {"timestamp", "event", "detail"}


def test_a_finished_run_whole(grid, machine):
    run = grid.submit()
    usage = {"cpu_seconds": 0.5, "wall_seconds": 1.5, "max_memory_mb": 9.0, "processes": 4}
    logs = [
        {"seq": 0, "time": 1640995200.0, "stream": "stdout", "text": "out\n"},
        {"seq": 1, "time": 1640995200.5, "stream": "stderr", "text": "err\n"},
    ]
    words = {"reason": "user_error", "error": "ValueError", "exit_code": 1, "truncated": True, "sandbox": 4}
    machine.report(machine.lease(), "failed", usage=usage, logs=logs, result="out", **words)
    shown = data(grid.get(f"/api/runs/{run}"))
    assert set(shown) == DETAIL
    assert (shown["status"], shown["reason"], shown["exit_code"]) == ("failed", "user_error", 1)
    assert (shown["error_message"], shown["result"], shown["truncated"]) == ("ValueError", "out", True)
    assert (shown["usage"], shown["execution_time"]) == (usage, 1.5)
    assert (shown["worker_id"], shown["worker_hostname"]) == (machine.id, "lab-07")
    assert moment(shown["created_at"]) <= moment(shown["started_at"]) <= moment(shown["completed_at"])
    assert [event["event"] for event in shown["events"]] == ["created", "lease", "fail"]
    assert [(log["level"], log["message"]) for log in shown["logs"]] == [("info", "out\n"), ("error", "err\n")]
    assert shown["logs"][0]["timestamp"] == "2022-01-01T00:00:00.000Z"
    (attempt,) = shown["attempt_list"]
    assert set(attempt) == {"number", "worker_id", "leased_at", "ended_at", "outcome", "reason", "sandbox"}
    assert shown["sandbox"] == attempt["sandbox"] == 4
    assert (attempt["number"], attempt["worker_id"], attempt["outcome"]) == (1, machine.id, "failed")


def test_a_timeout_is_a_failure_that_says_so(grid, machine):
    run = grid.submit()
    machine.report(machine.lease(), "timed_out", reason="timeout")
    shown = grid.run(run)
    assert (shown["status"], shown["reason"]) == ("failed", "timeout")


def test_a_log_is_read_piece_by_piece(grid, machine):
    run = grid.submit()
    attempt = machine.lease()
    pieces = [{"seq": n, "time": 1640995200.0, "stream": "stdout", "text": f"{n}\n"} for n in range(5)]
    machine.beat(machine.holding(attempt, logs=pieces[:3]))

    page = data(grid.get(f"/api/runs/{run}/logs", limit=2))
    assert set(page) == {"items", "last", "finished"}
    assert set(page["items"][0]) == {"id", "timestamp", "stream", "text"}
    assert ([item["text"] for item in page["items"]], page["finished"]) == (["0\n", "1\n"], False)

    page = data(grid.get(f"/api/runs/{run}/logs", after=page["last"]))
    assert ([item["text"] for item in page["items"]], page["finished"]) == (["2\n"], False)

    nothing = data(grid.get(f"/api/runs/{run}/logs", after=page["last"]))
    assert nothing == {"items": [], "last": page["last"], "finished": False}

    machine.report(attempt, logs=pieces[3:])
    page = data(grid.get(f"/api/runs/{run}/logs", after=page["last"]))
    assert ([item["text"] for item in page["items"]], page["finished"]) == (["3\n", "4\n"], True)


def test_the_newest_pieces_of_a_log_are_had_without_the_rest(grid, machine):
    run = grid.submit()
    attempt = machine.lease()
    pieces = [{"seq": n, "time": 1640995200.0, "stream": "stdout", "text": f"{n}\n"} for n in range(5)]
    machine.beat(machine.holding(attempt, logs=pieces))

    page = data(grid.get(f"/api/runs/{run}/logs", tail=2))
    assert ([item["text"] for item in page["items"]], page["finished"]) == (["3\n", "4\n"], False)
    assert page["last"] == page["items"][-1]["id"]

    machine.report(attempt)
    first = page["items"][0]["id"]
    page = data(grid.get(f"/api/runs/{run}/logs", tail=4, after=first))
    assert ([item["text"] for item in page["items"]], page["finished"]) == (["4\n"], True)
    assert offence(grid.get(f"/api/runs/{run}/logs", tail=0)) == ("tail", "min")


def test_logs_of_two_attempts_follow_each_other(grid, machine):
    run = grid.submit()
    for text, outcome in (("first\n", "evicted"), ("second\n", "completed")):
        piece = {"seq": 0, "time": 1640995200.0, "stream": "stdout", "text": text}
        machine.report(machine.lease(), outcome, logs=[piece])
    assert [item["text"] for item in data(grid.get(f"/api/runs/{run}/logs"))["items"]] == ["first\n", "second\n"]


def test_a_pending_run_is_aborted(grid):
    run = grid.submit()
    answer = data(grid.post(f"/api/runs/{run}/abort"))
    assert set(answer) == {"id", "status", "completed_at", "message"}
    assert (answer["id"], answer["status"]) == (run, "aborted")
    assert moment(answer["completed_at"]).tzinfo is not None
    assert grid.get("/get_task").json()["status"] == "no_tasks"
    shown = grid.run(run)
    assert (shown["status"], shown["reason"]) == ("aborted", "cancelled")


@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_a_finished_run_cannot_be_aborted(grid, machine, outcome):
    run = grid.submit()
    machine.report(machine.lease(), outcome)
    assert str(run) in error(grid.post(f"/api/runs/{run}/abort"), 409, "RESOURCE_CONFLICT")
    assert grid.run(run)["status"] == outcome


def test_an_aborted_run_cannot_be_aborted_again(grid):
    run = grid.submit()
    grid.post(f"/api/runs/{run}/abort")
    error(grid.post(f"/api/runs/{run}/abort"), 409, "RESOURCE_CONFLICT")


def test_a_worker_as_it_is(grid):
    facts = {"profile": "desktop", "version": "1.0.0", "python": "3.11", "labels": ["gpu"], "slots": 2}
    load = {"cpu_percent": 50.0, "memory_percent": 25.0}
    machine = grid.machine(current_load=load, resources={"cpu_cores": 4, "memory_mb": 8000}, **facts)
    grid.submit()
    machine.lease()
    worker = grid.worker(machine.id)
    assert set(worker) == WORKER
    assert (worker["status"], worker["state"], worker["current_task_count"]) == ("active", "idle", 1)
    assert (worker["cpu_usage"], worker["memory_usage"], worker["max_concurrent_tasks"]) == (50.0, 2000, 2)
    assert worker["ip_address"] == "127.0.0.1"
    assert moment(worker["registered_at"]) <= moment(worker["last_heartbeat"])


def test_a_workers_sandbox_is_shown_whole(grid):
    said = {
        "level": 3,
        "backend": "bubblewrap",
        "version": "0.11.0",
        "kernel": "6.1.0",
        "metering": "watcher",
        "reason": "the node was not started as root",
        "remedy": "sudo systemd-run …",
        "passed": 23,
        "checks": 24,
    }
    machine = grid.machine(sandbox={**said, "tested_at": 1640995200.1})
    assert grid.worker(machine.id)["sandbox"] == {**said, "tested_at": "2022-01-01T00:00:00.100Z"}


def test_what_a_worker_did_not_say_of_its_sandbox_is_empty(grid):
    shown = grid.worker(grid.machine(sandbox={"level": 3}).id)["sandbox"]
    texts = ("backend", "version", "kernel", "metering", "reason", "remedy")
    assert shown == {"level": 3, "tested_at": None, "passed": 0, "checks": 0, **dict.fromkeys(texts, "")}


@pytest.mark.parametrize(("state", "status"), [("busy", "active"), ("draining", "active"), ("offline", "offline")])
def test_a_workers_status_follows_its_state(grid, state, status):
    machine = grid.machine()
    machine.beat(status=state)
    assert grid.worker(machine.id)["status"] == status


def test_workers_come_in_pages(grid):
    grid.machine()
    grid.machine()
    page = data(grid.get("/api/workers", page=1, size=1))
    assert set(page) == PAGE
    assert len(page["items"]) == 1
    assert page["total"] == page["total_pages"] >= 2


def test_the_timeline_counts_what_happened(grid, machine):
    before = data(grid.get("/api/system/timeline", window=600, buckets=10))
    assert set(before) == {
        *("start", "bucket_seconds", "submitted", "completed", "failed", "queue_depth", "run_seconds"),
        *("wait_p50", "wait_p95"),
    }
    assert before["bucket_seconds"] == 60
    assert {len(before[name]) for name in ("submitted", "completed", "failed", "queue_depth")} == {10}
    for outcome in ("completed", "failed"):
        grid.submit()
        machine.report(machine.lease(), outcome, usage={"wall_seconds": 0.25})
    grid.submit()
    after = data(grid.get("/api/system/timeline", window=600, buckets=10))
    grown = {name: sum(after[name]) - sum(before[name]) for name in ("submitted", "completed", "failed")}
    assert grown == {"submitted": 3, "completed": 1, "failed": 1}
    assert after["queue_depth"][-1] >= 1
    assert all(isinstance(seconds, int | float) for seconds in after["run_seconds"])


def test_the_timelines_defaults(grid):
    timeline = data(grid.get("/api/system/timeline"))
    assert (timeline["bucket_seconds"], len(timeline["submitted"])) == (60, 60)


NOT_FOUND = [
    "/api/nothing",
    "/api",
    "/api/",
    "/api/runs/999999999",
    "/api/runs/999999999/logs",
    "/api/runs/999999999/files",
    "/api/runs/999999999/files/a.txt",
    "/api/runs/99999999999999999999/files",
    "/api/runs/99999999999999999999/files/a.txt",
    "/api/runs/99999999999999999999",
]


@pytest.mark.parametrize("path", NOT_FOUND)
def test_what_is_not_there_is_not_found_in_the_envelope(grid, path):
    error(grid.get(path), 404, "RESOURCE_NOT_FOUND")


def test_an_unknown_run_cannot_be_aborted(grid):
    error(grid.post("/api/runs/999999999/abort"), 404, "RESOURCE_NOT_FOUND")
    error(grid.post(f"/api/runs/{2**70}/abort"), 404, "RESOURCE_NOT_FOUND")


WRONG = [
    ("/api/runs", {"page": 0}),
    ("/api/runs", {"page": "one"}),
    ("/api/runs", {"page": 2**70}),
    ("/api/runs", {"size": 0}),
    ("/api/runs", {"size": 201}),
    ("/api/runs", {"status": "gone"}),
    ("/api/runs", {"order": "sideways"}),
    ("/api/runs", {"worker_id": "a\0b"}),
    ("/api/runs/-1", {}),
    ("/api/runs/abc", {}),
    ("/api/runs/1/logs", {"after": -2}),
    ("/api/runs/1/logs", {"after": 2**63}),
    ("/api/runs/1/logs", {"limit": 0}),
    ("/api/workers", {"size": 1000}),
    ("/api/system/timeline", {"window": 0}),
    ("/api/system/timeline", {"window": "nan"}),
    ("/api/system/timeline", {"window": 1e12}),
    ("/api/system/timeline", {"buckets": 501}),
]


@pytest.mark.parametrize(("path", "query"), WRONG, ids=[f"{p}-{q}".replace("\0", "NUL") for p, q in WRONG])
def test_a_wrong_query_is_refused_in_the_envelope(grid, path, query):
    error(grid.get(path, **query), 422, "VALIDATION_ERROR")


def test_a_wrong_method_is_refused_in_the_envelope(grid):
    error(grid.ask("DELETE", "/api/runs"), 405, "VALIDATION_ERROR")


def test_every_answer_has_a_request_id_of_its_own(grid):
    ids = {grid.get("/api/runs").json()["metadata"]["request_id"] for _ in range(3)}
    assert len(ids) == 3
