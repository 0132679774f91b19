"""Every error code of the document, in its envelope, on every path of the task API."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from ..envelope import data, error, offence

WORDS = {"task_type": "python", "executor": "python", "command": "python", "code": "print(1)"}


def make(grid, name: str):
    return data(grid.post("/api/tasks", {"name": name, **WORDS}), 201)


@pytest.fixture(scope="module")
def shaken(start_coordinator, visit):
    """A coordinator whose record these tests spoil, and its grid."""
    coordinator = start_coordinator(tick_seconds=3600)
    yield coordinator, visit(coordinator.url)
    coordinator.stop()


def in_record(coordinator, *statements: str) -> None:
    with closing(sqlite3.connect(coordinator.data / "grid.db", timeout=30)) as record, record:
        for statement in statements:
            record.execute(statement)


@contextmanager
def away(coordinator) -> Iterator[None]:
    """The record does not answer: its tables are not to be found."""
    tables = ("tasks", "runs")
    in_record(coordinator, *(f"ALTER TABLE {table} RENAME TO {table}_away" for table in tables))
    try:
        yield
    finally:
        in_record(coordinator, *(f"ALTER TABLE {table}_away RENAME TO {table}" for table in tables))


NEEDS_RECORD = [
    ("GET", "/api/tasks", None),
    ("POST", "/api/tasks", {"name": "second", **WORDS}),
    ("GET", "/api/tasks/1", None),
    ("PUT", "/api/tasks/1", {"description": "x"}),
    ("DELETE", "/api/tasks/1", None),
    ("POST", "/api/tasks/1/trigger", {}),
    ("POST", "/api/tasks/1/pause", None),
    ("POST", "/api/tasks/1/resume", None),
    ("GET", "/api/tasks/1/files", None),
    ("GET", "/api/runs", None),
    ("GET", "/api/runs/1", None),
    ("GET", "/api/runs/1/logs", None),
    ("POST", "/api/runs/1/abort", None),
    ("POST", "/api/runs/1/restart", None),
]


def test_without_the_record_every_endpoint_says_so_and_does_nothing(shaken):
    coordinator, grid = shaken
    before = make(grid, "before")
    with away(coordinator):
        for method, path, body in NEEDS_RECORD:
            answer = grid.ask(method, path, json=body)
            error(answer, 503, "DATABASE_ERROR")
            assert answer.headers["Retry-After"] == "1"
    assert data(grid.get("/api/tasks", search="second"))["total"] == 0
    assert data(grid.get(f"/api/tasks/{before['id']}"))["name"] == "before"


def test_a_fault_shows_nothing_of_the_inside_and_is_found_in_the_log_by_its_id(shaken):
    coordinator, grid = shaken
    task = make(grid, "spoiled")
    in_record(coordinator, f"UPDATE tasks SET metadata = 'secret rubbish' WHERE id = {task['id']}")
    answer = grid.get(f"/api/tasks/{task['id']}")
    assert error(answer, 500, "SYSTEM_ERROR") == "Something broke inside the coordinator: see its log"
    assert "secret" not in answer.text
    assert "JSON" not in answer.text
    lines = (coordinator.data / "serve.log").read_text().splitlines()
    found = [line for line in lines if answer.headers["X-Request-ID"] in line and "request_failed" in line]
    assert len(found) == 1
    in_record(coordinator, f"UPDATE tasks SET metadata = '{{}}' WHERE id = {task['id']}")


def test_a_missing_redis_is_no_error_for_what_needs_the_record_alone(private_redis, start_coordinator, visit):
    coordinator = start_coordinator(redis_url=private_redis.url)
    grid = visit(coordinator.url)
    private_redis.kill()
    task = make(grid, "without-redis")
    path = f"/api/tasks/{task['id']}"
    data(grid.ask("PUT", path, json={"interval_seconds": 3600}))
    data(grid.ask("PUT", f"{path}/files/a.txt", data=b"x"), 201)
    run = data(grid.post(f"{path}/trigger"))["run_id"]
    for verb in ("pause", "resume"):
        data(grid.post(f"{path}/{verb}"))
    data(grid.post(f"/api/runs/{run}/abort"))
    again = data(grid.post(f"/api/runs/{run}/restart"))["new_run_id"]
    assert data(grid.get(f"/api/runs/{again}"))["status"] == "pending"
    for where in ("/api/tasks", path, f"{path}/files", "/api/runs"):
        data(grid.get(where))
    data(grid.ask("DELETE", path))
    coordinator.stop()


@pytest.fixture(scope="module")
def guarded(start_coordinator, tmp_path_factory, visit):
    """A grid that wants keys: for nobody, a submitter, a node."""
    folder = tmp_path_factory.mktemp("guarded")
    coordinator = start_coordinator(data=folder, auth="required")
    url = coordinator.url
    command = [sys.executable, "-m", "idlegrid_server.keys", "ensure", "--data", str(folder)]
    keys = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    yield visit(url), visit(url, keys["submit_key"]), visit(url, keys["join_token"])
    coordinator.stop()


def test_without_a_key_or_with_one_that_does_not_do(guarded):
    nobody, submitter, node = guarded
    error(nobody.get("/api/tasks"), 401, "AUTHENTICATION_ERROR")
    assert nobody.get("/api/tasks").headers["WWW-Authenticate"] == "Bearer"
    error(node.get("/api/tasks"), 403, "AUTHORIZATION_ERROR")
    assert make(submitter, "with-a-key")["submitter"] == "submit"
    assert nobody.get("/api/tasks", api_key=submitter.key).status_code == 200


def test_whoever_triggers_is_the_runs_submitter(guarded):
    submitter = guarded[1]
    task = make(submitter, "whose")
    run = data(submitter.post(f"/api/tasks/{task['id']}/trigger"))["run_id"]
    assert submitter.run(run)["submitter"] == "submit"


def test_a_web_page_of_another_host_is_refused(grid):
    error(grid.ask("GET", "/api/tasks", headers={"Origin": "https://evil.example"}), 403, "AUTHORIZATION_ERROR")


def test_a_host_that_is_not_served_is_refused(grid):
    answer = grid.ask("GET", "/api/tasks", headers={"Host": "evil.example"})
    assert offence(answer, 400)[1] == "malformed"


METHODS = [
    ("PATCH", "/api/tasks", "GET, POST"),
    ("PATCH", "/api/tasks/1", "DELETE, GET, PUT"),
    ("GET", "/api/tasks/1/trigger", "POST"),
    ("POST", "/api/tasks/1/files/a", "DELETE, GET, PUT"),
    ("DELETE", "/api/runs", "GET"),
    ("PUT", "/api/runs/1/abort", "POST"),
]


@pytest.mark.parametrize(("method", "path", "allowed"), METHODS)
def test_a_wrong_method_is_told_all_the_right_ones(grid, method, path, allowed):
    answer = grid.ask(method, path)
    assert offence(answer, 405) == ("method", "method")
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/tasks/", "/api/tasks/1/", "/api/runs/1/none"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_not_found(grid, method, path):
    error(grid.ask(method, path), 404, "RESOURCE_NOT_FOUND")
