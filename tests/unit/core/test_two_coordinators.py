"""Two coordinators on one record and one queue: what only memory knows reaches the other one."""

import asyncio

import pytest

from idlegrid_server.core.commands import Order
from idlegrid_server.core.commands.operator import NodeChange
from idlegrid_server.core.coordinator import Room
from idlegrid_server.core.errors import Conflict
from idlegrid_server.core.model import NodeWish, RunState

from ...parts import submission
from .polling import HERE, LONG, done, open_poll, work_for


def test_a_poll_is_woken_by_a_submission_to_the_other_one(two_grids):
    async def story(one, two):
        await one.beat("n1", HERE, [])
        poll = await open_poll(two)
        (run,) = await one.submit([submission()])
        assert [lease.run.uuid for lease in (await poll).leases] == [run.uuid]

    two_grids(story)


def test_who_waits_for_an_end_hears_it_from_the_other_one(two_grids):
    async def story(one, two):
        await two.beat("n1", HERE, [])
        (run,) = await one.submit([submission()])
        with one.updates.listening() as notices:
            waiting = asyncio.ensure_future(one.view(run.id, LONG))
            (lease,) = (await two.fetch("n1", Room(1), LONG)).leases
            await two.report("n1", [done(lease)])
            view = await waiting
            assert (view.run.state, view.result) == (RunState.COMPLETED, "1")
            heard = [(await notices.get()).event]
            while heard[-1] != "task_completed":
                heard.append((await notices.get()).event)
        assert heard[-2:] == ["task_started", "task_completed"]

    two_grids(story)


@pytest.mark.parametrize("wish", [NodeWish.DRAINING, NodeWish.OFFLINE])
def test_a_drain_set_at_one_holds_at_the_other_and_is_told_there(two_grids, wish):
    async def story(one, two):
        await one.beat("n1", HERE, [])
        poll = await open_poll(two)
        await one.nodes.update("n1", NodeChange(wish=wish))
        orders = list((await poll).orders) or (await two.fetch("n1", Room(1), LONG)).orders
        assert orders == [Order("drain")]
        await one.submit([submission()])
        assert not (await two.fetch("n1", Room(4))).leases
        await one.nodes.update("n1", NodeChange(wish=NodeWish.ACTIVE))
        assert len((await work_for(two, slots=4)).leases) == 1

    two_grids(story)


def test_a_coordinator_that_heard_nothing_leases_nothing_that_the_record_forbids(two_grids):
    async def story(one, two):
        await one.beat("n1", HERE, [])
        await one.submit([])  # its news is out by now
        await two.fetch("n1", Room(1))
        deaf, one._bus.hears[:] = list(one._bus.hears), []
        await one.nodes.unregister("n1")
        await one.submit([submission()])
        await one.submit([])
        assert two.nodes.takes_work("n1")
        assert not (await two.fetch("n1", Room(1))).leases
        with pytest.raises(Conflict, match="send a heartbeat first"):
            await two.fetch("n1", Room(1))
        one._bus.hears.extend(deaf)

    two_grids(story)


def test_a_limit_holds_over_both(two_grids):
    async def story(one, two):
        await one.beat("n1", HERE, [])
        await one.nodes.update("n1", NodeChange(max_tasks=3))
        await one.submit([submission() for _ in range(20)])
        await one.submit([])
        works = await asyncio.gather(*(grid.fetch("n1", Room(2)) for grid in (one, two) * 4))
        assert sum(len(work.leases) for work in works) <= 3
        held = await one.read(one.reader.held_by, ["n1"])
        assert held == {"n1": sum(len(work.leases) for work in works)}

    two_grids(story)


def test_a_cancelled_run_is_stopped_by_a_node_that_polls_the_other_one(two_grids):
    async def story(one, two):
        await one.beat("n1", HERE, [])
        (run,) = await one.submit([submission()])
        (lease,) = (await two.fetch("n1", Room(1), LONG)).leases
        poll = await open_poll(two, slots=0)
        await one.cancel(run.id)
        assert (await poll).orders == [Order("stop", run.uuid, lease.lease_id, "cancelled")]

    two_grids(story)


def test_nothing_is_told_of_a_run_that_a_node_here_takes(two_grids):
    async def story(one, two):
        await one.beat("n1", HERE, [])
        poll = await open_poll(one)
        await one.submit([submission()])
        await poll
        await one.submit([])  # all is told of the lease
        assert not any(news.woken for news in one._bus.told)
        assert {notice.event for news in one._bus.told for notice in news.notices} >= {"task_created", "task_started"}

    two_grids(story)


def test_after_losing_touch_everything_is_looked_at_again(two_grids):
    async def story(one, two):
        await one.beat("n1", HERE, [])
        (first,) = await one.submit([submission()])
        (lease,) = (await two.fetch("n1", Room(1), LONG)).leases
        one._bus.hears.clear()
        two._bus.hears.clear()
        waiting = asyncio.ensure_future(one.view(first.id, LONG))
        await two.report("n1", [done(lease)])
        poll = await open_poll(two)
        await one.submit([submission()])
        one.lost_touch()
        two.lost_touch()
        assert (await waiting).run.state is RunState.COMPLETED
        work = await poll  # it asks anew
        assert work.leases or (await two.fetch("n1", Room(1), LONG)).leases

    two_grids(story)
