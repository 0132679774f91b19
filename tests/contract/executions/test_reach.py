"""Who is confined to his own executions neither sees nor ends those of others."""

import pytest

from .conftest import detail


@pytest.fixture(scope="module")
def task(people):
    """A task of the author's, whom it takes to execute it."""
    task = people["author"].tasks.make()
    yield task
    people["admin"].grid.ask("DELETE", f"/api/tasks/{task['id']}")


@pytest.fixture
def made(people, task):
    """Whose → an execution of theirs, ended when the test is over."""
    runs = {who: people[who].grid.submit() for who in ("ann", "bob")}
    shown = {who: {"executionId": people["admin"].grid.run(run)["uuid"]} for who, run in runs.items()}
    yield {**shown, "author": people["author"].execute(task)}
    people["admin"].cancel("all")


def is_running(people, execution) -> bool:
    return people["admin"].status(execution)["status"] == "running"


def test_an_execution_of_somebody_else_is_not_found(people, made):
    theirs, mine = made["bob"]["executionId"], made["ann"]
    assert people["ann"].status(mine)["executionId"] == mine["executionId"]
    answer = people["ann"].grid.get(f"/tasks/running/execution/{theirs}")
    assert detail(answer, 404) == f"Execution {theirs} not found"
    for who in ("reader", "onlooker", "admin"):
        assert people[who].status(made["bob"])["status"] == "running"


def test_who_asks_for_one_is_in_the_log(people, made, eventually):
    path = f"/tasks/running/execution/{made['bob']['executionId']}"
    people["ann"].grid.get(path)

    def told() -> bool:
        items = people["admin"].grid.get("/api/system/logs", level="warn", size=200).json()["data"]["items"]
        return any(item["metadata"].get("path") == path for item in items)

    eventually(told, "the refusal is in the journal")


def test_a_list_is_ones_own(people, made, task):
    assert people["ann"].of(task) == []
    for who in ("author", "reader", "admin"):
        newest, *_ = people[who].of(task)
        assert newest["executionId"] == made["author"]["executionId"]


def test_cancelling_by_id_ends_ones_own_alone(people, made):
    ids = [made[who]["executionId"] for who in ("bob", "ann")]
    for who in ("ann", "onlooker"):
        ended = people[who].cancel("by-ids", {"executionIds": ids}).json()
        own = ids[1:] if who == "ann" else []
        assert ended == {"cancelled": own, "notFound": [one for one in ids if one not in own]}
    assert is_running(people, made["bob"])


def test_cancelling_by_task_ends_ones_own_alone(people, made, task):
    ended = people["bob"].cancel("by-task-names", {"taskNames": [task["name"]]}).json()
    assert ended == {"cancelled": [], "taskNotFound": []}
    assert is_running(people, made["author"])
    ended = people["author"].cancel("by-task-names", {"taskNames": [task["name"]]}).json()
    assert ended == {"cancelled": [made["author"]["executionId"]], "taskNotFound": []}


def test_cancelling_all_ends_ones_own_alone(people, made):
    assert people["bob"].cancel("all").json() == {"count": 1}
    assert [is_running(people, made[who]) for who in ("ann", "bob", "author")] == [True, False, True]


def test_a_key_without_the_scope_is_refused(people, task):
    assert "write:tasks" in detail(people["ann"].grid.post(f"/tasks/{task['name']}/execute/api", {}), 403)
    assert "write:runs" in detail(people["reader"].cancel("all"), 403)


def test_an_execution_is_his_who_asked_for_it(people, made):
    assert people["author"].status(made["author"])["status"] == "running"
    assert people["admin"].run(made["author"])["submitter"] == "author"
