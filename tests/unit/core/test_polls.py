"""Nodes that wait for work."""

import asyncio

import pytest

from idlegrid_server.core.commands import Order
from idlegrid_server.core.matching import requirement_class
from idlegrid_server.core.model import Need, Priority
from idlegrid_server.core.polls import OpenPolls

from ...parts import offer

PLAIN = requirement_class(Need(), Priority.NORMAL).queue
LARGE = requirement_class(Need(cpu=8), Priority.NORMAL).queue


@pytest.fixture
def polls() -> OpenPolls:
    return OpenPolls()


def woken(*polls) -> list[str]:
    return [poll.offer.node_id for poll in polls if poll.event.is_set()]


def test_a_newer_poll_of_a_node_ends_the_older_one(polls):
    older = polls.open(offer("n1"))
    newer = polls.open(offer("n1", slots=2))
    assert (older.superseded, older.event.is_set()) == (True, True)
    assert (newer.superseded, newer.event.is_set()) == (False, False)
    polls.close(older)
    assert polls.waiting() == 1


def test_new_runs_wake_as_many_nodes_as_there_are_runs_longest_waiting_first(polls):
    waiting = [polls.open(offer(f"n{number}")) for number in range(4)]
    polls.wake({PLAIN: 2}, {})
    assert woken(*waiting) == ["n0", "n1"]
    polls.wake({PLAIN: 1}, {})
    assert woken(*waiting) == ["n0", "n1", "n2"]


def test_only_nodes_with_room_for_the_run_are_woken(polls):
    waiting = [
        polls.open(offer("full", slots=0)),
        polls.open(offer("small", cpu=4)),
        polls.open(offer("elsewhere", only=frozenset({PLAIN}))),
        polls.open(offer("large")),
    ]
    polls.wake({LARGE: 3}, {})
    assert woken(*waiting) == ["large"]


def test_a_node_that_looked_in_vain_keeps_its_place(polls):
    first, second = polls.open(offer("n1")), polls.open(offer("n2"))
    polls.wake({PLAIN: 1}, {})
    first.heed()
    polls.wake({PLAIN: 1}, {})
    assert woken(first, second) == ["n1"]


def test_the_wake_of_a_node_that_hung_up_goes_to_the_next(polls):
    first, second = polls.open(offer("n1")), polls.open(offer("n2"))
    polls.wake({PLAIN: 1}, {})
    polls.close(first)
    assert woken(second) == ["n2"]


def test_an_order_wakes_its_node_and_is_given_once(polls):
    poll = polls.open(offer("n1", slots=0))
    polls.order("n1", [Order("drain")])
    assert poll.event.is_set()
    assert polls.take_orders("n1") == [Order("drain")]
    assert polls.take_orders("n1") == []


def test_an_order_that_came_between_two_polls_is_not_lost(polls):
    polls.order("n1", [Order("drain")])
    assert polls.open(offer("n1")).event.is_set()
    assert not polls.open(offer("n2")).event.is_set()


def test_everybody_looks_again_when_the_queue_is_back(polls):
    waiting = [polls.open(offer("n1")), polls.open(offer("n2", slots=0))]
    polls.wake_all()
    assert woken(*waiting) == ["n1", "n2"]


def test_a_poll_waits_without_a_thread(polls):
    async def wait() -> bool:
        poll = polls.open(offer("n1"))
        asyncio.get_running_loop().call_soon(polls.wake, {PLAIN: 1}, {})
        return await asyncio.wait_for(poll.event.wait(), 10)

    assert asyncio.run(wait())
