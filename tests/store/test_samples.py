"""The record for those who watch the grid: samples, kinds of nodes, what ended, what fails, what was harvested."""

import pytest
from sqlalchemy import Engine, func, insert, select

from idlegrid_server.core.attention import FailingTask, LostNode, OffWebhook
from idlegrid_server.core.batch import Batch
from idlegrid_server.core.errors import RecordUnavailable
from idlegrid_server.core.model import Node, NodeHealth, NodeState, NodeWish, RunState, Sandbox
from idlegrid_server.core.overview import LOST_FOR, SAMPLE_EVERY, Sample
from idlegrid_server.core.retention import DAY, Ages
from idlegrid_server.core.served import Head
from idlegrid_server.core.watch_queries import Used
from idlegrid_server.housekeeping.sampling import Sampler
from idlegrid_server.record import tables as t
from idlegrid_server.record.reader import SqlReader
from idlegrid_server.record.samples import SqlSamples
from idlegrid_server.record.watch_reader import SqlWatchReader

from ..parts import START, FakeClock, forget
from .endpoints import Endpoints
from .test_record_reading import DONE, keep
from .test_task_reading import keep as keep_tasks
from .test_task_reading import keep_runs, task

MIDNIGHT = START // DAY * DAY
FAILED = {"task_id": 1, "state": RunState.FAILED, "started_at": START, "finished_at": START + 5}
NOBODY = {"idle": 0, "working": 0, "owner": 0, "held": 0, "lost": 0, "away": 0}


@pytest.fixture
def watch(engine) -> SqlWatchReader:
    return SqlWatchReader(engine)


def keep_nodes(pen, *nodes: dict[str, object]) -> None:
    """Nodes with these values, named n1, n2, …"""
    made = {}
    for number, words in enumerate(nodes, start=1):
        usual = {"registered_at": START, "last_seen": START, "since": START, "hostname": f"lab-{number}"}
        made[f"n{number}"] = Node(id=f"n{number}", **{**usual, **words})
    pen.save(Batch(START, changed_nodes=made))


# --- samples ---


def sampler(engine: Engine, clock: FakeClock) -> Sampler:
    return Sampler(SqlSamples(engine), SqlReader(engine), SqlWatchReader(engine), clock)


def test_a_sample_is_noted_once_for_each_stretch_of_time_whoever_looks(pen, engine, clock, watch):
    keep(pen, {}, {"state": RunState.WAITING}, {"state": RunState.RUNNING}, DONE)
    keep_nodes(pen, {"state": NodeState.IDLE}, {"state": NodeState.BUSY, "reason": "input"})
    first, second = sampler(engine, clock), sampler(engine, clock)
    for _ in range(round(2 * SAMPLE_EVERY)):
        first.sample()
        second.sample()
        clock.advance(1)
    found = watch.samples(START, SAMPLE_EVERY, clock.now())
    nodes = {**NOBODY, "idle": 1, "owner": 1}
    assert found == [Sample(START, 2, 1, nodes), Sample(START + SAMPLE_EVERY, 2, 1, nodes)]


def test_a_sample_that_could_not_be_kept_is_tried_again(engine, clock, watch):
    class Away(SqlSamples):
        away = True

        def note(self, sample: Sample) -> None:
            if self.away:
                raise RecordUnavailable("gone")
            super().note(sample)

    samples = Away(engine)
    looks = Sampler(samples, SqlReader(engine), watch, clock)
    with pytest.raises(RecordUnavailable):
        looks.sample()
    samples.away = False
    clock.advance(1)
    looks.sample()
    assert [sample.at for sample in watch.samples(START, 60, clock.now())] == [START]


def test_of_each_step_only_the_newest_sample_is_read(engine, clock, watch):
    samples = SqlSamples(engine)
    for number in range(-10, 30):
        samples.note(Sample(START + 20 * number, number, 0, NOBODY))
    found = watch.samples(START, 200, START + 390)
    assert [sample.waiting for sample in found] == [-1, 9, 19]


def test_samples_are_forgotten_after_a_day_and_so_are_those_of_a_clock_that_was_ahead(engine, clock):
    samples = SqlSamples(engine)
    for hours in (-26, -24, 0, 23, 400):
        samples.note(Sample(START + 3600 * hours, 0, 0, {}))
    forget(engine, clock, Ages())
    with engine.connect() as connection:
        ages = connection.scalars(select((t.samples.c.at - START) / 3600).order_by(t.samples.c.at)).all()
    assert list(ages) == [-24, 0, 23]


# --- nodes ---


def test_nodes_are_counted_by_kind_without_those_that_were_sent_away(pen, watch):
    keep_nodes(
        pen,
        {"state": NodeState.RUNNING},
        {"state": NodeState.BUSY, "reason": "input"},
        {"state": NodeState.IDLE, "wish": NodeWish.OFFLINE},
        {"state": NodeState.OFFLINE, "health": NodeHealth.LOST},
        {"state": NodeState.OFFLINE, "health": NodeHealth.LOST, "since": START - LOST_FOR},
        {"state": NodeState.OFFLINE, "health": NodeHealth.LEFT},
        {"state": NodeState.IDLE, "wish": NodeWish.GONE},
    )
    assert watch.census(START + 1) == {"idle": 0, "working": 1, "owner": 1, "held": 1, "lost": 1, "away": 2}


def test_nodes_that_offer_the_same_and_do_the_same_are_one_kind(pen, watch):
    tested = {"state": NodeState.IDLE, "sandbox": Sandbox(level=3, remedy="sudo it", tested_at=5.0), "labels": ("gpu",)}
    keep_nodes(
        pen,
        tested,
        {**tested, "sandbox": Sandbox(level=3, remedy="sudo it", tested_at=6.0)},
        {"operator_types": ("shell",), "task_types": ("python", "shell")},
        {"wish": NodeWish.GONE},
        {"health": NodeHealth.LEFT, "since": START - LOST_FOR - 10},
    )
    (first, two), (other, one) = sorted(watch.kinds(START), key=lambda kind: -kind[1])
    assert (two, one) == (2, 1)
    assert (first.labels, first.sandbox.level, first.sandbox.remedy) == (("gpu",), 3, "sudo it")
    assert first.sandbox.tested_at is not None
    assert (other.operator_types, other.task_types, other.sandbox.tested_at) == (("shell",), ("python", "shell"), None)
    assert (other.state, other.reason, other.is_alive) == (NodeState.UNKNOWN, "starting", True)


def test_lost_nodes_are_those_of_a_week_the_latest_first(pen, watch):
    lost = {"state": NodeState.OFFLINE, "health": NodeHealth.LOST}
    gone, old = {**lost, "wish": NodeWish.GONE}, {**lost, "since": START - LOST_FOR - 1}
    keep_nodes(pen, {**lost, "since": START - 50}, lost, gone, old, {"health": NodeHealth.LEFT})
    assert watch.lost_nodes(START, 10) == [LostNode("n2", "lab-2", START), LostNode("n1", "lab-1", START - 50)]
    assert len(watch.lost_nodes(START, 1)) == 1


def test_who_is_away_or_was_taken_offline_is_no_suspect_any_more(pen, watch):
    keep_nodes(pen, {}, {"wish": NodeWish.OFFLINE}, {"health": NodeHealth.LOST})
    assert watch.trusted(["n1", "n2", "n3", "n4"]) == {"n1": "lab-1"}


# --- runs ---


def test_what_ended_is_counted_from_any_instant_on(pen, watch):
    failed = {**DONE, "state": RunState.FAILED}
    early, late = {**DONE, "finished_at": MIDNIGHT + 10}, {**failed, "finished_at": MIDNIGHT + 20}
    keep(pen, early, late, {**DONE, "finished_at": MIDNIGHT - 10}, {})
    assert watch.ended_since(MIDNIGHT, START) == {"completed": 1, "failed": 1}
    for _ in range(2):  # the second answer is partly remembered
        assert watch.ended_since(MIDNIGHT + 15, START) == {"completed": 0, "failed": 1}
    keep(pen, {**DONE, "finished_at": START}, {**DONE, "finished_at": START + DAY})
    assert watch.ended_since(MIDNIGHT + 15, START)["completed"] == 2
    assert watch.ended_since(MIDNIGHT - 10, START)["completed"] == 4
    assert watch.ended_since(START - 1, START) == {"completed": 2, "failed": 0}
    assert watch.ended_since(START + 9 * DAY, START) == {}


def test_a_task_fails_when_three_runs_or_more_failed_since_the_last_that_completed(pen, engine, watch):
    life = {"failed_runs": 9, "last_run_id": 99, "last_run_at": START}
    tasks = keep_tasks(engine, *(task(number, last_completed_id=2, **life) for number in (1, 2, 3)))
    timed_out, pending = {**FAILED, "state": RunState.TIMED_OUT, "finished_at": START + 3}, {"task_id": 1}
    cancelled = {**FAILED, "state": RunState.CANCELLED}
    runs = [FAILED, {**DONE, "task_id": 1}, FAILED, timed_out, cancelled, FAILED, pending]
    runs += [{**FAILED, "task_id": 2}] * 2 + [{**FAILED, "task_id": 3}] * 4
    keep_runs(pen, tasks, *runs)
    found = sorted(watch.failing_tasks(10), key=lambda one: one.id)
    assert found == [FailingTask(1, "t1", 3, START + 3), FailingTask(3, "t3", 4, START + 5)]
    assert len(watch.failing_tasks(1)) == 1


def test_fronts_of_queues_are_found_by_their_uuids(pen, watch):
    keep(pen, {"created_at": START - 5})
    assert watch.heads(["u1", "unknown"]) == {"u1": Head(1, START - 5)}


def test_waiting_times_are_those_of_what_started_in_the_window(pen, watch):
    other = {**DONE, "queue": "high/python/1c/512M/s3", "created_at": START - 10, "started_at": START + 5}
    keep(pen, {**DONE, "created_at": START - 7}, other, {}, {**DONE, "started_at": START - 1})
    queues = ["high/python/1c/512M/s3", "normal/python/1c/512M/s3"]
    assert watch.waited(START) == [(queues[0], 15.0), (queues[1], 8.0)]


def test_a_timeline_tells_how_long_those_had_waited_that_started_in_each_part(pen):
    started = [{**DONE, "created_at": START, "started_at": START + n, "finished_at": START + 40} for n in range(1, 10)]
    keep(pen, *started, {**DONE, "created_at": START - 5, "started_at": START + 25})
    timeline = pen.reader.timeline(START + 30, 30, 3)
    assert timeline.wait_p50 == [5.0, None, 30.0]
    assert timeline.wait_p95 == [9.0, None, 30.0]


# --- the harvest ---


def test_a_harvest_is_summed_by_hour_by_node_and_by_submitter(engine, watch):
    rows = [(9, "ann", "n1", 9, 9.0, 9.0), (10, "ann", "n1", 1, 2.0, 4.0), (10, "bob", "n1", 2, 1.0, 1.0)]
    rows += [(12, "bob", "n2", 3, 5.0, 6.0)]
    with engine.begin() as connection:
        connection.execute(insert(t.usage), [dict(zip(t.usage.c.keys(), row, strict=True)) for row in rows])
    found = watch.harvest(10)
    assert found.hours == {10: Used(3.0, 5.0, 3), 12: Used(5.0, 6.0, 3)}
    assert found.nodes == [("n2", Used(5.0, 6.0, 3)), ("n1", Used(3.0, 5.0, 3))]
    assert found.submitters == [("bob", Used(6.0, 7.0, 5)), ("ann", Used(2.0, 4.0, 1))]


def test_endpoints_that_failures_switched_off_are_told_and_others_are_not(engine, pen, watch):
    endpoints = Endpoints(engine, pen)
    endpoints.make()
    endpoints.make(active=False)
    off = endpoints.make(active=False, disabled_reason="it answered 410 Gone")
    assert watch.off_webhooks(10) == [OffWebhook(off.id, off.url, "it answered 410 Gone", START)]


def test_an_empty_record_can_be_watched(engine, watch):
    assert watch.census(START) == NOBODY
    assert (watch.samples(START, 20, START + 60), watch.ended_since(MIDNIGHT, START)) == ([], {})
    assert (watch.kinds(START), watch.failing_tasks(5), watch.waited(0.0), watch.heads([])) == ([], [], [], {})
    assert watch.harvest(0).hours == {}
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(t.samples)) == 0
