"""What is asked about single runs and those that have not ended, on SQLite and on PostgreSQL."""

import uuid

import pytest
from sqlalchemy import insert

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.definitions import TaskDefinition, Wait
from idlegrid_server.core.model import LogPiece, Output, RunState
from idlegrid_server.core.queries import RunFilter, StoryPiece, Unfinished
from idlegrid_server.record import tables as t

from ..parts import START
from .test_record_reading import DONE, PLAIN, keep
from .test_task_reading import child, keep_runs, task
from .test_task_reading import keep as keep_tasks

MANY = 10_000
"""The most ids or names that one call may bring."""


def strangers(count: int = MANY) -> list[str]:
    """UUIDs of runs that are not there."""
    return [str(uuid.UUID(int=number)) for number in range(count)]


# --- what has not ended ---


@pytest.fixture
def crowd(pen, engine) -> None:
    """Eight runs of three tasks and of none, by two submitters; the third, the sixth and the last have ended."""
    tasks = keep_tasks(engine, task(1), task(2))
    running, waiting = {"state": RunState.RUNNING}, {"state": RunState.WAITING}
    keep_runs(
        pen,
        tasks,
        {"task_id": 1},
        {"task_id": 2, **running},
        {"task_id": 1, **DONE},
        {**waiting},
        {"task_id": 1, "submitter": "bob", **waiting},
        {**DONE, "submitter": "bob"},
        {"submitter": "bob"},
        {"task_id": 2, "finished_at": START, "state": RunState.CANCELLED},
    )


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ({}, [1, 2, 4, 5, 7]),
        ({"task_ids": [1]}, [1, 5]),
        ({"task_ids": [2, 1, 9]}, [1, 2, 5]),
        ({"task_ids": []}, []),
        ({"submitter": "ann"}, [1, 2, 4]),
        ({"submitter": "bob"}, [5, 7]),
        ({"submitter": "eve"}, []),
        ({"submitter": ""}, []),
        ({"task_ids": [1], "submitter": "bob"}, [5]),
        ({"task_ids": [2], "submitter": "bob"}, []),
    ],
)
def test_what_has_not_ended_is_walked_by_id(pen, crowd, words, found):
    assert [one.id for one in pen.reader.unfinished(0, 10, **words)] == found
    assert [one.id for one in pen.reader.unfinished(0, 2, **words)] == found[:2]
    assert [one.id for one in pen.reader.unfinished(2, 10, **words)] == [number for number in found if number > 2]
    assert pen.reader.unfinished(8, 10, **words) == []


def test_what_has_not_ended_comes_with_its_uuid_and_without_a_submitter_where_nobody_has_a_key(pen):
    keep(pen, {"submitter": ""}, {"submitter": "", **DONE}, {})
    assert pen.reader.unfinished(0, 10, submitter="") == [Unfinished(1, "u1")]


def test_as_many_tasks_as_one_likes_can_be_named(pen, crowd):
    assert [one.id for one in pen.reader.unfinished(0, 10, task_ids=range(1, MANY + 1))] == [1, 2, 5]
    found = pen.reader.tasks_named(["t2", *(f"no-{number}" for number in range(MANY)), "t1", "t2"])
    assert {name: one.id for name, one in found.items()} == {"t1": 1, "t2": 2}


def test_tasks_are_found_by_their_very_names_with_their_parents(pen, engine):
    named = task(3, TaskDefinition(name="T1"))
    keep_tasks(engine, task(1), child(2, 1), named)
    assert pen.reader.tasks_named(["T1", "t"]) == {"T1": named}
    assert pen.reader.tasks_named(["t2"])["t2"].definition.dependencies == (1,)
    assert pen.reader.tasks_named([]) == {}


def test_runs_are_found_by_as_many_uuids_as_one_likes(pen):
    keep(pen, {}, {"submitter": "bob"}, DONE)
    assert pen.reader.run_ids(["u2", *strangers(), "u3", "u2"]) == {"u2": (2, "bob"), "u3": (3, "ann")}
    assert pen.reader.run_ids([]) == {}


# --- who stands before it ---


def test_ahead_are_queued_runs_of_these_queues_that_were_made_earlier(pen):
    other = {"queue": "low/python/1c/512M/s3", "created_at": START - 5}
    rows = [
        {"created_at": START - 1},
        {"created_at": START - 1, "state": RunState.RUNNING},
        {},
        {},
        {},
        {"created_at": START + 1},
        other,
        {**other, "created_at": START},
    ]
    third = keep(pen, *rows)[3]
    assert pen.reader.ahead(third, {PLAIN.queue: START}) == 2
    assert pen.reader.ahead(third, {other["queue"]: START - 1}) == 1
    assert pen.reader.ahead(third, {PLAIN.queue: START, other["queue"]: START + 1}) == 4
    assert pen.reader.ahead(third, {PLAIN.queue: START + 9}) == 4
    assert pen.reader.ahead(third, {"nobody/knows": START + 9}) == 0
    assert pen.reader.ahead(third, {}) == 0


def test_more_queues_can_be_asked_about_than_one_condition_takes(pen):
    first, second = keep(pen, {}, {})
    queues = {f"q{number}": START + number for number in range(600)}
    assert pen.reader.ahead(second, {**queues, PLAIN.queue: START}) == 1
    assert pen.reader.ahead(first, {**queues, PLAIN.queue: START}) == 0


# --- its story, and what it was given ---


def test_what_a_run_waits_for_is_said_by_parent(pen, engine):
    tasks = keep_tasks(engine, task(1), task(2))
    done, waiting = {"task_id": 1, **DONE}, {"state": RunState.WAITING}
    keep_runs(pen, tasks, done, waiting, waiting, {})
    with engine.begin() as connection:
        for run, parent, of in ((2, 2, None), (2, 1, 1), (2, 9, None), (3, 1, 1)):
            connection.execute(insert(t.waits).values(run_id=run, parent_id=parent, parent_run_id=of))
    assert pen.reader.waits_of(2) == [
        Wait(1, "t1", 1, RunState.COMPLETED),
        Wait(2, "t2", None, None),
        Wait(9, "task 9", None, None),
    ]
    assert (pen.reader.waits_of(4), pen.reader.waits_of(99)) == ([], [])


def test_a_story_is_paged_by_id_and_read_from_its_end(pen, engine):
    run, other = keep(pen, {}, {})
    with engine.begin() as connection:
        for step in range(4):
            for owner in (run, other):
                line = {"run_id": owner.id, "at": START + step, "event": "lease", "detail": f"{step}"}
                connection.execute(insert(t.events).values(line))
    whole = pen.reader.story(run.id, 0, 10)
    assert whole[0] == StoryPiece(1, START, "created", PLAIN.queue)
    assert [piece.detail for piece in whole[1:]] == ["0", "1", "2", "3"]
    assert pen.reader.story(run.id, 0, 2) == whole[:2]
    assert pen.reader.story(run.id, whole[1].id, 10) == whole[2:]
    assert pen.reader.last_story(run.id, 2) == whole[-2:]
    assert pen.reader.last_story(run.id, 10) == whole
    assert (pen.reader.story(99, 0, 10), pen.reader.last_story(99, 10)) == ([], [])


def test_the_tails_of_many_runs_are_the_ends_of_their_stories_and_logs(pen):
    runs = keep(pen, {}, {}, {})
    batch = Batch(START)
    batch.logs = [LogPiece(run.id, 1, seq, START + seq, "stdout", f"{seq}") for seq in range(4) for run in runs[:2]]
    pen.save(batch)
    tails = pen.reader.tails([3, 1, 99], 3)
    assert set(tails) == {3, 1, 99}
    for run_id, tail in tails.items():
        assert (tail.story, tail.pieces) == (pen.reader.last_story(run_id, 3), pen.reader.last_logs(run_id, 3))
    assert [piece.text for piece in tails[1].pieces] == ["1", "2", "3"]
    assert pen.reader.tails([], 3) == {}


def test_executions_are_cut_to_one_character_more_than_was_asked_for(pen):
    short, long, _ = keep(pen, DONE, DONE, {})
    batch = Batch(START)
    batch.include([short, long])
    batch.outputs = {short.uuid: Output("ü" * 5, None), long.uuid: Output("ü" * 9, "é" * 9)}
    pen.save(batch)
    found, total = pen.reader.executions(RunFilter(size=3), 5)
    texts = [(one.view.run.id, one.view.result, one.view.error, one.parameters) for one in found]
    assert texts == [(3, None, None, "{}"), (2, "ü" * 6, "é" * 6, "{}"), (1, "ü" * 5, None, "{}")]
    assert total == 3
    assert [one.parameters for one in pen.reader.executions(RunFilter(size=3), 0)[0]] == ["{"] * 3
