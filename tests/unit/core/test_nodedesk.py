"""Who may take work, and how much: the desk on an event loop, over a real record and the queue in memory."""

import asyncio

import pytest

from idlegrid_server.core.commands import HeldAttempt, NodeFacts, Order
from idlegrid_server.core.commands.operator import NodeChange, Registration
from idlegrid_server.core.errors import Conflict, NotFound, StaleReport
from idlegrid_server.core.model import NodeState, NodeWish, RunState
from idlegrid_server.core.node_queries import NodeFilter
from idlegrid_server.core.nodedesk import Room

from ...parts import submission
from .polling import HERE, done, open_poll

WORDS = Registration(hostname="lab", address="10.0.0.1", port=1, task_types=("python",), max_tasks=2)


async def queued(grid, count=1):
    """Runs that have come to stand in the queue."""
    runs = await grid.submit([submission() for _ in range(count)])
    await grid.submit([])  # the queue has a batch before the next one is written
    return runs


def test_a_limited_node_never_holds_more_however_many_ask_at_once(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        await coordinator.nodes.update("n1", NodeChange(max_tasks=3))
        await queued(coordinator, 20)
        asked = [coordinator.report("n1", [], Room(2)) for _ in range(4)]
        asked += [coordinator.fetch("n1", Room(2)) for _ in range(4)]
        answers = await asyncio.gather(*asked)
        works = [answer[1] if isinstance(answer, tuple) else answer for answer in answers]
        assert sum(len(work.leases) for work in works) == 3
        assert await coordinator.read(coordinator.reader.held_by, ["n1"]) == {"n1": 3}

    grid(story)


def test_a_report_of_a_limited_node_makes_room_for_the_next_in_the_same_call(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        await coordinator.nodes.update("n1", NodeChange(max_tasks=1))
        await coordinator.submit([])  # all is told of it
        await queued(coordinator, 2)
        first = (await coordinator.fetch("n1", Room(4))).leases
        assert len(first) == 1
        _, work = await coordinator.report("n1", [done(first[0])], Room(4))
        assert len(work.leases) == 1

    grid(story)


def test_a_run_that_a_full_limited_node_was_woken_for_goes_to_another(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        await coordinator.beat("n2", HERE, [])
        await coordinator.nodes.update("n1", NodeChange(max_tasks=1))
        await coordinator.submit([])  # all is told of it
        full = await open_poll(coordinator, "n1", slots=4)
        other = await open_poll(coordinator, "n2")
        await queued(coordinator)
        assert len((await full).leases) == 1
        again = await open_poll(coordinator, "n1", slots=4)
        await queued(coordinator)
        assert len((await other).leases) == 1
        assert not again.done()
        again.cancel()

    grid(story)


def test_a_raised_limit_is_heard_by_a_node_that_waits(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        await coordinator.nodes.update("n1", NodeChange(max_tasks=1))
        await coordinator.submit([])  # all is told of it
        await queued(coordinator, 2)
        assert len((await coordinator.fetch("n1", Room(4))).leases) == 1
        waiting = await open_poll(coordinator, "n1", slots=3)
        await coordinator.nodes.update("n1", NodeChange(max_tasks=2))
        assert not (await waiting).leases
        assert len((await coordinator.fetch("n1", Room(3))).leases) == 1

    grid(story)


@pytest.mark.parametrize("wish", [NodeWish.DRAINING, NodeWish.OFFLINE])
def test_a_node_that_is_held_back_is_given_nothing_until_it_may_again(grid, wish):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        waiting = await open_poll(coordinator)
        await coordinator.nodes.update("n1", NodeChange(wish=wish))
        assert (await waiting).orders == [Order("drain")]
        await queued(coordinator)
        assert not (await coordinator.fetch("n1", Room(4))).leases
        await coordinator.nodes.update("n1", NodeChange(wish=NodeWish.ACTIVE))
        assert len((await coordinator.fetch("n1", Room(4))).leases) == 1

    grid(story)


def test_only_allowed_types_are_given_and_a_node_that_waits_asks_anew(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        waiting = await open_poll(coordinator)
        await coordinator.nodes.update("n1", NodeChange(task_types=("shell",)))
        assert not (await waiting).leases
        await queued(coordinator)
        assert not (await coordinator.fetch("n1", Room(4))).leases

    grid(story)


def test_an_unregistered_node_loses_what_it_holds_and_is_unknown(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        first, second = await queued(coordinator, 2)
        leases = (await coordinator.fetch("n1", Room(4))).leases
        waiting = await open_poll(coordinator, slots=2)
        await coordinator.nodes.unregister("n1")
        orders = (await waiting).orders
        assert {order.run_uuid for order in orders if order.kind == "stop"} == {first.uuid, second.uuid}
        assert orders[-1] == Order("leave")
        with pytest.raises(Conflict, match="send a heartbeat first"):
            await coordinator.fetch("n1", Room(4))
        await coordinator.beat("n2", HERE, [])  # the queue has had its entries back since
        again = (await coordinator.fetch("n2", Room(4))).leases
        assert [lease.run.uuid for lease in again] == [first.uuid, second.uuid]
        assert [lease.run.retries + lease.run.losses for lease in again] == [0, 0]
        assert {lease.lease_id for lease in again}.isdisjoint(lease.lease_id for lease in leases)

    grid(story)


def test_a_heartbeat_by_run_ids_renews_exactly_those_that_the_node_holds(grid):
    async def story(coordinator):
        node = await coordinator.nodes.register(WORDS)
        runs = await queued(coordinator, 3)
        await coordinator.fetch(node.id, Room(4))
        listed = [runs[0].id, runs[2].id, 10**6]
        heard = await coordinator.nodes.beat(node.id, lambda node: NodeFacts(load_average=0.5), listed)
        assert (heard.state, heard.load_average) == (NodeState.RUNNING, 0.5)
        views = [await coordinator.view(run.id) for run in runs]
        assert [view.run.listed for view in views] == [True, False, False]
        assert [view.run.state for view in views] == [RunState.RUNNING, RunState.RUNNING, RunState.PENDING]

    grid(story)


def test_a_heartbeat_of_an_unregistered_node_finds_nobody(grid):
    async def story(coordinator):
        node = await coordinator.nodes.register(WORDS)
        await coordinator.nodes.unregister(node.id)
        with pytest.raises(NotFound):
            await coordinator.nodes.beat(node.id, lambda node: NodeFacts(), [])
        with pytest.raises(NotFound):
            await coordinator.nodes.detail(node.id, 0.0)
        assert await coordinator.nodes.page(NodeFilter(), 0.0) == ([], 0)

    grid(story)


def test_what_a_heartbeat_by_run_ids_leaves_unsaid_stays(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        run = (await queued(coordinator))[0]
        lease = (await coordinator.fetch("n1", Room(1))).leases[0]
        await coordinator.beat("n1", HERE, [HeldAttempt(run_uuid=run.uuid, lease_id=lease.lease_id, frozen=True)])
        node = await coordinator.nodes.beat("n1", lambda node: NodeFacts(metadata='{"room": 1}'), [run.id])
        assert (node.state, node.metadata) == (NodeState.IDLE, '{"room": 1}')
        assert (await coordinator.view(run.id)).run.frozen

    grid(story)


def test_a_file_is_given_to_the_newest_lease_alone(grid):
    async def story(coordinator):
        await coordinator.beat("n1", HERE, [])
        await queued(coordinator)
        lease = (await coordinator.fetch("n1", Room(1))).leases[0]
        with pytest.raises(NotFound, match="has no file"):
            await coordinator.nodes.file(lease.run.uuid, lease.lease_id, "a.py")
        with pytest.raises(StaleReport):
            await coordinator.nodes.file(lease.run.uuid, "f" * 32, "a.py")
        with pytest.raises(NotFound):
            await coordinator.nodes.file("nobody", lease.lease_id, "a.py")

    grid(story)
