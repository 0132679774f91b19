"""The jobs API's calls: what is asked, and that the answer is handed over as it is."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from idlegrid import InvalidRequest, NotFound

JOB = {"id": "nightly", "name": "nightly", "job_type": "kline", "enabled": True}
LIST = {"data": [JOB], "pagination": {"page": 1, "page_size": 50, "total": 1, "total_pages": 1}}
LATEST = {"limit": "50", "offset": "0", "order_by": "started_at", "order_desc": "true"}


@pytest.fixture
def asked(grid):
    """`asked()`: the query of the latest request."""
    for path in ("jobs", "jobs/executions", "jobs/4/executions"):
        grid.on(f"GET /api/v1/{path}", (200, LIST))
    return lambda: grid.asked[-1].query


def test_jobs_are_listed_by_name_and_the_answer_is_the_documents(client, asked):
    assert client.list_jobs() == LIST
    assert asked() == {"limit": "50", "offset": "0", "order_by": "name", "order_desc": "false"}
    client.list_jobs("", 10, 20, "next_run_at", True)
    assert asked() == {"limit": "10", "offset": "20", "order_by": "next_run_at", "order_desc": "true"}


def test_executions_are_listed_latest_first(client, asked):
    assert client.list_job_executions() == client.get_job_executions(4) == LIST
    assert asked() == LATEST
    client.get_job_executions(4, "failed", order_by="id", order_desc=False)
    assert asked() == {**LATEST, "search": "failed", "order_by": "id", "order_desc": "false"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("2026-01-01", "2026-01-01"),
        (datetime(2026, 1, 1, 8, tzinfo=UTC), "2026-01-01T08:00:00+00:00"),
        (datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8))), "2026-01-01T08:00:00+08:00"),
        (datetime(2026, 1, 1, 8), "2026-01-01T08:00:00+00:00"),  # noqa: DTZ001 - one without a zone is the case
    ],
)
def test_a_bound_is_a_text_or_a_datetime_and_in_utc_unless_it_says_otherwise(client, asked, given, said):
    client.list_job_executions(after=given)
    assert asked() == {**LATEST, "after": said}
    client.get_job_executions(4, before=given)
    assert asked() == {**LATEST, "before": said}


def test_a_job_is_found_by_its_number_or_its_name(grid, client):
    grid.on("GET /api/v1/jobs/4", (200, JOB))
    grid.on("GET /api/v1/jobs/a%2Fb%20%E6%AF%8F%E6%97%A5", (200, JOB))
    assert client.get_job(4) == client.get_job("4") == client.get_job("a/b 每日") == JOB


def test_a_refusal_says_what_the_jobs_api_says(grid, client):
    grid.on("GET /api/v1/jobs/x", (404, {"error": {"code": "NOT_FOUND", "message": "Job not found: x"}}))
    grid.on("GET /api/v1/jobs", (400, {"error": {"code": "BAD_REQUEST", "message": "limit: 1 to 1000"}}))
    with pytest.raises(NotFound, match="Job not found: x") as missing:
        client.get_job("x")
    assert missing.value.code == "NOT_FOUND"
    with pytest.raises(InvalidRequest, match="limit: 1 to 1000"):
        client.list_jobs(limit=0)
