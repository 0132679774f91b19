"""Whose runs a caller may see and change, and what is told of them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import event

from idlegrid_server.core.access import Access, Caller, in_reach
from idlegrid_server.core.commands import CreateTask, FireTasks
from idlegrid_server.core.definitions import Task, TaskDefinition, Timing
from idlegrid_server.core.errors import NotAuthorized, NotFound
from idlegrid_server.core.model import Notice
from idlegrid_server.core.updates import Updates

from ...parts import submission
from .task_stage import CALENDAR, FIFO, TaskStage

READ, WRITE = Access("read:runs", own="submit"), Access("write:runs", own="submit")


def caller(*scopes: str) -> Caller:
    return Caller("ann", frozenset(scopes), 1)


@pytest.mark.parametrize(
    ("scopes", "access", "within"),
    [
        (("submit",), READ, "ann"),
        (("submit",), WRITE, "ann"),
        (("read:runs",), READ, None),
        (("submit", "read:runs"), READ, None),
        (("submit", "read:runs"), WRITE, "ann"),
        (("write:runs",), WRITE, None),
        (("admin",), READ, None),
    ],
)
def test_who_lacks_the_scope_is_confined_to_his_own_runs(scopes, access, within):
    assert caller(*scopes).confined(access) == within


@pytest.mark.parametrize(("scopes", "access"), [(("read:runs",), WRITE), (("write:runs",), READ), (("node",), READ)])
def test_who_has_neither_scope_reaches_nothing(scopes, access):
    with pytest.raises(NotAuthorized, match=access.scope):
        caller(*scopes).confined(access)


def test_a_run_of_ones_own_is_in_reach_and_one_without_bound_reaches_all():
    assert [in_reach(*case) for case in (("ann", "ann"), ("bob", "ann"), ("", "ann"), ("bob", None))] == [
        True, False, False, True,
    ]  # fmt: skip
    caller("submit").check_run("ann", "ann", "Run 1 not found")


@pytest.mark.parametrize("submitter", ["bob", "", None])
def test_a_run_of_somebody_else_is_no_run_at_all(submitter):
    with pytest.raises(NotFound, match=r"^Run 1 not found$"):
        caller("submit").check_run(submitter, "ann", "Run 1 not found")


def test_who_may_see_all_runs_is_told_why_he_cannot_change_them():
    with pytest.raises(NotAuthorized, match="lacks the scope write:runs"):
        caller("submit", "read:runs").check_run("bob", "ann", "Run 1 not found")
    with pytest.raises(NotFound):
        caller("submit", "read:runs").check_run(None, "ann", "Run 1 not found")


def test_a_confined_listener_hears_of_nodes_and_of_his_own_runs():
    updates = Updates()
    news = [Notice("task_created", 1, "pending", None, "ann"), Notice("task_created", 2, "pending", None, "bob")]
    news.append(Notice("node_joined", None, "idle", "n1"))
    with updates.listening("ann") as ann, updates.listening() as all_ears, updates.listening("carl") as carl:
        updates.publish(news)
        heard = [[listener.get_nowait() for _ in range(listener.qsize())] for listener in (ann, all_ears, carl)]
    assert heard == [[news[0], news[2]], news, [news[2]]]


def test_whose_a_new_run_is_needs_no_look_into_the_record(grid, engine):
    looks: list[object] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(connection, cursor, statement, parameters, context, many):
        if statement.startswith("SELECT runs.submitter"):
            looks.append(parameters[0])

    async def story(coordinator):
        (run,) = await coordinator.submit([submission()])
        await coordinator.submit([])  # the coordinator has heard of the batch before
        assert await coordinator.submitter_of(run.id) == ""
        assert looks == []
        await coordinator.cancel(run.id)
        await coordinator.submit([])
        assert [await coordinator.submitter_of(number) for number in (run.id, 999, 0, -1, 2**70)] == ["", *[None] * 4]
        assert looks == [run.id, 999]

    grid(story)


def create(stage: TaskStage, name: str, submitter: str, parents=(), **words: object) -> Task:
    definition = TaskDefinition(name=name, command="python", **words)
    command = CreateTask(calendar=CALENDAR, parents=list(parents), code="1", definition=definition, submitter=submitter)
    return stage.do(command)


@pytest.fixture
def stage(engine, clock) -> Iterator[TaskStage]:
    stage = TaskStage(engine, clock)
    yield stage
    stage.coordinator.stop()


def test_a_run_of_a_task_is_his_who_triggers_it_else_the_tasks(stage):
    task = create(stage, "extract", "ann", timing=Timing(interval_seconds=60))
    child = create(stage, "child", "bob", ["extract"])
    made = [stage.trigger(task, submitter=name) for name in ("carl", "")]
    stage.work_off()
    stage.clock.advance(60)
    (fired,) = stage.do(FireTasks([task.id], [stage.uuid()], ["fire_1"], CALENDAR, FIFO))
    followed = stage.runs(child)
    assert {run.trigger for run in followed} == {"dependency"}
    assert [run.submitter for run in (*made, fired.run, followed[0])] == ["carl", "", "ann", "bob"]
