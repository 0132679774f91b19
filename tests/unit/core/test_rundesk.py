"""Finding and cancelling runs: one by its UUID, those of a task, many at once."""

import pytest

from idlegrid_server.core.commands import CancelUnfinished, HeldAttempt, Order, Report, TriggerWish
from idlegrid_server.core.coordinator import Coordinator, Room
from idlegrid_server.core.definitions import Task, TaskDefinition
from idlegrid_server.core.errors import NotFound, OutOfReach
from idlegrid_server.core.model import Outcome, Run, RunState
from idlegrid_server.core.queries import RunFilter
from idlegrid_server.core.rundesk import CHUNK, RunDesk

from ...parts import submission
from .test_coordinator import HERE

MANY = 2 * CHUNK + 1


async def make(grid: Coordinator, name: str = "sync") -> Task:
    return await grid.tasks.create(TaskDefinition(name=name, command="python"), "print(1)", [], "")


async def trigger(grid: Coordinator, task: Task, submitter: str = "ann") -> Run:
    return await grid.tasks.trigger(task.id, TriggerWish(submitter=submitter))


async def complete(grid: Coordinator) -> Run:
    """The oldest pending run, seen through."""
    await grid.beat("n1", HERE, [])
    (lease,) = (await grid.fetch("n1", Room(1))).leases
    report = Report(run_uuid=lease.run.uuid, lease_id=lease.lease_id, outcome=Outcome.COMPLETED, result="1")
    await grid.report("n1", [report])
    return lease.run


async def states(grid: Coordinator, *runs: Run) -> list[RunState]:
    return [(await grid.view(run.id)).run.state for run in runs]


def test_a_run_is_found_by_its_uuid(grid):
    async def story(coordinator):
        (run,) = await coordinator.submit([submission()])
        assert await coordinator.runs.find(run.uuid, None) == run.id
        with pytest.raises(NotFound, match=r"^Execution nothing not found$"):
            await coordinator.runs.find("nothing", None)

    grid(story)


def test_a_run_of_somebody_else_is_not_found_in_the_same_words(grid):
    async def story(coordinator):
        run = await trigger(coordinator, await make(coordinator))
        assert await coordinator.runs.find(run.uuid, "ann") == run.id
        with pytest.raises(OutOfReach, match=f"^Execution {run.uuid} not found$"):
            await coordinator.runs.find(run.uuid, "bob")

    grid(story)


def test_the_latest_runs_are_the_unfinished_and_then_the_newest_finished_ones(grid):
    async def story(coordinator):
        task, desk = await make(coordinator), coordinator.runs
        runs = [await trigger(coordinator, task, who) for who in ("ann", "bob", "ann", "bob")]
        ended = [await complete(coordinator), await complete(coordinator)]
        assert [run.uuid for run in ended] == [run.uuid for run in runs[:2]]

        async def shown(most: int, within: str | None = None) -> list[int]:
            return [runs.index(view.run) for view in await desk.latest("sync", most, within)]

        runs = [view.run for view in reversed(await desk.latest("sync", 10, None))]
        assert [await shown(most) for most in (1, 2, 3, 4, 10)] == [
            [3], [3, 2], [3, 2, 1], [3, 2, 1, 0], [3, 2, 1, 0],
        ]  # fmt: skip
        assert [await shown(10, "ann"), await shown(1, "bob"), await shown(9, "eve")] == [[2, 0], [3], []]
        with pytest.raises(NotFound, match=r"^Task nothing not found$"):
            await desk.latest("nothing", 10, None)

    grid(story)


class Between:
    """The reader of a grid; `act` is called before the finished runs are looked for."""

    def __init__(self, coordinator: Coordinator, act) -> None:
        self._reader, self._act = coordinator.reader, act

    def __getattr__(self, name: str):
        return getattr(self._reader, name)

    def runs(self, wanted: RunFilter):
        if "completed" in (wanted.states or ()):
            self._act()
        return self._reader.runs(wanted)


def test_a_run_that_ends_between_the_two_looks_is_shown_once_and_as_it_is(grid):
    async def story(coordinator):
        run = await trigger(coordinator, await make(coordinator))
        writer = coordinator._writer
        between = Between(coordinator, lambda: writer.do(CancelUnfinished([run.id])))
        (view,) = await RunDesk(writer, between).latest("sync", 10, None)
        assert (view.run.uuid, view.run.state) == (run.uuid, RunState.CANCELLED)

    grid(story)


def test_cancelling_answers_what_it_ended_in_the_order_asked_and_each_once(grid):
    async def story(coordinator):
        task = await make(coordinator)
        done, first, second, hers = [await trigger(coordinator, task, who) for who in ("ann", "ann", "ann", "bob")]
        await complete(coordinator)
        asked = [second.uuid, "nothing", first.uuid, done.uuid, second.uuid, hers.uuid]
        ended = await coordinator.runs.cancel(asked, "ann")
        assert ended.uuids == [second.uuid, first.uuid]
        assert ended.not_found == ["nothing", done.uuid, hers.uuid]
        assert await states(coordinator, done, first, second, hers) == [
            RunState.COMPLETED, RunState.CANCELLED, RunState.CANCELLED, RunState.PENDING,
        ]  # fmt: skip
        assert (await coordinator.runs.cancel([first.uuid], None)).not_found == [first.uuid]

    grid(story)


def test_all_runs_of_tasks_are_cancelled_but_not_somebody_elses(grid):
    async def story(coordinator):
        sync, feed, other = [await make(coordinator, name) for name in ("sync", "feed", "other")]
        mine = [await trigger(coordinator, task) for task in (sync, feed, sync)]
        left = [await trigger(coordinator, sync, "bob"), await trigger(coordinator, other)]
        ended = await coordinator.runs.cancel_of(["sync", "gone", "feed", "gone", "sync"], "ann")
        assert sorted(ended.uuids) == sorted(run.uuid for run in mine)
        assert ended.not_found == ["gone"]
        assert set(await states(coordinator, *left)) == {RunState.PENDING}
        assert (await coordinator.runs.cancel_of(["gone"], None)).uuids == []

    grid(story)


def test_all_of_more_runs_than_one_command_takes_are_cancelled(grid):
    async def story(coordinator):
        runs = await coordinator.submit([submission()] * MANY)
        kept = runs[: CHUNK + 1]
        ended = await coordinator.runs.cancel([run.uuid for run in kept], None)
        assert ended.uuids == [run.uuid for run in kept]
        await trigger(coordinator, await make(coordinator), "bob")
        assert await coordinator.runs.cancel_all("bob") == 1
        assert await coordinator.runs.cancel_all(None) == MANY - CHUNK - 1
        assert await coordinator.runs.cancel_all(None) == 0

    grid(story)


def test_a_running_one_is_stopped_on_its_node(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        (run,) = await coordinator.submit([submission()])
        (lease,) = (await coordinator.fetch("n1", Room(1))).leases
        assert await coordinator.runs.cancel_all(None) == 1
        held = HeldAttempt(run_uuid=run.uuid, lease_id=lease.lease_id)
        assert (await coordinator.beat("n1", HERE, [held])).orders == [
            Order("stop", run.uuid, lease.lease_id, "cancelled")
        ]

    grid(story)
