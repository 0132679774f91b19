"""Every example of the idle API's document, run as written: only its address is replaced."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import requests

DOCUMENTED = "http://localhost:8000"

PYTHON = """
import requests, time

def submit_task(code, timeout=300):
    return requests.post("http://localhost:8000/submit", json={"code": code, "timeout": timeout}).json()

def get_task_status(task_id):
    return requests.get(f"http://localhost:8000/status/{task_id}").json()

task_id = submit_task("print(1 + 1)")["task_id"]
while True:
    status = get_task_status(task_id)
    if status["status"] == "completed":
        print(status["result"])
        break
    time.sleep(1)
"""
CURL_ROOT = "curl http://localhost:8000/"
CURL_SUBMIT = (
    """curl -X POST http://localhost:8000/submit -H "Content-Type: application/json" """
    """-d '{"code": "print(\\"Hello from cURL\\")"}'"""
)
CURL_STATUS = "curl http://localhost:8000/status/1"
CURL_STATS = "curl http://localhost:8000/stats"

SUBMIT = {"code": "print('Hello World')", "timeout": 300, "resources": {"cpu": 1.0, "memory": 512}}
SUBMITTED = {"task_id": 1, "status": "submitted", "server_id": "a1b2c3d4", "message": "Task 1 has been queued"}
GOT_TASK = {
    "task_id": 1,
    "code": "print('Hello World')",
    "status": "assigned",
    "created_at": 1640995200.123,
    "message": "Task 1 assigned for execution",
}
RECORDED = {"status": "ok", "task_id": 1, "message": "Result for task 1 recorded"}
STATUS = {
    "task_id": 1,
    "status": "completed",
    "result": "Hello World",
    "created_at": 1640995200.123,
    "completed_at": 1640995205.456,
}
RESULTS = {
    "count": 1,
    "results": [{"task_id": 1, "result": "Hello World", "completed_at": 1640995205.456}],
    "server_id": "a1b2c3d4",
}
NODE = {
    "node_id": "node-001",
    "status": "idle",
    "resources": {"cpu_cores": 8, "memory_mb": 16384},
    "current_load": {"cpu_percent": 15.5, "memory_percent": 45.2},
}


@pytest.fixture
def fresh(start_coordinator, visit):
    """A coordinator on which nothing has happened, so that task 1 is the first."""
    return visit(start_coordinator().url)


def at(words: str, grid) -> str:
    assert DOCUMENTED in words
    return words.replace(DOCUMENTED, grid.url)


def curl(words: str, grid):
    done = subprocess.run(["bash", "-c", at(words, grid)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture
def legacy_worker(grid) -> Iterator[None]:
    """A worker as the document describes it: fetches code, runs it, sends what it printed."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            task = grid.get("/get_task").json()
            if task["task_id"] is not None:
                done = subprocess.run([sys.executable, "-c", task["code"]], capture_output=True, text=True, check=True)
                grid.post("/submit_result", {"task_id": task["task_id"], "result": done.stdout.rstrip("\n")})

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


def test_the_curl_examples_on_a_fresh_grid(fresh, assert_like):
    assert curl(CURL_ROOT, fresh)["task_count"] == 0
    answer = curl(CURL_SUBMIT, fresh)
    assert answer == {**SUBMITTED, "server_id": answer["server_id"]}
    status = curl(CURL_STATUS, fresh)
    assert (status["task_id"], status["status"], status["result"], status["completed_at"]) == (1, "pending", None, None)
    assert curl(CURL_STATS, fresh)["tasks"] == {"total": 1, "completed": 0, "pending": 1, "failed": 0, "avg_time": 0}
    assert fresh.get("/get_task").json()["code"] == 'print("Hello from cURL")'


@pytest.mark.usefixtures("legacy_worker")
def test_the_python_example_prints_its_result(grid):
    done = subprocess.run([sys.executable, "-c", at(PYTHON, grid)], capture_output=True, text=True, check=True)
    assert done.stdout == "2\n"


def test_a_task_goes_its_way_through_the_documented_messages(fresh, assert_like):
    submitted = fresh.post("/submit", SUBMIT).json()
    assert_like(submitted, SUBMITTED)
    assert submitted["message"] == SUBMITTED["message"]

    task = fresh.get("/get_task").json()
    assert_like({name: task[name] for name in GOT_TASK}, GOT_TASK)
    assert {**task, "created_at": 0} | {**GOT_TASK, "created_at": 0} == {**task, "created_at": 0}

    assert fresh.get("/status/1").json()["status"] == "running"
    assert fresh.post("/submit_result", {"task_id": 1, "result": "Hello World"}).json() == RECORDED

    status = fresh.get("/status/1").json()
    assert_like(status, STATUS)
    assert (status["status"], status["result"]) == ("completed", "Hello World")
    assert status["created_at"] <= status["completed_at"]

    results = fresh.get("/results").json()
    assert_like(results, RESULTS)
    assert (results["count"], results["results"][0]["result"]) == (1, "Hello World")


def test_the_documented_heartbeat_joins_the_grid(grid):
    before = grid.get("/stats").json()["nodes"]["total"]
    answer = grid.post("/internal/heartbeat", NODE)
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert grid.get("/stats").json()["nodes"]["total"] == before + 1
    worker = grid.worker("node-001")
    assert (worker["cpu_cores"], worker["memory_mb"], worker["cpu_usage"]) == (8, 16384, 15.5)
    grid.post("/internal/heartbeat", {"node_id": "node-001", "status": "offline"})


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        ("GET", "/status/999999999", None, 404, "Task 999999999 not found"),
        ("POST", "/submit", {"code": "x" * 10_001}, 400, "Code too long (max 10000 characters)"),
        ("POST", "/submit", {"code": ""}, 400, "Code cannot be empty"),
    ],
)
def test_the_documented_errors(grid, method, path, body, status, detail):
    answer = grid.ask(method, path, json=body)
    assert (answer.status_code, answer.json()) == (status, {"detail": detail})


def test_the_documented_websocket_message(grid, assert_like):
    listener = grid.listen()
    grid.submit()
    grid.get("/get_task")
    assert json.loads(listener.recv(timeout=20))["event"] == "task_created"
    example = {"event": "task_updated", "data": {"task_id": 1, "status": "running", "node_id": "node-001"}}
    assert_like(json.loads(listener.recv(timeout=20)), example)


def test_requests_needs_no_header_of_ours(grid):
    assert requests.post(f"{grid.url}/submit", json={"code": "print(1)"}, timeout=20).status_code == 200
