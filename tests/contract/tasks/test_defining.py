"""Making, showing, changing and deleting tasks."""

from itertools import pairwise

import pytest

from ..envelope import data, error, moment, offence

DOCUMENTED = {
    *("id", "name", "description", "task_type", "executor", "command", "arguments", "schedule", "priority"),
    *("retry_count", "timeout_seconds", "status", "created_at", "updated_at", "last_run_at", "next_run_at"),
    *("dependencies", "tags", "metadata"),
}
OURS = {
    *("interval_seconds", "timezone", "requires", "resources", "min_sandbox", "max_instances", "job_type"),
    *("job_category", "parameters", "submitter", "has_code", "last_status"),
}
TASK = DOCUMENTED | OURS
DETAIL = TASK | {"code", "files", "statistics", "next_firings"}

EXAMPLE = {
    "description": "处理每日数据",
    "task_type": "python",
    "executor": "python",
    "command": "process_data.py",
    "arguments": ["--input", "data.csv"],
    "schedule": "0 2 * * *",
    "priority": "normal",
    "retry_count": 3,
    "timeout_seconds": 3600,
    "tags": ["data", "daily"],
}
"""The document's."""


def shown(task, names):
    return {name: task[name] for name in names}


def test_the_documented_task_is_made_as_documented(tasks):
    task = tasks.make(**EXAMPLE, code=None)
    assert set(task) == TASK
    assert shown(task, EXAMPLE) == EXAMPLE
    assert (task["status"], task["dependencies"], task["metadata"], task["last_run_at"]) == ("active", [], {}, None)
    assert task["created_at"] == task["updated_at"]
    due = moment(task["next_run_at"])
    assert (due.hour, due.minute, due > moment(task["created_at"])) == (2, 0, True)
    assert isinstance(task["timeout_seconds"], int)


def test_the_least_that_a_task_needs_has_the_documented_defaults(tasks):
    words = {"name": "least-of-all", "task_type": "shell", "executor": "sh", "command": "true"}
    task = data(tasks.grid.post("/api/tasks", words), 201)
    tasks.made.append(task["id"])
    assert (task["priority"], task["retry_count"], task["timeout_seconds"]) == ("normal", 3, 3600)
    assert (task["description"], task["arguments"], task["schedule"], task["next_run_at"]) == ("", [], None, None)
    assert (task["max_instances"], task["interval_seconds"], task["timezone"]) == (1, None, "UTC")
    assert (task["requires"], task["resources"], task["min_sandbox"]) == ([], {"cpu": 1, "memory": 512}, None)
    assert (task["job_type"], task["job_category"], task["parameters"], task["has_code"]) == (None, None, {}, False)


def test_all_that_may_be_said_comes_back(tasks):
    said = {
        "code": "print('é')",
        "arguments": ["a", "é"],
        "interval_seconds": 1.5,
        "priority": "critical",
        "retry_count": 0,
        "timeout_seconds": 0.5,
        "tags": ["每日", "b"],
        "requires": ["gpu", "linux"],
        "resources": {"cpu": 0.5, "memory": 100},
        "max_instances": 3,
        "job_type": "report",
        "job_category": "daily",
        "parameters": {"a": [1, {"b": None}]},
        "min_sandbox": 2,
        "metadata": {"owner": "nobody", "n": 1.5},
    }
    task = tasks.detail(tasks.make(**said))
    assert set(task) == DETAIL
    assert shown(task, said) == said


def test_a_new_tasks_statistics_are_empty(tasks):
    task = tasks.detail(tasks.make())
    assert task["statistics"] == {
        "total_runs": 0,
        "successful_runs": 0,
        "failed_runs": 0,
        "average_execution_time": None,
        "last_execution_status": None,
    }
    assert (task["files"], task["next_firings"], task["last_status"]) == (0, [], None)


def test_the_next_five_firings_are_told(tasks):
    task = tasks.detail(tasks.make(interval_seconds=86_400))
    firings = [moment(text) for text in task["next_firings"]]
    assert (len(firings), task["next_firings"][0]) == (5, task["next_run_at"])
    assert {(b - a).days for a, b in pairwise(firings)} == {1}


@pytest.mark.parametrize("numbers", [False, True])
def test_dependencies_may_be_ids_or_names_and_come_back_as_ids(tasks, numbers):
    one, two = tasks.make(), tasks.make()
    child = tasks.make(dependencies=[one["id"] if numbers else str(one["id"]), two["name"]])
    assert child["dependencies"] == [str(one["id"]), str(two["id"])]


def test_hints_may_come_inside_metadata_and_lose_to_the_top(tasks):
    inside = {"interval_seconds": 7200, "max_instances": 4, "job_type": "inside", "timezone": "Asia/Shanghai", "x": 1}
    task = tasks.make(metadata=inside, job_type="top", job_category=None)
    assert (task["interval_seconds"], task["max_instances"], task["job_type"]) == (7200, 4, "top")
    assert (task["timezone"], task["metadata"]) == ("Asia/Shanghai", inside)


def test_a_schedule_is_read_in_the_zone_of_the_metadata(tasks):
    task = tasks.make(schedule="0 2 * * *", metadata={"timezone": "Asia/Shanghai"})
    assert moment(task["next_run_at"]).hour == 18


def test_what_came_from_metadata_goes_with_it(tasks):
    task = tasks.make(metadata={"max_instances": 4, "job_type": "a"}, job_category="kept")
    assert tasks.changed(task, description="x")["max_instances"] == 4
    task = tasks.changed(task, metadata={"job_type": "b"})
    assert (task["max_instances"], task["job_type"], task["job_category"]) == (1, "b", "kept")


def test_an_update_changes_what_it_names_and_nothing_else(tasks):
    before = tasks.make(**EXAMPLE, code=None)
    after = tasks.changed(before, name=f"{before['name']}_updated", priority="high", retry_count=5, tags=["critical"])
    assert set(after) == TASK
    changed = {"name", "priority", "retry_count", "tags", "updated_at"}
    assert {name for name in TASK if before[name] != after[name]} == changed
    assert moment(after["updated_at"]) >= moment(before["updated_at"])
    assert tasks.changed(after)["priority"] == "high"


GONE = [
    ("description", "x", ""),
    ("arguments", ["a"], []),
    ("schedule", "0 2 * * *", None),
    ("interval_seconds", 60, None),
    ("code", "print(2)", None),
    ("priority", "high", "normal"),
    ("retry_count", 9, 3),
    ("timeout_seconds", 5, 3600),
    ("tags", ["a"], []),
    ("metadata", {"a": 1}, {}),
    ("requires", ["gpu"], []),
    ("resources", {"cpu": 2, "memory": 1024}, {"cpu": 1, "memory": 512}),
    ("max_instances", 5, 1),
    ("job_type", "a", None),
    ("job_category", "a", None),
    ("parameters", {"a": 1}, {}),
    ("min_sandbox", 4, None),
]


@pytest.mark.parametrize(("field", "value", "usual"), GONE, ids=[field for field, _, _ in GONE])
def test_null_takes_a_value_away(tasks, field, value, usual):
    task = tasks.make(**{field: value})
    assert tasks.detail(task)[field] == value
    tasks.changed(task, **{field: None})
    assert tasks.detail(task)[field] == usual


def test_a_schedule_that_is_taken_away_fires_no_more(tasks):
    task = tasks.make(schedule="* * * * *")
    assert tasks.changed(task, schedule=None)["next_run_at"] is None
    task = tasks.changed(task, interval_seconds=3600)
    assert offence(tasks.put(task, schedule="0 2 * * *")) == ("interval_seconds", "exclusive")
    task = tasks.changed(task, schedule="0 2 * * *", interval_seconds=None)
    assert (task["schedule"], moment(task["next_run_at"]).hour) == ("0 2 * * *", 2)


def test_dependencies_are_changed_and_taken_away(tasks):
    parent, task = tasks.make(), tasks.make()
    assert tasks.changed(task, dependencies=[parent["name"]])["dependencies"] == [str(parent["id"])]
    assert tasks.changed(task, description="x")["dependencies"] == [str(parent["id"])]
    assert tasks.changed(task, dependencies=None)["dependencies"] == []


def test_a_deleted_task_is_gone(tasks):
    task = tasks.make()
    assert data(tasks.delete(task)) == {"message": "任务删除成功", "deleted_id": task["id"]}
    path = f"/api/tasks/{task['id']}"
    asked = [("GET", path), ("DELETE", path), ("GET", f"{path}/files")]
    asked += [("POST", f"{path}/{verb}") for verb in ("trigger", "pause", "resume")]
    for method, where in asked:
        error(tasks.grid.ask(method, where), 404, "RESOURCE_NOT_FOUND")
    error(tasks.put(task, description="x"), 404, "RESOURCE_NOT_FOUND")


def test_deleting_cancels_what_has_not_ended_and_keeps_the_rest(tasks, grid, ran):
    task = tasks.make()
    ended, unfinished = ran(task), tasks.trigger(task)["run_id"]
    data(tasks.delete(task))
    assert (grid.run(ended)["status"], grid.run(ended)["task_name"]) == ("completed", task["name"])
    assert grid.run(unfinished)["status"] == "aborted"


def test_a_name_belongs_to_one_task(tasks):
    one, two = tasks.make(), tasks.make()
    words = tasks.words(name=one["name"])
    assert one["name"] in error(tasks.grid.post("/api/tasks", words), 409, "RESOURCE_CONFLICT")
    error(tasks.put(two, name=one["name"]), 409, "RESOURCE_CONFLICT")
    assert tasks.changed(one, name=one["name"])["id"] == one["id"]
    data(tasks.delete(one))
    assert tasks.changed(two, name=one["name"])["name"] == one["name"]


def test_a_parent_cannot_be_deleted(tasks):
    parent = tasks.make()
    child = tasks.make(dependencies=[parent["id"]])
    assert str(child["id"]) in error(tasks.delete(parent), 409, "RESOURCE_CONFLICT")
    data(tasks.delete(child))
    data(tasks.delete(parent))


def test_a_cycle_is_refused_and_named(tasks):
    one = tasks.make()
    two = tasks.make(dependencies=[one["id"]])
    three = tasks.make(dependencies=[two["id"]])
    answer = tasks.put(one, dependencies=[three["name"]])
    assert offence(answer) == ("dependencies", "acyclic")
    cycle = [str(task["id"]) for task in (one, three, two, one)]
    assert answer.json()["error"]["details"]["value"] == cycle
    assert offence(tasks.put(one, dependencies=[one["id"]])) == ("dependencies", "acyclic")


@pytest.mark.parametrize("parent", ["nobody-has-this-name", "999999999", 999999999])
def test_a_parent_that_is_not_there_is_named(tasks, parent):
    answer = tasks.grid.post("/api/tasks", tasks.words(dependencies=[parent]))
    assert offence(answer) == ("dependencies", "exists")
    assert answer.json()["error"]["details"]["value"] == str(parent)


def test_a_mebibyte_of_code_is_taken_even_when_all_of_it_is_escaped(tasks):
    code = "#" + "\x01" * ((1 << 20) - 1)
    assert tasks.detail(tasks.make(code=code))["code"] == code
