"""Tasks through the writer and the keeper, over a real SQLite: definitions, triggers, schedules, dependencies."""

import json
from collections.abc import Iterator

import pytest

from idlegrid_server.core.commands import (
    CancelRun,
    DeleteTask,
    PauseTask,
    RestartRun,
    TriggerTask,
    TriggerWish,
)
from idlegrid_server.core.commands.tasks import find_cycle
from idlegrid_server.core.definitions import TaskStatus, Timing, Trigger
from idlegrid_server.core.errors import Conflict, InvalidInput, NotFound
from idlegrid_server.core.model import Outcome, RunState
from idlegrid_server.housekeeping.firing import in_turns

from ...parts import START
from .task_stage import CALENDAR, FIFO, TaskStage


@pytest.fixture
def stage(engine, clock) -> Iterator[TaskStage]:
    stage = TaskStage(engine, clock)
    stage.coordinator.look()
    yield stage
    stage.coordinator.stop()


def test_a_task_is_read_back_as_it_was_defined(stage) -> None:
    parent = stage.create("parent")
    made = stage.create(
        "child",
        parents=["parent"],
        description="d",
        arguments=("a", "b"),
        tags=("x",),
        timing=Timing(schedule="0 2 * * *", timezone="Europe/Berlin"),
        parameters='{"a": 1}',
        metadata='{"m": 2}',
        job_type="kline",
    )
    found = stage.task(made)
    assert found == made
    assert found.definition.dependencies == (parent.id,)
    assert stage.reader.task_code(made.id) == "print(1)"


def test_a_name_that_is_taken_is_refused_also_within_one_batch(stage) -> None:
    stage.create("extract")
    with pytest.raises(Conflict, match="named extract"):
        stage.create("extract")


@pytest.mark.parametrize("name", ["", "12", "executions", "a b", "-x", "ä", "x" * 201])
def test_a_name_that_would_not_do_in_a_path_is_refused(stage, name) -> None:
    with pytest.raises(InvalidInput) as caught:
        stage.create(name)
    assert caught.value.field == "name"


def test_an_unknown_dependency_is_named(stage) -> None:
    with pytest.raises(InvalidInput, match="no task 77") as caught:
        stage.create("child", parents=["77"])
    assert (caught.value.field, caught.value.rule) == ("dependencies", "exists")


def test_a_cycle_is_named_with_its_way(stage) -> None:
    first = stage.create("first")
    second = stage.create("second", parents=["first"])
    third = stage.create("third", parents=[str(second.id)])
    with pytest.raises(InvalidInput, match=f"{first.id} -> {third.id} -> {second.id} -> {first.id}") as caught:
        stage.update(first, parents=["third"])
    assert caught.value.rule == "acyclic"
    with pytest.raises(InvalidInput, match="wait for each other"):
        stage.update(first, parents=["first"])


def test_an_update_changes_what_it_names_and_nothing_else(stage) -> None:
    task = stage.create(description="old", tags=("a",))
    stage.clock.advance(5)
    stage.update(task, description="new")
    found = stage.task(task)
    assert (found.definition.description, found.definition.tags) == ("new", ("a",))
    assert (found.created_at, found.updated_at) == (START, START + 5)
    assert stage.reader.task_code(task.id) == "print(1)"
    stage.update(task, code=None)
    assert stage.reader.task_code(task.id) is None
    assert not stage.task(task).has_code


def test_what_is_not_there_is_not_found(stage) -> None:
    task = stage.create()
    stage.do(DeleteTask(task.id))
    for command in (
        PauseTask(task.id, True, CALENDAR),
        DeleteTask(task.id),
        TriggerTask(task.id, "x", TriggerWish(), FIFO),
    ):
        with pytest.raises(NotFound):
            stage.do(command)
    with pytest.raises(NotFound):
        stage.update(task, description="new")


def test_a_task_that_others_depend_on_is_not_deleted(stage) -> None:
    parent = stage.create("parent")
    child = stage.create("child", parents=["parent"])
    with pytest.raises(Conflict, match=f"dependency of task\\(s\\) {child.id}"):
        stage.do(DeleteTask(parent.id))
    stage.update(child, parents=[])
    stage.do(DeleteTask(parent.id))
    assert stage.reader.task(parent.id) is None


def test_a_trigger_lays_its_parameters_over_those_of_the_task(stage) -> None:
    task = stage.create(parameters='{"a": 1, "b": 2}', timeout=77.0)
    run = stage.trigger(task, parameters='{"b": 3}', submitter="ann")
    detail = stage.reader.detail(run.id)
    assert json.loads(detail.parameters) == {"a": 1, "b": 3}
    assert (run.timeout, run.submitter, run.trigger, run.task_name) == (77.0, "ann", Trigger.MANUAL, "extract")
    assert stage.trigger(task, timeout=5.0).timeout == 5.0


def test_the_life_of_its_runs_is_counted_in_the_task(stage) -> None:
    task = stage.create(retry_limit=0)
    stage.trigger(task)
    assert (stage.task(task).total_runs, stage.task(task).unfinished) == (1, 1)
    stage.clock.advance(3)
    (run,) = stage.lease()
    assert stage.task(task).last_run_at == START + 3
    stage.clock.advance(4)
    stage.finish(run)
    found = stage.task(task)
    assert (found.completed_runs, found.unfinished, found.run_seconds) == (1, 0, 4.0)
    assert (found.status, found.last_state) == (TaskStatus.COMPLETED, RunState.COMPLETED)
    stage.trigger(task)
    assert stage.task(task).status is TaskStatus.ACTIVE
    stage.work_off(Outcome.FAILED)
    found = stage.task(task)
    assert (found.status, found.failed_runs, found.last_state) == (TaskStatus.FAILED, 1, RunState.FAILED)
    assert [stage.counted(status) for status in TaskStatus] == [0, 0, 0, 1]


def test_a_failed_run_is_tried_again_as_often_as_its_task_says(stage) -> None:
    task = stage.create(retry_limit=2)
    run = stage.trigger(task)
    delays = []
    for _ in range(2):
        stage.work_off(Outcome.FAILED)
        delays.append(stage.run(run).not_before - stage.clock.now())
        stage.pass_time(delays[-1] + 1)
    stage.work_off(Outcome.FAILED)
    assert stage.run(run).state is RunState.FAILED
    assert 1 <= delays[0] <= 1.5
    assert 2 <= delays[1] <= 3


def test_a_python_task_without_its_file_fails_at_once_and_names_it(stage) -> None:
    task = stage.create(code=None)
    run = stage.trigger(task)
    assert run.state is RunState.WAITING
    stage.coordinator.look()
    view = stage.reader.view(run.id)
    assert (view.run.state, view.run.reason, view.error) == (RunState.FAILED, "no_such_file", "no such file: python")
    again = stage.do(RestartRun(run.id, stage.uuid(), "", FIFO))
    stage.coordinator.look()
    assert stage.reader.view(again.id).error == "no such file: python"


def test_a_paused_task_does_not_fire_and_is_not_triggered(stage) -> None:
    task = stage.create(timing=Timing(interval_seconds=10))
    stage.do(PauseTask(task.id, True, CALENDAR))
    assert stage.task(task).next_run_at is None
    stage.pass_time(30)
    assert stage.runs(task) == []
    with pytest.raises(Conflict, match="paused"):
        stage.trigger(task)
    stage.do(PauseTask(task.id, False, CALENDAR))
    assert stage.task(task).next_run_at == stage.clock.now() + 10


def test_a_task_fires_at_each_of_its_times_once(stage) -> None:
    task = stage.create(timing=Timing(interval_seconds=10), max_instances=100)
    stage.pass_time(35)
    assert [run.scheduled_for - START for run in stage.runs(task)] == [10, 20, 30]
    assert {run.trigger for run in stage.runs(task)} == {"schedule"}
    assert stage.task(task).next_run_at == START + 40


def test_after_downtime_one_missed_firing_is_made_up(stage) -> None:
    task = stage.create(timing=Timing(interval_seconds=10), max_instances=100)
    stage.clock.advance(95)
    stage.coordinator.look()
    stage.coordinator.look()
    assert [run.scheduled_for - START for run in stage.runs(task)] == [10]
    assert stage.task(task).next_run_at == START + 100


def test_firings_that_are_a_little_late_are_all_made(stage) -> None:
    task = stage.create(timing=Timing(interval_seconds=2), max_instances=100)
    stage.clock.advance(9)
    for _ in range(4):
        stage.coordinator.look()
    assert [run.scheduled_for - START for run in stage.runs(task)] == [2, 4, 6]
    assert stage.task(task).next_run_at == START + 8


def test_a_firing_is_skipped_while_enough_runs_are_unfinished(stage) -> None:
    task = stage.create(timing=Timing(interval_seconds=10))
    stage.pass_time(25)
    assert len(stage.runs(task)) == 1
    stage.work_off()
    stage.pass_time(10)
    assert [run.scheduled_for - START for run in stage.runs(task)] == [10, 30]


def test_a_wake_fires_what_is_due_without_delay(stage) -> None:
    task = stage.create(timing=Timing(interval_seconds=10))
    stage.clock.advance(10)
    stage.coordinator.look()
    assert stage.runs(task) == []
    stage.coordinator.keeper.wake()
    stage.coordinator.look()
    assert len(stage.runs(task)) == 1


def test_a_new_schedule_counts_from_the_change(stage) -> None:
    task = stage.create(timing=Timing(interval_seconds=10))
    stage.clock.advance(5)
    stage.update(task, timing=Timing(interval_seconds=100))
    assert stage.task(task).next_run_at == START + 105
    stage.update(task, timing=Timing())
    assert stage.task(task).next_run_at is None


def test_parent_child_and_grandchild_run_one_after_the_other_by_dependencies_alone(stage) -> None:
    stage.create("child", parents=[str(stage.create("parent").id)])
    stage.create("grandchild", parents=["child"])
    stage.do(TriggerTask(1, stage.uuid(), TriggerWish(), FIFO))
    assert [stage.work_off() for _ in range(4)] == [["parent"], ["child"], ["grandchild"], []]


def test_a_dependent_waits_until_all_its_parents_have_completed_anew(stage) -> None:
    left, right = stage.create("left"), stage.create("right")
    child = stage.create("child", parents=["left", "right"])
    stage.trigger(left)
    assert stage.work_off() == ["left"]
    assert stage.work_off() == []
    stage.trigger(right)
    assert stage.work_off() == ["right"]
    assert stage.work_off() == ["child"]
    stage.trigger(left)
    assert stage.work_off() == ["left"]
    assert stage.work_off() == []
    (run,) = stage.runs(child)
    assert (run.trigger, run.parents_key) == ("dependency", "1,2")


def test_a_failed_parent_fails_the_run_that_waits_and_is_named_in_it(stage) -> None:
    parent = stage.create("parent", retry_limit=0)
    child, grandchild = stage.create("child", parents=["parent"]), stage.create("grandchild", parents=["child"])
    first = stage.trigger(parent)
    second, third = stage.trigger(child), stage.trigger(grandchild)
    assert (second.state, second.reason) == (RunState.WAITING, "dependency")
    stage.work_off(Outcome.FAILED)
    assert stage.reader.view(second.id).error == f"dependency failed: parent (run {first.id}) failed"
    assert stage.reader.view(third.id).error == f"dependency failed: child (run {second.id}) failed"
    assert stage.run(third).reason == "dependency_failed"


def test_a_run_of_a_child_waits_for_the_first_run_of_a_parent_that_never_ran(stage) -> None:
    parent = stage.create("parent")
    child = stage.create("child", parents=["parent"], timing=Timing(schedule="0 0 1 1 *"))
    waiting = stage.trigger(child)
    stage.coordinator.look()
    assert stage.run(waiting).state is RunState.WAITING
    stage.trigger(parent)
    assert stage.work_off() == ["parent"]
    assert stage.run(waiting).state is RunState.PENDING


def test_a_satisfied_dependency_holds_nothing_up(stage) -> None:
    parent = stage.create("parent")
    stage.trigger(parent)
    stage.work_off()
    child = stage.create("child", parents=["parent"])
    assert stage.trigger(child).state is RunState.PENDING
    stage.trigger(parent)
    assert stage.trigger(child).state is RunState.WAITING


def test_a_cancelled_run_that_waited_waits_no_more(stage) -> None:
    parent = stage.create("parent")
    child = stage.create("child", parents=["parent"], timing=Timing(schedule="0 0 1 1 *"))
    waiting = stage.trigger(child)
    stage.do(CancelRun(waiting.id))
    stage.trigger(parent)
    stage.work_off()
    assert stage.run(waiting).state is RunState.CANCELLED
    assert stage.reader.settled_waits(10) == []


def test_a_parent_due_at_the_same_instant_is_made_first(stage) -> None:
    child = stage.create("child", timing=Timing(interval_seconds=10))
    parent = stage.create("parent", timing=Timing(interval_seconds=10))
    stage.update(child, parents=["parent"])
    stage.pass_time(12)
    assert stage.work_off() == ["parent"]
    assert stage.work_off() == ["child"]
    assert stage.runs(child)[0].scheduled_for == stage.runs(parent)[0].scheduled_for


def test_a_restarted_run_has_the_code_parameters_and_needs_of_the_first(stage) -> None:
    task = stage.create(parameters='{"a": 1}')
    run = stage.trigger(task)
    with pytest.raises(Conflict, match="has not ended"):
        stage.do(RestartRun(run.id, "x", "", FIFO))
    stage.work_off()
    again = stage.do(RestartRun(run.id, stage.uuid(), "bob", FIFO))
    assert (again.task_id, again.trigger, again.submitter, again.queue) == (task.id, "restart", "bob", run.queue)
    assert stage.reader.detail(again.id).code == "print(1)"
    with pytest.raises(NotFound):
        stage.do(RestartRun(999, "x", "", FIFO))


def test_runs_that_a_deleted_task_has_left_are_found(stage) -> None:
    task = stage.create()
    run = stage.trigger(task)
    stage.do(DeleteTask(task.id))
    assert stage.reader.orphans(10) == [run.id]
    stage.do(CancelRun(run.id))
    assert stage.reader.orphans(10) == []
    assert stage.run(run).task_name == "extract"


def test_an_idempotency_key_triggers_once(stage) -> None:
    task = stage.create()
    made = [stage.do(TriggerTask(task.id, stage.uuid(), TriggerWish(), FIFO, "key", "print")).id for _ in range(2)]
    assert made[0] == made[1]
    assert len(stage.runs(task)) == 1


def test_turns_put_parents_before_children_and_leave_nothing_out() -> None:
    assert in_turns([3, 2, 1], {3: {2}, 2: {1}}) == [[1], [2], [3]]
    assert in_turns([1, 2], {1: {2}, 2: {1}}) == [[1, 2]]
    assert in_turns([], {}) == []


def test_a_cycle_is_found_wherever_it_begins() -> None:
    assert find_cycle({1: {2}, 2: {3}, 3: {1}}, 2) == [2, 3, 1, 2]
    assert find_cycle({1: {2, 3}, 2: {3}}, 1) == []
