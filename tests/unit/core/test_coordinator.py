"""The coordinator's verbs on an event loop, over a real record and the queue in memory."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from idlegrid_server.core.commands import HeldAttempt, NodeFacts, Order, Report, ReportRuns
from idlegrid_server.core.commands.operator import NodeChange
from idlegrid_server.core.coordinator import Coordinator, Room
from idlegrid_server.core.errors import Conflict, NotFound, StaleReport
from idlegrid_server.core.model import NodeState, NodeWish, Outcome, Sandbox
from idlegrid_server.core.ports import SystemClock
from idlegrid_server.core.writer import Writer
from idlegrid_server.queue.memory import MemoryQueue
from idlegrid_server.record.store import SqlRecord

from ...parts import submission

LONG = 20.0
"""Seconds that a poll may wait; every test below ends long before."""
HERE = NodeFacts(
    state=NodeState.IDLE, slots=4, cpu_cores=4.0, memory_mb=4096, sandbox=Sandbox(level=3), labels=("gpu",)
)

Story = Callable[[Coordinator], Awaitable[Any]]


async def fetch_soon(grid: Coordinator, node: str = "n1", room: Room | None = None) -> "asyncio.Task[Any]":
    """A poll that waits by now."""
    before = grid.polls.waiting()
    asked = asyncio.ensure_future(grid.fetch(node, room or Room(1), LONG))
    while grid.polls.waiting() == before and not asked.done():
        await asyncio.sleep(0)
    await grid.submit([])  # the poll's first look is asked for by now
    await grid.submit([])  # and was written before this
    return asked


def report(lease, outcome=Outcome.COMPLETED, result="1") -> Report:
    return Report(run_uuid=lease.run.uuid, lease_id=lease.lease_id, outcome=outcome, result=result)


def test_a_node_that_never_sent_a_heartbeat_is_told_to(grid):
    async def story(coordinator):
        with pytest.raises(Conflict, match="Node n1 is unknown: send a heartbeat first"):
            await coordinator.fetch("n1", Room(1))
        await coordinator.beat("n1", HERE, [])
        assert (await coordinator.fetch("n1", Room(1))).leases == []
        await coordinator.beat("n1", NodeFacts(state=NodeState.OFFLINE), [])
        await coordinator.submit([])  # the coordinator has heard of the batch before
        with pytest.raises(Conflict):
            await coordinator.fetch("n1", Room(1))

    grid(story)


def test_a_waiting_node_gets_a_run_as_soon_as_it_is_submitted(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        asked = await fetch_soon(coordinator)
        (run,) = await coordinator.submit([submission()])
        work = await asked
        assert [lease.run.uuid for lease in work.leases] == [run.uuid]
        assert coordinator.polls.waiting() == 0

    grid(story)


def test_a_node_gets_no_more_than_it_has_room_for(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        await coordinator.submit([submission()] * 10)
        sizes = [
            len((await coordinator.fetch("n1", room)).leases)
            for room in (Room(0), Room(2), Room(8, cpu=1.5), Room(8, memory_mb=1024), Room(100))
        ]
        assert sizes == [0, 2, 1, 2, 4]

    grid(story)


def test_a_newer_poll_ends_the_older_one_empty(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        older = await fetch_soon(coordinator)
        newer = asyncio.ensure_future(coordinator.fetch("n1", Room(2), LONG))
        assert (await older).leases == []
        await coordinator.submit([submission()])
        assert len((await newer).leases) == 1

    grid(story)


def test_a_full_node_that_waits_still_hears_orders(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        asked = await fetch_soon(coordinator, room=Room(0))
        await coordinator.nodes.update("n1", NodeChange(wish=NodeWish.DRAINING))
        assert (await asked).orders == [Order("drain")]

    grid(story)


def test_the_node_of_a_cancelled_run_hears_of_it_at_once(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        (run,) = await coordinator.submit([submission()])
        (lease,) = (await coordinator.fetch("n1", Room(1))).leases
        asked = await fetch_soon(coordinator, room=Room(0))
        await coordinator.cancel(run.id)
        assert (await asked).orders == [Order("stop", run.uuid, lease.lease_id, "cancelled")]
        held = HeldAttempt(run_uuid=run.uuid, lease_id=lease.lease_id)
        assert (await coordinator.beat("n1", HERE, [held])).orders == [
            Order("stop", run.uuid, lease.lease_id, "cancelled")
        ]

    grid(story)


def test_what_was_leased_to_a_node_that_hung_up_goes_back(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        await coordinator.submit([submission()])
        asked = asyncio.ensure_future(coordinator.fetch("n1", Room(1), LONG))
        while coordinator.polls.waiting() == 0:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        asked.cancel()
        await coordinator.beat("n2", HERE, [])
        (lease,) = (await coordinator.fetch("n2", Room(1), LONG)).leases
        assert (lease.run.retries, lease.run.losses) == (0, 0)

    grid(story)


def test_a_report_may_bring_the_next_run(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        await coordinator.submit([submission()] * 2)
        (first,) = (await coordinator.fetch("n1", Room(1))).leases
        answers, work = await coordinator.report("n1", [report(first)], Room(1))
        assert [answer.problem for answer in answers] == [None]
        assert [lease.run.id for lease in work.leases] == [2]
        answers, work = await coordinator.report("n1", [report(first, result="2")])
        assert isinstance(answers[0].problem, StaleReport)
        assert work.leases == ()

    grid(story)


def test_a_view_may_wait_for_the_runs_end(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        (run,) = await coordinator.submit([submission()])
        (lease,) = (await coordinator.fetch("n1", Room(1))).leases
        watching = asyncio.ensure_future(coordinator.view(run.id, LONG))
        await coordinator.report("n1", [report(lease)])
        view = await watching
        assert (view.run.state, view.result) == ("completed", "1")

    grid(story)


def test_a_run_that_was_made_here_and_ended_elsewhere_is_looked_up(grid, engine):
    """Another coordinator's news does not reach this one's waits."""

    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        (run,) = await coordinator.submit([submission()])
        (lease,) = (await coordinator.fetch("n1", Room(1))).leases
        clock = SystemClock()
        elsewhere = Writer(SqlRecord(engine, clock.now), MemoryQueue(clock), lambda _: None, lambda _: None)
        elsewhere.start()
        await asyncio.to_thread(elsewhere.do, ReportRuns("n1", [report(lease)]))
        await asyncio.to_thread(elsewhere.stop)
        view = await coordinator.view(run.id, LONG)
        assert (view.run.state, view.result) == ("completed", "1")

    grid(story)


def test_a_view_that_waits_in_vain_shows_the_run_as_it_is(grid):
    async def story(coordinator):
        (run,) = await coordinator.submit([submission()])
        assert (await coordinator.view(run.id, 0.01)).run.state == "pending"

    grid(story)


@pytest.mark.parametrize("run_id", [0, -1, 99, 2**63, 10**30])
def test_an_id_that_no_run_has_is_not_found(grid, run_id):
    async def story(coordinator):
        with pytest.raises(NotFound, match=f"Task {run_id} not found"):
            await coordinator.view(run_id)
        with pytest.raises(NotFound):
            await coordinator.cancel(run_id)
        with pytest.raises(NotFound):
            await coordinator.legacy_report(run_id, "1", None, None)

    grid(story)


def test_a_legacy_worker_gets_the_default_class_and_nothing_else(grid):
    async def story(coordinator):
        await coordinator.submit([submission(cpu=0.5), submission(requires=("gpu",)), submission(priority=3)])
        lease = await coordinator.legacy_lease("old")
        assert (lease.run.id, lease.run.lease_via) == (3, "legacy")
        assert await coordinator.legacy_lease("old") is None
        assert (await coordinator.legacy_report(3, "1", None, None)).state == "completed"

    grid(story)


def test_a_stop_ends_every_wait(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        (run,) = await coordinator.submit([submission(cpu=64)])
        asked = await fetch_soon(coordinator)
        watching = asyncio.ensure_future(coordinator.view(run.id, LONG))
        await coordinator.view(run.id)
        coordinator.stop()
        assert (await asked).leases == []
        assert (await watching).run.state == "pending"

    grid(story)


def test_a_submitter_is_told_why_a_run_waits(grid):
    async def story(coordinator):
        large, small = await coordinator.submit([submission(cpu=64), submission(retry_limit=1)])
        assert "No node has joined" in await coordinator.waiting_for(large)
        await coordinator.beat("n1", HERE, [])
        assert "64 cores" in await coordinator.waiting_for(large)
        assert await coordinator.waiting_for(small) is None
        (lease,) = (await coordinator.fetch("n1", Room(1))).leases
        await coordinator.report("n1", [report(lease, Outcome.FAILED)])
        failed = (await coordinator.view(small.id)).run
        words = await coordinator.waiting_for(failed)
        assert words.startswith("It is tried again at 20")
        assert words.endswith("after a failure (1 of 1).")

    grid(story)
