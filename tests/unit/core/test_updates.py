"""Those who watch."""

import asyncio
import functools

from idlegrid_server.core.model import Notice
from idlegrid_server.core.updates import BACKLOG, Updates


def drain(listener) -> list[Notice | None]:
    return [listener.get_nowait() for _ in range(listener.qsize())]


def test_every_listener_gets_every_notice_in_order():
    updates = Updates()
    with updates.listening() as one, updates.listening() as two:
        updates.publish([Notice("task_created", 1), Notice("task_started", 1)])
        assert [n.event for n in drain(one)] == [n.event for n in drain(two)] == ["task_created", "task_started"]


def test_who_listens_no_more_gets_nothing():
    updates = Updates()
    with updates.listening() as listener:
        pass
    updates.publish([Notice("task_created", 1)])
    assert listener.empty()


def test_a_slow_listener_is_cut_off_and_the_others_are_not():
    updates = Updates()
    with updates.listening() as slow, updates.listening() as quick:
        for number in range(BACKLOG + 5):
            updates.publish([Notice("task_updated", number)])
            quick.get_nowait()
        assert slow.qsize() == BACKLOG + 1
        assert drain(slow)[-1] is None
        updates.publish([Notice("task_updated", 0)])
        assert (slow.qsize(), quick.qsize()) == (0, 1)


def on_a_loop(test):
    """Run a test that waits for ends: they live on an event loop."""

    @functools.wraps(test)
    def run():
        asyncio.run(test())

    return run


@on_a_loop
async def test_a_wait_for_a_runs_end_ends_with_it_and_with_nothing_else():
    updates = Updates()
    with updates.end_of(1) as ended:
        updates.publish([Notice("task_started", 1), Notice("task_updated", 1), Notice("task_completed", 2)])
        assert not ended.done()
        updates.publish([Notice("task_failed", 1)])
        assert ended.result() is None


@on_a_loop
async def test_a_wait_ends_with_the_run_itself_where_it_is_known():
    updates = Updates()
    seen = object()
    with updates.end_of(1) as ended:
        updates.publish([Notice("task_completed", 1)], {1: seen, 2: object()})
        assert ended.result() is seen


@on_a_loop
async def test_many_may_wait_for_one_run_and_one_may_give_up():
    updates = Updates()
    with updates.end_of(1) as one, updates.end_of(1) as impatient:
        impatient.cancel()
        with updates.end_of(1) as two:
            pass
        updates.publish([Notice("task_completed", 1)])
        assert (one.done(), two.done()) == (True, False)


@on_a_loop
async def test_closing_ends_every_wait_and_tells_every_listener():
    updates = Updates()
    with updates.listening() as listener, updates.end_of(1) as ended:
        updates.close()
        assert drain(listener) == [None]
        assert ended.done()


def test_a_listener_waits_on_the_event_loop():
    async def listen() -> Notice | None:
        updates = Updates()
        with updates.listening() as listener:
            asyncio.get_running_loop().call_soon(updates.publish, [Notice("node_joined", node_id="n1")])
            return await asyncio.wait_for(listener.get(), 10)

    assert asyncio.run(listen()) == Notice("node_joined", node_id="n1")
