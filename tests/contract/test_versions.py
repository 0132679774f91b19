"""`/api/v1/{tasks,runs,workers}` answer as `/api/{tasks,runs,workers}` do, and nothing else does."""

import re

import pytest

from idlegrid_server.http.scopes import SCOPES

from .envelope import data, error

ENDPOINTS = [
    (method, path)
    for method, path in SCOPES
    if re.match(r"/api/(tasks|runs|workers)(/|$)", path) and not path.startswith("/api/v1/")
]
PATHS = sorted({path for _, path in ENDPOINTS})
NOBODY = "987654321"
FILE = "in/data.csv"
ASKED = {"/api/workers/history": "?worker_id={worker_id}"}
"""What an endpoint must be asked besides."""


def v1(path):
    return path.replace("/api/", "/api/v1/", 1)


def filled(path, task=NOBODY, run=NOBODY, worker=NOBODY):
    words = {"task_id": task, "run_id": run, "worker_id": worker, "name:file": FILE}
    return re.sub(r"{([\w:]+)}", lambda found: str(words[found[1]]), path)


def shape(value):
    """Names and types all the way down: what is left of an answer when it was given at another time."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else type(value).__name__


def told(answer):
    """What must be the same under both names."""
    names = ("Content-Type", "Allow", "ETag", "Content-Disposition", "WWW-Authenticate")
    is_json = answer.headers.get("Content-Type") == "application/json"
    body = shape(answer.json()) if is_json else answer.content
    return answer.status_code, body, {name: answer.headers.get(name) for name in names}


@pytest.fixture
def there(grid):
    """A task with a file, a run of it that left one, and the machine it ran on."""
    words = {"name": "versioned", "task_type": "python", "executor": "python", "command": "python", "code": "print(1)"}
    task, machine = data(grid.post("/api/tasks", words), 201)["id"], grid.machine()
    grid.ask("PUT", f"/api/tasks/{task}/files/{FILE}", data=b"a,b\n")
    run = data(grid.post(f"/api/tasks/{task}/trigger"))["run_id"]
    attempt = machine.lease()
    query = f"node_id={machine.id}&lease_id={attempt['lease_id']}"
    assert grid.ask("PUT", f"/internal/files/{attempt['run']}/{FILE}?{query}", data=b"x").ok
    machine.report(attempt)
    yield {"task": task, "run": run, "worker": machine.id}
    grid.ask("DELETE", f"/api/tasks/{task}")


@pytest.mark.parametrize("path", [path for method, path in ENDPOINTS if method == "GET"])
def test_what_is_there_reads_the_same(grid, there, path):
    whole = filled(path + ASKED.get(path, ""), **there)
    plain = grid.get(whole)
    assert plain.status_code == 200
    assert told(grid.get(v1(whole))) == told(plain)


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_what_is_not_there_is_refused_in_the_same_words(grid, method, path):
    body = {"json": {}} if method in ("POST", "PUT") and "{name" not in path else {}
    assert told(grid.ask(method, v1(filled(path)), **body)) == told(grid.ask(method, filled(path), **body))


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_a_405_that_names_the_same_ones(grid, path):
    answers = [grid.ask("PATCH", where) for where in (filled(path), v1(filled(path)))]
    assert {answer.status_code for answer in answers} == {405}
    assert told(answers[0]) == told(answers[1])
    assert answers[1].headers["Allow"] == ", ".join(sorted(method for method, of in ENDPOINTS if of == path))


def test_a_task_lives_a_whole_life_there(grid):
    words = {"name": "lives", "task_type": "python", "executor": "python", "command": "python", "code": "print(1)"}
    task = f"/api/v1/tasks/{data(grid.post('/api/v1/tasks', words), 201)['id']}"
    name = f"{task}/files/a%20b/%C3%BC.csv"
    assert data(grid.ask("PUT", name, data=b"1"), 201)["name"] == "a b/ü.csv"
    assert grid.get(name).content == b"1"
    data(grid.ask("DELETE", name))
    assert data(grid.ask("PUT", task, json={"priority": "high"}))["priority"] == "high"
    assert data(grid.post(f"{task}/pause"))["status"] == "paused"
    assert data(grid.post(f"{task}/resume"))["status"] == "active"
    run = f"/api/v1/runs/{data(grid.post(f'{task}/trigger'))['run_id']}"
    data(grid.post(f"{run}/abort"))
    data(grid.post(f"{run}/restart"))
    data(grid.ask("DELETE", task))
    error(grid.get(task), 404, "RESOURCE_NOT_FOUND")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/keys",
        "/system/health",
        "/auth/token",
        "/webhooks",
        "/tasksx",
        "/task",
        "/v1/tasks",
        "/tasks/",
        "/Runs",
    ],
)
def test_there_is_nothing_else(grid, path):
    for method in ("GET", "POST"):
        error(grid.ask(method, f"/api/v1{path}"), 404, "RESOURCE_NOT_FOUND")
