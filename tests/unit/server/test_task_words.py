"""From a task's words to its definition."""

import json

import pytest

from idlegrid_server.core.commands.tasks import KEEP
from idlegrid_server.core.definitions import TaskDefinition, Timing
from idlegrid_server.core.model import Need, Priority
from idlegrid_server.http.dialects.tasks import task_words
from idlegrid_server.http.dialects.tasks.schemas import TaskChange, TaskIn

LEAST = {"name": "a", "task_type": "python", "executor": "python", "command": "a.py"}


def made(**words: object) -> TaskDefinition:
    return task_words.definition(TaskIn.model_validate(LEAST | words))


def changed(old: TaskDefinition, **words: object) -> TaskDefinition:
    return task_words.edit(TaskChange.model_validate(words))(old)


def test_the_least_has_the_cores_defaults():
    assert made() == TaskDefinition(name="a", executor="python", command="a.py")
    nothing = dict.fromkeys(set(TaskIn.model_fields) - set(LEAST))
    assert made(**nothing) == made()


def test_words_become_what_the_core_calls_them():
    task = made(
        schedule="* * * * *",
        priority="high",
        retry_count=7,
        timeout_seconds=5,
        requires=["b", "a", "b"],
        resources={"memory": 0.5},
        min_sandbox=4,
        tags=["t", "s", "t"],
        parameters={"a": 1},
        metadata={"timezone": "Asia/Tokyo"},
    )
    assert task.timing == Timing(schedule="* * * * *", timezone="Asia/Tokyo")
    assert task.need == Need(cpu=1.0, memory_mb=1, requires=("a", "b"), min_sandbox=4)
    assert (task.priority, task.retry_limit, task.timeout, task.tags) == (Priority.HIGH, 7, 5.0, ("t", "s"))
    assert (json.loads(task.parameters), json.loads(task.metadata)) == ({"a": 1}, {"timezone": "Asia/Tokyo"})


@pytest.mark.parametrize("words", [{}, {"name": "b"}, {"priority": "low"}, {"resources": {"cpu": 2}}, {"metadata": {}}])
def test_an_edit_leaves_alone_what_it_does_not_name(words):
    old = made(schedule="* * * * *", interval_seconds=None, requires=["gpu"], max_instances=3, job_type="x")
    new = changed(old, **words)
    assert (new.timing, new.max_instances, new.job_type) == (old.timing, 3, "x")
    assert new.need.requires == ("gpu",)


def test_editing_twice_changes_nothing_more():
    words = {"metadata": {"max_instances": 2, "timezone": "UTC"}, "interval_seconds": 60, "tags": None}
    once = changed(made(tags=["a"]), **words)
    assert changed(once, **words) == once


def test_hints_follow_the_metadata_they_came_from_and_no_other():
    old = made(metadata={"max_instances": 2, "interval_seconds": 60}, job_type="own")
    assert (old.max_instances, old.timing.interval_seconds) == (2, 60)
    new = changed(old, metadata={"max_instances": 5})
    assert (new.max_instances, new.timing.interval_seconds, new.job_type) == (5, None, "own")
    kept = changed(changed(old, max_instances=9), metadata=None)
    assert (kept.max_instances, kept.timing.interval_seconds) == (9, None)


def test_at_the_top_a_hint_wins_unless_it_is_null():
    assert made(max_instances=3, metadata={"max_instances": 2}).max_instances == 3
    assert made(max_instances=None, metadata={"max_instances": 2}).max_instances == 2
    assert changed(made(max_instances=3), max_instances=None).max_instances == 1


def test_code_and_parents_are_kept_unless_they_are_named():
    def said(**words: object) -> tuple[object, object, object]:
        change = TaskChange.model_validate(words)
        return task_words.code(change), task_words.parents(change), task_words.new_name(change)

    assert said() == (KEEP, None, None)
    assert said(code=None, dependencies=None) == (None, [], None)
    assert said(code="", dependencies=[1, "2", "c"], name="b") == (None, ["1", "2", "c"], "b")
