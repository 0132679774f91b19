"""Lists of tasks and runs: pages, filters, sorts."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest

from ..envelope import data, offence

ITEM_LACKS = {"arguments", "metadata", "parameters"}
PAGE = {"items", "total", "page", "size", "total_pages"}


@pytest.fixture
def word():
    """A text that stands in the names of this test's tasks alone."""
    return f"w{secrets.token_hex(6)}"


@pytest.fixture
def listed(grid, word):
    """`listed(**query)`: the names of this test's tasks in a list."""

    def names(**query):
        page = data(grid.get("/api/tasks", search=word, **query))
        return [item["name"].removeprefix(word) for item in page["items"]]

    return names


def test_a_page_of_tasks_is_newest_first(grid, tasks, word):
    made = [tasks.make(name=f"{word}{letter}") for letter in "abc"]
    page = data(grid.get("/api/tasks", search=word, page=1, size=2))
    assert set(page) == PAGE
    assert [item["id"] for item in page["items"]] == [made[2]["id"], made[1]["id"]]
    assert {name: page[name] for name in ("total", "page", "size", "total_pages")} == {
        "total": 3,
        "page": 1,
        "size": 2,
        "total_pages": 2,
    }
    assert set(page["items"][0]) == (set(made[0]) - ITEM_LACKS) | {"recent"}
    assert data(grid.get("/api/tasks", search=word, page=9))["items"] == []


def test_tasks_are_filtered(tasks, listed, word):
    tasks.make(name=f"{word}a", priority="high")
    paused = tasks.make(name=f"{word}b", task_type="shell", code=None)
    tasks.make(name=f"{word}c", description="Über alles")
    tasks.post(paused, "pause")
    assert sorted(listed()) == ["a", "b", "c"]
    assert listed(priority="high") == ["a"]
    assert listed(task_type="shell") == ["b"]
    assert listed(status="paused") == ["b"]
    assert sorted(listed(status="active")) == ["a", "c"]
    assert listed(task_type="rare") == listed(status="completed", priority="low") == []


def test_tasks_are_found_by_their_description_in_any_case_and_literally(grid, tasks, word):
    task = tasks.make(description=f"100%_of {word.upper()}")
    for search in (word, f"%_OF {word}"):
        assert [item["id"] for item in data(grid.get("/api/tasks", search=search))["items"]] == [task["id"]]
    assert data(grid.get("/api/tasks", search=f"100__of {word}"))["items"] == []


SORTS = ["created_at", "updated_at", "id", "name", "priority", "status", "task_type", "last_run_at", "next_run_at"]


@pytest.mark.parametrize("sort", SORTS)
def test_tasks_are_sorted_both_ways(tasks, listed, word, sort):
    tasks.make(name=f"{word}a", priority="low", task_type="a-type", code=None)
    task = tasks.make(name=f"{word}b", priority="critical", task_type="b-type", code=None, interval_seconds=60)
    tasks.post(task, "pause" if sort == "status" else "resume")
    assert listed(sort=sort, order="asc") == ["a", "b"]
    if sort != "last_run_at":  # neither has run: equal ones stay in the order they were made in
        assert listed(sort=sort, order="desc") == ["b", "a"]


def test_the_status_of_an_unscheduled_task_is_how_its_latest_run_ended(tasks, listed, ran, word):
    task = tasks.make(name=f"{word}a", retry_count=0)
    for outcome in ("completed", "failed"):
        ran(task, outcome)
        shown = tasks.detail(task)
        assert (shown["status"], shown["last_status"]) == (outcome, outcome)
        assert listed(status=outcome) == ["a"]
        assert listed(status="active") == []
    tasks.trigger(task)
    assert tasks.detail(task)["status"] == "active"


def test_statistics_count_how_runs_ended(tasks, ran):
    task = tasks.make(retry_count=0)
    ran(task, "completed")
    ran(task, "failed")
    tasks.grid.post(f"/api/runs/{tasks.trigger(task)['run_id']}/abort")
    statistics = tasks.detail(task)["statistics"]
    assert statistics.pop("average_execution_time") >= 0
    assert statistics == {
        "total_runs": 3,
        "successful_runs": 1,
        "failed_runs": 1,
        "last_execution_status": "aborted",
    }
    ran(task, "completed")
    assert tasks.detail(task)["statistics"]["last_execution_status"] == "success"
    tasks.trigger(task)
    assert tasks.detail(task)["statistics"]["last_execution_status"] == "pending"


def test_runs_are_filtered_by_their_task(grid, tasks):
    one, two = tasks.make(), tasks.make()
    runs = [tasks.trigger(task)["run_id"] for task in (one, two, one)]
    page = data(grid.get("/api/runs", task_id=one["id"]))
    assert [item["id"] for item in page["items"]] == [runs[2], runs[0]]
    assert {(item["task_id"], item["task_name"], item["trigger"]) for item in page["items"]} == {
        (one["id"], one["name"], "manual")
    }
    assert data(grid.get("/api/runs", task_id=999999999))["total"] == 0


def test_runs_are_filtered_by_days_in_utc_both_included(grid, tasks):
    task = tasks.make()
    run = tasks.trigger(task)["run_id"]
    made = datetime.fromisoformat(grid.run(run)["created_at"]).astimezone(UTC).date()
    before, after = made - timedelta(days=1), made + timedelta(days=1)

    def found(**days):
        return [item["id"] for item in data(grid.get("/api/runs", task_id=task["id"], **days))["items"]]

    assert found(start_date=made, end_date=made) == found(start_date=before) == found(end_date=after) == [run]
    assert found(start_date=after) == found(end_date=before) == []
    assert found(start_date="0001-01-01", end_date="9999-12-31") == [run]


def test_runs_are_found_by_a_part_of_their_tasks_name_and_by_number(grid, tasks, word):
    one, other = tasks.make(name=f"Nightly-{word}"), tasks.make()
    runs = [tasks.trigger(task)["run_id"] for task in (one, other, one)]

    def found(**query):
        return [
            item["id"] for item in data(grid.get("/api/runs", task_id=query.pop("task_id", None), **query))["items"]
        ]

    assert found(search=f"NIGHTLY-{word}"[3:]) == found(search=f"{word}", status="pending") == [runs[2], runs[0]]
    assert found(search=word, task_id=other["id"]) == found(search=f"%{word}") == []
    assert found(search=str(runs[1]), task_id=other["id"]) == [runs[1]]
    assert found(search=str(runs[1]), status="completed", task_id=other["id"]) == []
    assert found(search="9" * 30) == []


def test_runs_are_found_from_an_instant_on(grid, tasks):
    task = tasks.make()
    first, second = (tasks.trigger(task)["run_id"] for _ in range(2))
    made = datetime.fromisoformat(grid.run(second)["created_at"])

    def found(**query):
        return [item["id"] for item in data(grid.get("/api/runs", task_id=task["id"], **query))["items"]]

    assert found(since=made - timedelta(days=1)) == found(since="0001-01-01") == [second, first]
    assert found(since=made.isoformat()) == [second]
    assert found(since=made + timedelta(seconds=1)) == []
    assert found(since=made + timedelta(seconds=1), start_date=made.date()) == []
    assert offence(grid.get("/api/runs", since="yesterday")) == ("since", "datetime")


def test_days_in_the_wrong_order_are_refused(grid):
    answer = grid.get("/api/runs", start_date="2024-01-02", end_date="2024-01-01")
    assert offence(answer) == ("end_date", "min")


@pytest.mark.parametrize("sort", ["created_at", "id", "started_at", "completed_at"])
def test_runs_are_sorted_both_ways(grid, tasks, ran, sort):
    task = tasks.make()
    runs = [ran(task), ran(task)]
    for order, expected in (("asc", runs), ("desc", runs[::-1])):
        page = data(grid.get("/api/runs", task_id=task["id"], sort=sort, order=order))
        assert [item["id"] for item in page["items"]] == expected
