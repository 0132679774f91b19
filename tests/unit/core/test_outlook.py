"""What is expected of nodes, in memory: who is woken first for runs of which length."""

import asyncio
from dataclasses import replace

import pytest

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.commands import MakeRuns
from idlegrid_server.core.commands.submit import new_run
from idlegrid_server.core.definitions import Task, TaskDefinition
from idlegrid_server.core.errors import RecordUnavailable
from idlegrid_server.core.matching import requirement_class
from idlegrid_server.core.model import Need, Priority
from idlegrid_server.core.outlook import AGAIN_SECONDS, KEPT_SECONDS, Outlook
from idlegrid_server.core.polls import OpenPolls
from idlegrid_server.core.weeks import HOUR, HOURS, Week, hour_at
from idlegrid_server.record import tables

from ...parts import START, offer, submission
from .polling import HERE, open_poll

PLAIN = requirement_class(Need(), Priority.NORMAL).queue
OTHER = requirement_class(Need(cpu=2), Priority.NORMAL).queue
LEFT = HOUR - START % HOUR
"""Seconds of the hour of the week in which the tests' clock starts."""


def back_after(hours: int) -> tuple[int, Week]:
    """The week of a node whose owner comes so many full hours after the tests' clock starts, for one hour."""
    week = Week([HOUR] * HOURS, [HOUR] * HOURS)
    week.idle[(hour_at(START, 0) + hours) % HOURS] = 0.0
    return 0, week


@pytest.fixture
def outlook(clock) -> Outlook:
    weeks = {"soon": back_after(1), "late": back_after(5), "now": back_after(0)}
    made = Outlook(lambda: weeks, clock)
    asyncio.run(made.look())
    return made


@pytest.fixture
def told() -> list[tuple[dict[str, int], dict[str, float]]]:
    return []


@pytest.fixture
def polls(outlook, told) -> OpenPolls:
    return OpenPolls(lambda *words: told.append(words), outlook.stays)


def woken(polls, names, count, seconds) -> list[str]:
    """Who of these, and nobody else, is woken for so many runs."""
    waiting = [polls.open(offer(name)) for name in names]
    polls.wake({PLAIN: count}, {PLAIN: seconds}, alone=True)
    chosen = [poll.offer.node_id for poll in waiting if poll.event.is_set()]
    for poll in waiting:
        poll.heed()
        polls.close(poll)
    return chosen


def test_a_node_stays_as_long_as_its_week_says_and_one_that_nobody_knows_for_ever(outlook, clock):
    assert outlook.stays("soon", LEFT)
    assert not outlook.stays("soon", LEFT + 1)
    assert outlook.stays("late", LEFT + 4 * HOUR)
    assert not outlook.stays("now", 1)
    assert outlook.stays("new", 1e9)
    clock.advance(LEFT + HOUR + 1)
    assert outlook.stays("soon", 24 * HOUR)
    assert not outlook.stays("late", 4 * HOUR)


def test_nodes_that_stay_long_enough_come_first_in_the_order_of_waiting(polls):
    assert woken(polls, ["now", "soon", "late", "new"], 1, 2 * HOUR) == ["late"]
    assert woken(polls, ["now", "soon", "new", "late"], 2, 2 * HOUR) == ["new", "late"]
    assert woken(polls, ["soon", "late", "new"], 1, LEFT / 2) == ["soon"]


def test_no_run_waits_for_a_better_node(polls):
    assert woken(polls, ["now", "soon"], 1, 24 * HOUR) == ["now"]
    assert woken(polls, ["now", "soon", "late"], 4, 2 * HOUR) == ["now", "soon", "late"]


def test_the_wake_of_a_node_that_hung_up_goes_on_by_the_runs_length(polls):
    waiting = [polls.open(offer(name)) for name in ("new", "soon", "late")]
    polls.wake({PLAIN: 1}, {PLAIN: 2 * HOUR})
    polls.close(waiting[0])
    assert [poll.event.is_set() for poll in waiting] == [True, False, True]


def test_others_hear_of_the_lengths_of_what_is_left_over(polls, told):
    polls.open(offer("late"))
    polls.wake({PLAIN: 2, OTHER: 1}, {PLAIN: 2.0, OTHER: 3.0})
    assert told == [({PLAIN: 1, OTHER: 1}, {PLAIN: 2.0, OTHER: 3.0})]


def test_weeks_are_read_again_when_it_is_time_and_kept_while_the_record_does_not_answer(clock):
    answers = [{"a": back_after(0)}, RecordUnavailable("away"), {"a": back_after(5)}]

    def read():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def story() -> list[bool]:
        outlook, seen = Outlook(read, clock), []
        outlook.freshen()
        assert outlook.stays("a", HOUR)
        outlook.start()
        for seconds in (0.0, KEPT_SECONDS - 1, 2.0, AGAIN_SECONDS - 1, 2.0):
            clock.steady += seconds
            outlook.freshen()
            await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))
            seen.append(outlook.stays("a", HOUR))
        return seen

    assert asyncio.run(story()) == [False, False, False, False, True]
    assert not answers


def test_a_run_goes_to_the_node_that_stays_for_as_long_as_it_may_take(grid, engine):
    async def story(one):
        for node in ("soon", "late"):
            await one.beat(node, HERE, [])
        rows = [{"node_id": "soon", "hour": hour, "seen_seconds": HOUR, "idle_seconds": 0.0} for hour in range(HOURS)]
        with engine.begin() as connection:
            connection.execute(tables.node_weeks.insert(), rows)
        await one.nodes.outlook.look()
        soon, late = [await open_poll(one, node) for node in ("soon", "late")]
        await one.submit([submission()])
        assert len((await late).leases) == 1
        await one.submit([submission()])
        assert len((await soon).leases) == 1

    grid(story)


def test_a_batch_knows_how_long_the_longest_run_of_each_queue_should_take(table):
    short, long = replace(submission(), timeout=60.0), replace(submission(), timeout=900.0)
    table.do(MakeRuns([short, long, short], ["u1", "u2", "u3"]))
    assert table.batch.lengths == {PLAIN: 900.0}
    assert table.batch.woken == {PLAIN: 3}


def test_a_run_that_comes_back_is_as_long_as_its_tasks_runs_were():
    task = Task(id=7, definition=TaskDefinition(name="t"), submitter="", created_at=START, updated_at=START)
    task.run_seconds, task.completed_runs = 40.0, 4
    run = replace(new_run(submission(), "u1", START), task_id=7)
    batch = Batch(START, tasks={7: task})
    batch.push(run, front=True)
    assert batch.lengths == {PLAIN: 10.0}
