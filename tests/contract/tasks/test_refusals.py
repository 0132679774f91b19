"""What a task, a trigger and a query may not be: each rule names its field."""

import json

import pytest

from ..envelope import data, error, offence, offences

LONG = "x" * 100_001

WRONG = [
    ("name", "", "pattern"),
    ("name", "a b", "pattern"),
    ("name", "é", "pattern"),
    ("name", "-a", "pattern"),
    ("name", "x" * 201, "pattern"),
    ("name", "123", "pattern"),
    ("name", "executions", "pattern"),
    ("name", "a\n", "pattern"),
    ("name", 7, "type"),
    ("name", None, "type"),
    ("description", 7, "type"),
    ("description", "x" * 10_001, "max_length"),
    ("description", "a\0b", "pattern"),
    ("task_type", "", "pattern"),
    ("task_type", "a/b", "pattern"),
    ("task_type", "x" * 51, "pattern"),
    ("executor", "", "min_length"),
    ("executor", "x" * 201, "max_length"),
    ("executor", None, "type"),
    ("command", "", "min_length"),
    ("command", LONG, "max_length"),
    ("command", "a\0b", "pattern"),
    ("arguments", "a", "type"),
    ("arguments.1", ["a", 1], "type"),
    ("arguments.0", ["\0"], "pattern"),
    ("arguments", ["a"] * 1001, "max_length"),
    ("arguments", ["x" * 10_000] * 11, "max_length"),
    ("schedule", "x", "cron"),
    ("schedule", "* * * * * *", "cron"),
    ("schedule", "60 * * * *", "cron"),
    ("schedule", "0 0 30 2 *", "cron"),
    ("schedule", "x" * 201, "max_length"),
    ("schedule", 7, "type"),
    ("priority", "urgent", "enum"),
    ("priority", 1, "enum"),
    ("retry_count", -1, "min"),
    ("retry_count", 101, "max"),
    ("retry_count", 1.5, "type"),
    ("retry_count", "3", "type"),
    ("retry_count", True, "type"),
    ("timeout_seconds", 0, "min"),
    ("timeout_seconds", -1, "min"),
    ("timeout_seconds", 1e9, "max"),
    ("timeout_seconds", "60", "type"),
    ("timeout_seconds", True, "type"),
    ("dependencies", "1", "type"),
    ("dependencies.0", [None], "type"),
    ("dependencies.0", [1.5], "type"),
    ("dependencies.0", [0], "type"),
    ("dependencies.0", [2**63], "type"),
    ("dependencies.0", [""], "min_length"),
    ("dependencies", ["a"] * 101, "max_length"),
    ("dependencies", ["-1"], "exists"),
    ("dependencies", [str(2**63)], "exists"),
    ("tags", "a", "type"),
    ("tags.0", ["a b"], "pattern"),
    ("tags", ["a"] * 51, "max_length"),
    ("requires.0", ["a/b"], "pattern"),
    ("requires", ["a"] * 21, "max_length"),
    ("requires", ["a" * 90 + str(number) for number in range(5)], "max_length"),
    ("metadata", [], "type"),
    ("metadata", {"a": "b\0"}, "nul"),
    ("metadata", {"a": [{"b\0": 1}]}, "nul"),
    ("metadata", {"a": "x" * 65_536}, "max_length"),
    ("metadata.interval_seconds", {"interval_seconds": 0}, "min"),
    ("metadata.max_instances", {"max_instances": 0}, "min"),
    ("metadata.max_instances", {"max_instances": "1"}, "type"),
    ("metadata.job_type", {"job_type": 1}, "type"),
    ("metadata.job_category", {"job_category": "a\0"}, "pattern"),
    ("metadata.timezone", {"timezone": "Mars/Base"}, "timezone"),
    ("metadata.timezone", {"timezone": 8}, "type"),
    ("code", 7, "type"),
    ("code", "a\0b", "pattern"),
    ("code", "x" * ((1 << 20) + 1), "max_length"),
    ("code", "é" * ((1 << 19) + 1), "max_length"),
    ("resources", 1, "type"),
    ("resources.cpu", {"cpu": 0}, "min"),
    ("resources.cpu", {"cpu": 1e9}, "max"),
    ("resources.memory", {"memory": "512"}, "type"),
    ("resources.disk", {"disk": 1}, "unknown_field"),
    ("interval_seconds", 0.5, "min"),
    ("interval_seconds", 1e9, "max"),
    ("interval_seconds", "60", "type"),
    ("max_instances", 0, "min"),
    ("max_instances", 1001, "max"),
    ("job_type", "x" * 201, "max_length"),
    ("job_category", 1, "type"),
    ("parameters", [], "type"),
    ("parameters", {"a": "\0"}, "nul"),
    ("parameters", {"a": "x" * 262_144}, "max_length"),
    ("min_sandbox", 0, "min"),
    ("min_sandbox", 5, "max"),
    ("min_sandbox", 2.5, "type"),
    ("colour", "blue", "unknown_field"),
    ("status", "paused", "unknown_field"),
]
IDS = [f"{number}-{field}-{rule}" for number, (field, _, rule) in enumerate(WRONG)]


@pytest.fixture(scope="module")
def task_of_this_module(start_coordinator, visit):
    """A grid of this module's own, with one task."""
    coordinator = start_coordinator()
    grid = visit(coordinator.url)
    words = {"name": "a-task", "task_type": "python", "executor": "python", "command": "python"}
    yield grid, data(grid.post("/api/tasks", words), 201), words
    coordinator.stop()


@pytest.mark.parametrize(("field", "value", "rule"), WRONG, ids=IDS)
def test_what_a_task_may_not_be(task_of_this_module, field, value, rule):
    grid, task, words = task_of_this_module
    change = {field.partition(".")[0]: value}
    for answer in (
        grid.post("/api/tasks", {**words, "name": "another-task", **change}),
        grid.ask("PUT", f"/api/tasks/{task['id']}", json=change),
    ):
        assert offence(answer) == (field, rule)
    assert data(grid.get("/api/tasks"))["total"] == 1


@pytest.mark.parametrize("field", ["name", "task_type", "executor", "command"])
def test_what_a_task_needs(task_of_this_module, field):
    grid, _, words = task_of_this_module
    answer = grid.post("/api/tasks", {name: value for name, value in words.items() if name != field})
    assert offence(answer) == (field, "required")
    assert answer.json()["error"]["details"]["value"] is None


def test_all_that_is_wrong_is_told_at_once(task_of_this_module):
    grid, _, _ = task_of_this_module
    wrong = {"name": "", "executor": "sh", "priority": "urgent", "colour": "blue"}
    found = {(one["field"], one["rule"], one["value"]) for one in offences(grid.post("/api/tasks", wrong))}
    assert found == {
        ("name", "pattern", ""),
        ("priority", "enum", "urgent"),
        ("task_type", "required", None),
        ("command", "required", None),
        ("colour", "unknown_field", "blue"),
    }


def test_a_long_value_is_cut_and_a_strange_one_is_shown_as_it_is(task_of_this_module):
    grid, _, words = task_of_this_module
    cut = grid.post("/api/tasks", {**words, "description": "é" * 10_001}).json()["error"]["details"]
    assert cut["value"] == "é" * 200 + "…"
    shown = grid.post("/api/tasks", {**words, "colour": {"a": [1, None, "é"]}}).json()["error"]["details"]
    assert shown["value"] == {"a": [1, None, "é"]}
    assert len(offences(grid.post("/api/tasks", {f"x{number}": 1 for number in range(5000)}))) == 100


TOGETHER = [
    ({"schedule": "* * * * *", "interval_seconds": 60}, "interval_seconds", "exclusive"),
    ({"schedule": "* * * * *", "metadata": {"interval_seconds": 60}}, "interval_seconds", "exclusive"),
    ({"task_type": "shell", "code": "1"}, "code", "task_type"),
    ({"task_type": "http", "command": "ftp://a"}, "command", "url"),
    ({"task_type": "http", "command": "http://a", "metadata": {"method": "HUG"}}, "metadata.method", "enum"),
    ({"task_type": "http", "command": "http://a", "metadata": {"headers": {"a": 1}}}, "metadata.headers", "type"),
]


@pytest.mark.parametrize(("words", "field", "rule"), TOGETHER, ids=[f"{f}-{r}" for _, f, r in TOGETHER])
def test_what_does_not_go_together(task_of_this_module, words, field, rule):
    grid, _, least = task_of_this_module
    assert offence(grid.post("/api/tasks", {**least, "name": "another-task", **words})) == (field, rule)


@pytest.mark.parametrize(
    ("words", "field", "rule"),
    [
        ({"parameters": []}, "parameters", "type"),
        ({"parameters": {"a": "\0"}}, "parameters", "nul"),
        ({"priority": "urgent"}, "priority", "enum"),
        ({"timeout_seconds": 0}, "timeout_seconds", "min"),
        ({"colour": "blue"}, "colour", "unknown_field"),
        ([], "body", "type"),
        ("x", "body", "type"),
    ],
)
def test_what_a_trigger_may_not_be(task_of_this_module, words, field, rule):
    grid, task, _ = task_of_this_module
    assert offence(grid.post(f"/api/tasks/{task['id']}/trigger", words)) == (field, rule)


QUERIES = [
    ("/api/tasks", "page", "0", "min"),
    ("/api/tasks", "page", "1000001", "max"),
    ("/api/tasks", "page", "one", "type"),
    ("/api/tasks", "size", "0", "min"),
    ("/api/tasks", "size", "201", "max"),
    ("/api/tasks", "status", "gone", "enum"),
    ("/api/tasks", "priority", "1", "enum"),
    ("/api/tasks", "sort", "command", "enum"),
    ("/api/tasks", "order", "sideways", "enum"),
    ("/api/tasks", "search", "x" * 201, "max_length"),
    ("/api/tasks", "search", "a\0", "pattern"),
    ("/api/tasks", "task_type", "a\0", "pattern"),
    ("/api/runs", "sort", "status", "enum"),
    ("/api/runs", "task_id", "a", "type"),
    ("/api/runs", "task_id", "-1", "min"),
    ("/api/runs", "task_id", str(2**63), "max"),
    ("/api/runs", "start_date", "2024-1-1", "date"),
    ("/api/runs", "start_date", "2024-01-01T00:00:00", "date"),
    ("/api/runs", "start_date", "0", "date"),
    ("/api/runs", "end_date", "2024-02-30", "date"),
]


@pytest.mark.parametrize(
    ("path", "name", "value", "rule"), QUERIES, ids=[f"{n}-{r}-{i}" for i, (_, n, _, r) in enumerate(QUERIES)]
)
def test_what_a_query_may_not_be(task_of_this_module, path, name, value, rule):
    assert offence(task_of_this_module[0].get(path, **{name: value})) == (name, rule)


PATHS = [("-1", 422), ("abc", 422), ("1.5", 422), ("%00", 422), ("0", 404), (str(2**63), 404), ("1" + "0" * 40, 404)]


@pytest.mark.parametrize(("task", "status"), PATHS)
def test_an_id_that_no_task_has(task_of_this_module, task, status):
    grid = task_of_this_module[0]
    for method, verb in (("GET", ""), ("DELETE", ""), ("PUT", ""), ("POST", "/trigger"), ("POST", "/pause")):
        answer = grid.ask(method, f"/api/tasks/{task}{verb}", json={} if method == "PUT" else None)
        code = "RESOURCE_NOT_FOUND" if status == 404 else "VALIDATION_ERROR"
        error(answer, status, code)


RAW = {
    "cut off": b'{"name": "a"',
    "not UTF-8": b'{"name": "\xff"}',
    "a lone surrogate": b'{"description": "\\ud800"}',
    "NaN": b'{"timeout_seconds": NaN}',
    "beyond all bounds": b'{"metadata": {"a": 1e999}}',
    "nested without end": b'{"metadata": {"a": ' + b"[" * 50_000,
}


@pytest.mark.parametrize("what", RAW)
def test_a_body_that_is_no_good_json(task_of_this_module, what):
    grid, task, _ = task_of_this_module
    headers = {"Content-Type": "application/json"}
    for method, path in (("POST", "/api/tasks"), ("PUT", f"/api/tasks/{task['id']}")):
        answer = grid.ask(method, path, data=RAW[what], headers=headers)
        assert answer.status_code in (400, 422)
        offences(answer, answer.status_code)


def test_a_number_of_many_digits_is_no_trouble(task_of_this_module):
    grid, _, _ = task_of_this_module
    body = b'{"metadata": {"a": ' + b"9" * 4000 + b'}, "dependencies": [' + b"9" * 4000 + b"]}"
    offences(grid.ask("POST", "/api/tasks", data=body, headers={"Content-Type": "application/json"}))


@pytest.mark.parametrize("words", [b"", b"null", b"[]", b'"a"', b"7"])
def test_a_body_that_is_no_object(task_of_this_module, words):
    grid, task, _ = task_of_this_module
    for method, path in (("POST", "/api/tasks"), ("PUT", f"/api/tasks/{task['id']}")):
        answer = grid.ask(method, path, data=words, headers={"Content-Type": "application/json"})
        assert offence(answer, 422 if words and words != b"null" else answer.status_code)[0] == "body"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "nonsense", ""])
@pytest.mark.parametrize("verb", ["", "/trigger"])
def test_a_body_that_is_not_sent_as_json(task_of_this_module, kind, verb):
    grid, task, words = task_of_this_module
    path = f"/api/tasks/{task['id']}{verb}" if verb else "/api/tasks"
    answer = grid.ask("POST", path, data=json.dumps(words), headers={"Content-Type": kind})
    assert offence(answer, 415) == ("Content-Type", "media_type")


@pytest.mark.parametrize("sized", [True, False])
def test_a_body_over_eight_mebibytes_is_too_large(task_of_this_module, sized):
    grid, _, _ = task_of_this_module
    body = b'{"description": "' + b"x" * (8 << 20) + b'"}'
    pieces = body if sized else (body[start : start + 65_536] for start in range(0, len(body), 65_536))
    answer = grid.ask("POST", "/api/tasks", data=pieces, headers={"Content-Type": "application/json"})
    assert offence(answer, 413) == ("body", "max_length")
