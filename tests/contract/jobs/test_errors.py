"""What the jobs API refuses, and how it says so."""

import pytest

ALL = ("", "/executions", "/1/executions")
TIMED = ALL[1:]


def error(answer, status, code):
    """The message of an error in the document's shape."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"code", "message"}
    assert answer.json()["error"]["code"] == code
    return answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/{}", "/{}/executions"])
@pytest.mark.parametrize(
    "job", ["invalid_job_name", "4", "0", "-1", "9" * 19, "9" * 300, "Executions", "a b", "ü", "１"]
)
def test_a_job_that_is_not_there_is_named(history, path, job):
    answer = history.reader.get("/api/v1/jobs" + path.format(job))
    assert error(answer, 404, "NOT_FOUND") == f"Job not found: {job}"


def test_a_name_that_no_database_holds_is_not_there(history):
    assert error(history.reader.get("/api/v1/jobs/a%00b"), 404, "NOT_FOUND") == "Job not found: a\0b"


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "1001"),
        ("limit", "many"),
        ("limit", ""),
        ("offset", "-1"),
        ("offset", "1.5"),
        ("offset", str(2**63)),
        ("order_by", "parameters"),
        ("order_by", "NAME"),
        ("order_desc", "maybe"),
        ("search", "x" * 201),
        ("search", "\0"),
    ],
)
def test_a_bad_parameter_is_named(history, path, name, value):
    answer = history.reader.get(f"/api/v1/jobs{path}", **{name: value})
    assert error(answer, 400, "BAD_REQUEST").startswith(f"{name}: ")


@pytest.mark.parametrize("path", TIMED)
@pytest.mark.parametrize("name", ["before", "after"])
@pytest.mark.parametrize("value", ["", "yesterday", "1768435200", "2026-13-01T00:00:00Z", "2026-01-01T25:00:00"])
def test_a_bad_time_is_named(history, path, name, value):
    answer = history.reader.get(f"/api/v1/jobs{path}", **{name: value})
    assert error(answer, 400, "BAD_REQUEST").startswith(f"{name}: ")


@pytest.mark.parametrize("path", ["", "/executions", "/1", "/1/executions"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_all_of_it_is_only_to_read(history, path, method):
    answer = history.grid.ask(method, f"/api/v1/jobs{path}", json={})
    error(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == "GET"


@pytest.mark.parametrize("path", ["/", "/1/", "/1/runs", "/executions/1", "/a/b"])
def test_what_is_not_there_is_a_404_in_the_same_shape(history, path):
    error(history.grid.get(f"/api/v1/jobs{path}"), 404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["", "/executions", "/1", "/1/executions"])
def test_who_shows_no_key_learns_nothing(history, path, visit):
    answer = visit(history.grid.url).get(f"/api/v1/jobs{path}")
    assert "key is required" in error(answer, 401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_who_may_read_jobs_may_do_nothing_else(history):
    for path in ("/api/tasks", "/api/runs", "/api/workers", "/api/v1/runs", "/api/system/stats", "/results"):
        assert history.reader.get(path).status_code == 403, path
    assert history.reader.post("/submit", {"code": "print(1)"}).status_code == 403
