"""Executions: each state and field, what a search finds, and which part of a list is shown."""

import re

import pytest

from idlegrid_server.http.dialects.jobs.translate import EXCERPT

from .conftest import COUNTS, KLINES

FIELDS = [
    "id",
    "job_id",
    "job_name",
    "status",
    "started_at",
    "completed_at",
    "duration_ms",
    "result",
    "error",
    "trace_id",
    "worker_id",
    "parameters_snapshot",
    "created_at",
]
OF_KLINES = ["pending", "running", "cancelled", "timed out", "failed", "long", "object"]
BY_CREATION = ["pending", "running", "cancelled", "alone", "timed out", "failed", "long", "text", "object"]


def test_an_execution_has_the_documents_fields_in_its_order(history):
    execution = history.execution("object")
    assert list(execution) == FIELDS
    assert execution == execution | {
        "job_id": "1",
        "job_name": "sync_klines_1h",
        "status": "SUCCESS",
        "result": COUNTS,
        "error": None,
        "worker_id": "lab-07",
        "parameters_snapshot": KLINES["parameters"],
    }
    assert isinstance(execution["duration_ms"], int)
    assert execution["created_at"] <= execution["started_at"] <= execution["completed_at"]


@pytest.mark.parametrize(
    ("name", "status", "result", "error"),
    [
        ("object", "SUCCESS", COUNTS, None),
        ("text", "SUCCESS", {"output": "[1]\n"}, None),
        ("failed", "FAILURE", {"error_message": "Connection timeout"}, "Connection timeout"),
        ("timed out", "TIMEOUT", {"error_message": "It ran for 300 s"}, "It ran for 300 s"),
        ("cancelled", "FAILURE", {"error_message": "cancelled"}, "cancelled"),
        ("running", "RUNNING", None, None),
        ("pending", "PENDING", None, None),
    ],
)
def test_what_became_of_an_execution(history, name, status, result, error):
    execution = history.execution(name)
    assert (execution["status"], execution["result"], execution["error"]) == (status, result, error)


def test_what_has_not_ended_has_no_duration_and_what_has_not_started_no_times(history):
    running, pending, cancelled = (history.execution(name) for name in ("running", "pending", "cancelled"))
    assert running["started_at"] is not None
    assert (running["completed_at"], running["duration_ms"], running["worker_id"]) == (None, None, "lab-07")
    assert (pending["started_at"], pending["completed_at"], pending["worker_id"]) == (None, None, None)
    assert cancelled["completed_at"] is not None
    assert (cancelled["started_at"], cancelled["duration_ms"]) == (None, None)


def test_a_run_that_was_submitted_by_itself_is_of_no_job(history):
    alone = history.execution("alone")
    assert (alone["job_id"], alone["job_name"], alone["parameters_snapshot"]) == (None, None, {})


def test_long_results_and_parameters_are_cut(history):
    text = history.execution("long")["result"]
    assert text == {"output": "y" * EXCERPT, "truncated": True}
    given = history.execution("text")["parameters_snapshot"]
    assert (set(given), given["truncated"]) == ({"output", "truncated"}, True)
    assert given["output"].startswith('{"long": "xxx')
    assert len(given["output"]) == EXCERPT


def test_the_trace_is_the_request_that_caused_the_run(history):
    answer = history.grid.post("/api/tasks/3/trigger")
    made = answer.json()["data"]["run_id"]
    history.grid.post(f"/api/runs/{made}/abort")
    try:
        newest = history.get("/Tidy.up/executions", order_by="id", limit=1)["data"][0]
        assert (newest["id"], newest["trace_id"]) == (str(made), answer.headers["X-Request-ID"])
    finally:
        history.runs["later"] = made


def seen(history, path="/executions", **query):
    """What became of the executions of a list, without those that a test added."""
    return [name for name in history.named(path, **query) if name != "later"]


def test_executions_come_latest_start_first(history):
    started = ["running", "alone", "timed out", "failed", "long", "text", "object"]
    assert seen(history) == [*started, "pending", "cancelled"]


@pytest.mark.parametrize("order_by", ["created_at", "id"])
def test_executions_are_sorted_either_way(history, order_by):
    assert seen(history, order_by=order_by) == BY_CREATION
    assert seen(history, order_by=order_by, order_desc="false") == BY_CREATION[::-1]
    ended = seen(history, order_by="completed_at", order_desc="false")
    assert (ended[2:], set(ended[:2])) == ([*BY_CREATION[:2:-1], "cancelled"], {"running", "pending"})


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("failed", {"failed", "cancelled"}),
        ("FAILURE", {"failed", "cancelled"}),
        ("Cancelled", {"cancelled"}),
        ("aborted", {"cancelled"}),
        ("success", {"object", "text", "long", "alone"}),
        ("Completed", {"object", "text", "long", "alone"}),
        ("succeeded", {"object", "text", "long", "alone"}),
        ("TIMEOUT", {"timed out"}),
        ("timed_out", {"timed out"}),
        ("running", {"running"}),
        ("Pending", {"pending"}),
        ("queued", {"pending"}),
        ("waiting", {"pending"}),
        ("nothing of the kind", set()),
    ],
)
def test_a_search_for_a_status_in_any_case(history, word, found):
    assert set(seen(history, search=word)) == found
    assert set(seen(history, "/1/executions", search=word)) == found - {"text", "alone"}


@pytest.mark.parametrize(("part", "found"), [("TIDY", ["text"]), ("klines_1", OF_KLINES), ("%", [])])
def test_a_search_among_all_finds_part_of_a_jobs_name(history, part, found):
    assert sorted(seen(history, search=part)) == sorted(found)
    assert seen(history, "/1/executions", search=part) == []


def test_one_jobs_executions_are_its_own(history):
    of_job = history.get("/sync_klines_1h/executions")
    assert sorted(seen(history, "/1/executions")) == sorted(OF_KLINES)
    assert of_job["pagination"]["total"] == len(OF_KLINES)
    assert of_job == history.get("/1/executions")
    assert history.get("/sync_symbols_all/executions")["data"] == []


@pytest.mark.parametrize("path", ["/executions", "/1/executions"])
@pytest.mark.parametrize("zone", ["Z", "", "+00:00"])
def test_before_and_after_bound_the_creation(history, path, zone):
    listed = history.get(path, order_by="id")["data"]
    middle = listed[len(listed) // 2]["created_at"]
    moment = middle.removesuffix("Z") + zone
    later = [item["id"] for item in listed if item["created_at"] >= middle]
    earlier = [item["id"] for item in listed if item["created_at"] < middle]
    assert earlier
    assert [item["id"] for item in history.get(path, order_by="id", after=moment)["data"]] == later
    assert [item["id"] for item in history.get(path, order_by="id", before=moment)["data"]] == earlier
    assert history.get(path, after=moment, before=moment)["pagination"]["total"] == 0


def test_a_time_in_another_zone_is_that_instant(history):
    created = history.execution("failed")["created_at"]
    day, clock = created.removesuffix("Z").split("T")
    hours = int(clock[:2])
    elsewhere = f"{day}T{hours - 1:02}{clock[2:]}-01:00" if hours else f"{day}T01{clock[2:]}+01:00"
    assert history.get("/executions", after=elsewhere) == history.get("/executions", after=created)


def test_a_page_of_executions(history):
    page = history.get("/1/executions", order_by="id", limit=3, offset=3)
    assert [item["id"] for item in page["data"]] == [str(history.runs[name]) for name in OF_KLINES[3:6]]
    assert page["pagination"] == {
        "page": 2,
        "page_size": 3,
        "total": 7,
        "total_pages": 3,
        "has_next": True,
        "has_prev": True,
    }


def test_the_trace_is_a_word(history):
    traces = {item["trace_id"] for item in history.get("/executions")["data"]}
    assert all(re.fullmatch(r"req_[0-9a-f]{16}", trace) for trace in traces)
