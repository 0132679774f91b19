"""Jobs: the list and its parameters, one job, and each of its fields."""

import pytest

from ..envelope import data, moment
from .conftest import KLINES, SELDOM

FIELDS = [
    "id",
    "job_type",
    "name",
    "job_category",
    "description",
    "schedule_type",
    "schedule",
    "interval_seconds",
    "parameters",
    "timeout_seconds",
    "max_instances",
    "enabled",
    "last_run_at",
    "next_run_at",
    "created_at",
    "updated_at",
]
NAMES = ["Tidy.up", "sync_klines_1h", "sync_symbols_all"]


def names(history, **query):
    return [job["name"] for job in history.get("", **query)["data"]]


def test_a_job_has_the_documents_fields_in_its_order(history):
    job = history.get("/sync_klines_1h")
    assert list(job) == FIELDS
    assert job == job | {
        "id": "sync_klines_1h",
        "job_type": "kline",
        "name": "sync_klines_1h",
        "job_category": "sync",
        "description": "Sync 1-hour klines from all exchanges",
        "schedule_type": "cron",
        "schedule": SELDOM,
        "interval_seconds": None,
        "parameters": KLINES["parameters"],
        "timeout_seconds": 300,
        "max_instances": 1,
        "enabled": True,
    }
    times = [moment(job[name]) for name in ("created_at", "updated_at", "last_run_at", "next_run_at")]
    assert all(job[name].endswith("Z") for name in ("created_at", "updated_at", "last_run_at", "next_run_at"))
    assert times[0] <= times[1] < times[3]
    assert times[0] <= times[2] < times[3]


def test_a_job_by_interval_and_one_that_nothing_schedules(history):
    symbols, plain = history.get("/sync_symbols_all"), history.get("/Tidy.up")
    assert symbols == symbols | {"schedule_type": "interval", "schedule": None, "interval_seconds": 86_400}
    assert (symbols["job_type"], symbols["max_instances"], symbols["last_run_at"]) == ("symbol", 3, None)
    assert plain == plain | {"schedule_type": None, "schedule": None, "interval_seconds": None, "next_run_at": None}
    assert (plain["job_type"], plain["job_category"], plain["description"]) == ("shell", None, "")


def test_a_job_is_found_by_its_number_and_by_its_name(history):
    assert history.get("/1") == history.get("/sync_klines_1h")
    assert history.get("/3")["name"] == "Tidy.up"


def test_a_paused_job_is_not_enabled(history):
    data(history.grid.post("/api/tasks/2/pause"))
    try:
        assert history.get("/2")["enabled"] is False
        by_enabled = [job["enabled"] for job in history.get(order_by="enabled")["data"]]
        assert by_enabled == [False, True, True]
        assert [job["enabled"] for job in history.get(order_by="enabled", order_desc="true")["data"]][-1] is False
    finally:
        data(history.grid.post("/api/tasks/2/resume"))


def test_the_list_is_sorted_by_name_and_holds_whole_jobs(history):
    page = history.get()
    assert [job["name"] for job in page["data"]] == NAMES
    assert page["data"][1] == history.get("/1")
    assert page["pagination"] == {
        "page": 1,
        "page_size": 50,
        "total": 3,
        "total_pages": 1,
        "has_next": False,
        "has_prev": False,
    }


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("KLINE", NAMES[1:2]),
        ("symbols_a", NAMES[2:]),
        ("Sync", NAMES[1:]),
        ("shell", NAMES[:1]),
        ("tidy", NAMES[:1]),
        ("python", []),
        ("1-hour", []),
        ("%", []),
        ("", NAMES),
    ],
)
def test_a_search_is_for_part_of_the_name_the_type_or_the_category_in_any_case(history, search, found):
    assert names(history, search=search) == found


@pytest.mark.parametrize(
    ("order_by", "first"),
    [
        ("name", NAMES[0]),
        ("id", NAMES[0]),
        ("job_type", NAMES[1]),
        ("job_category", NAMES[0]),
        ("timeout_seconds", NAMES[1]),
        ("created_at", NAMES[1]),
        ("next_run_at", NAMES[0]),
        ("last_run_at", NAMES[2]),
    ],
)
def test_the_list_is_sorted_by_a_field_either_way(history, order_by, first):
    ascending = names(history, order_by=order_by)
    assert ascending[0] == first
    assert names(history, order_by=order_by, order_desc="true") == ascending[::-1]


@pytest.mark.parametrize("order_by", ["schedule", "interval_seconds", "max_instances", "updated_at"])
def test_every_other_plain_field_sorts_too(history, order_by):
    assert sorted(names(history, order_by=order_by)) == NAMES


def test_a_page_begins_anywhere(history):
    page = history.get(limit=2, offset=1)
    assert [job["name"] for job in page["data"]] == NAMES[1:]
    assert page["pagination"] == {
        "page": 1,
        "page_size": 2,
        "total": 3,
        "total_pages": 2,
        "has_next": False,
        "has_prev": True,
    }
    second = history.get(limit=1, offset=1)["pagination"]
    assert (second["page"], second["total_pages"], second["has_next"], second["has_prev"]) == (2, 3, True, True)
    assert history.get(offset=2**63 - 1)["data"] == []
