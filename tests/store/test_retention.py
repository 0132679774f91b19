"""What is forgotten and what stays, on SQLite and on PostgreSQL: boundaries, nothing left behind, sums that hold."""

import hashlib
import io
from collections import Counter
from dataclasses import asdict, replace

import pytest
from sqlalchemy import func, insert, select

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.commands import LeaseRuns, MakeRuns, Report, ReportRuns
from idlegrid_server.core.files import Upload
from idlegrid_server.core.limits import FILE_CHUNK
from idlegrid_server.core.model import FINAL_STATES, Outcome, Payload, RunState
from idlegrid_server.core.queries import RunFilter
from idlegrid_server.core.retention import AIM_SECONDS, DAY, MOST_ROWS, Ages, Pace, Step
from idlegrid_server.core.webhooks import Delivery, DeliveryState
from idlegrid_server.housekeeping.forgetting import Forgetter
from idlegrid_server.record import run_pages
from idlegrid_server.record import tables as t
from idlegrid_server.record.files import SqlFiles
from idlegrid_server.record.metadata import metadata
from idlegrid_server.record.retention import plan

from ..parts import START, forget, offer, submission
from .test_record_reading import PLAIN
from .test_task_reading import child, keep, keep_runs, task

AGES = Ages(runs=90 * DAY, events=30 * DAY, logs=30 * DAY, deliveries=30 * DAY, usage=30 * DAY, keys=DAY)
KEYS = {"run_id": t.runs.c.id, "run_uuid": t.runs.c.uuid, "parent_run_id": t.runs.c.id}
"""How other tables name runs."""


def make(pen, *names: str, key: str = "") -> list[int]:
    return [run.id for run in pen.do(MakeRuns([submission()] * len(names), list(names), key, ""))]


def finish(pen, *names: str, lines: int = 2, outcome: Outcome = Outcome.COMPLETED) -> None:
    """Lease the runs, and report each with so many lines."""
    leases = [hashlib.md5(name.encode()).hexdigest() for name in names]
    command = LeaseRuns(offer(slots=len(names)), leases, 10.0)
    command.popped = list(names)
    pen.do(command)
    logs = [(seq, START, "stdout", "x\n") for seq in range(lines)]
    pen.do(
        ReportRuns(
            "n1",
            [
                Report(run_uuid=name, lease_id=lease, outcome=outcome, result="1", logs=logs)
                for name, lease in zip(names, leases, strict=True)
            ],
        )
    )


def rows(engine, table) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def column(engine, of) -> list:
    with engine.connect() as connection:
        return sorted(connection.scalars(select(of)))


def left_behind(engine) -> dict[str, int]:
    """Rows of any table that name a run which is gone."""
    found = {}
    for table in metadata.sorted_tables:
        for name in KEYS.keys() & table.c.keys():
            gone = table.c[name].not_in(select(KEYS[name]))
            with engine.connect() as connection:
                count = connection.scalar(select(func.count()).select_from(table).where(gone))
            found |= {f"{table.name}.{name}": count} if count else {}
    return found


def check_sums(pen, engine) -> None:
    """Every number that stands for rows is the number of rows."""
    with engine.connect() as connection:
        states = dict(connection.execute(select(t.runs.c.state, func.count()).group_by(t.runs.c.state)).all())
    totals = pen.reader.totals()
    assert {state: count for state, count in totals.by_state.items() if count} == states
    for wanted in (RunFilter(), *(RunFilter(states=(state,)) for state in FINAL_STATES)):
        for sort in ("id", "created_at", "finished_at"):
            found, total = pen.reader.runs(replace(wanted, sort=sort, size=1_000))
            assert total == len(found) == sum(states.get(s, 0) for s in wanted.states or states)


# --- runs ---


def test_a_run_goes_90_days_after_its_end_to_the_second_and_all_that_is_its_goes_with_it(pen, engine, clock):
    make(pen, "early", "late")
    finish(pen, "early")
    files = SqlFiles(engine, clock.now)
    clock.advance(1)
    command = LeaseRuns(offer(), ["c" * 32], 10.0)
    command.popped = ["late"]
    pen.do(command)
    data = bytes(2 * FILE_CHUNK + 1)
    digest = hashlib.sha256(data).hexdigest()
    wish = Upload(run_uuid="late", lease_id="c" * 32, name="a.bin", size=len(data), sha256=digest)
    files.keep(wish, io.BytesIO(data))
    pen.do(ReportRuns("n1", [Report(run_uuid="late", lease_id="c" * 32, outcome=Outcome.FAILED)]))
    clock.wall = START + 90 * DAY
    forget(engine, clock, AGES)
    assert column(engine, t.runs.c.uuid) == ["early", "late"], "nothing goes before it is older than that"
    clock.advance(1)
    assert forget(engine, clock, AGES)["runs"] == 1
    assert (column(engine, t.runs.c.uuid), left_behind(engine)) == (["late"], {})
    assert (rows(engine, t.attempts), rows(engine, t.file_chunks)) == (1, 3)
    check_sums(pen, engine)
    clock.advance(1)
    forget(engine, clock, AGES)
    belonging = (t.runs, t.attempts, t.events, t.logs, t.files, t.file_chunks, t.outbox, t.run_counts)
    assert {table.name: rows(engine, table) for table in belonging} == {table.name: 0 for table in belonging}
    check_sums(pen, engine)


def test_what_has_not_ended_stays_whatever_its_age_with_all_that_is_its(pen, engine, clock):
    names = ["pending", "running", "waiting"]
    make(pen, *names)
    command = LeaseRuns(offer(slots=2), ["a" * 32, "b" * 32], 10.0)
    command.popped = ["running", "waiting"]
    pen.do(command)
    lines = [(0, START, "stdout", "x\n")]
    pen.do(ReportRuns("n1", [Report(run_uuid="waiting", lease_id="b" * 32, outcome=Outcome.EVICTED, logs=lines)]))
    kept = {table: rows(engine, table) for table in (t.runs, t.events, t.attempts, t.logs, t.outbox)}
    clock.advance(10_000 * DAY)
    assert not forget(engine, clock, AGES).keys() & {"runs", "events", "logs"}
    assert {table: rows(engine, table) for table in kept} == kept
    check_sums(pen, engine)


def test_a_parents_run_stays_while_an_unfinished_run_waits_for_it(pen, engine, clock):
    ended = {"state": RunState.COMPLETED, "finished_at": START, "task_id": None}
    waited, free, waiting = keep_runs(pen, {}, ended, ended, {"state": RunState.WAITING})
    with engine.begin() as connection:
        connection.execute(insert(t.waits).values(run_id=waiting, parent_id=7, parent_run_id=waited))
        connection.execute(insert(t.waits).values(run_id=free, parent_id=7, parent_run_id=waited))
    clock.advance(91 * DAY)
    forget(engine, clock, AGES)
    assert column(engine, t.runs.c.id) == [waited, waiting]
    assert (rows(engine, t.waits), left_behind(engine)) == (1, {})


def test_the_latest_run_of_a_task_stays_while_others_depend_on_it_so_that_they_may_start(pen, engine, clock):
    tasks = keep(engine, task(1), task(2), child(3, 1))
    ended = {"state": RunState.COMPLETED, "finished_at": START}
    runs = keep_runs(pen, tasks, {**ended, "task_id": 1}, {**ended, "task_id": 1}, {**ended, "task_id": 2})
    with engine.begin() as connection:
        for number, last in ((1, runs[1]), (2, runs[2])):
            connection.execute(t.tasks.update().where(t.tasks.c.id == number).values(last_run_id=last, total_runs=2))
    clock.advance(91 * DAY)
    forget(engine, clock, AGES)
    assert column(engine, t.runs.c.id) == [runs[1]]
    gone = pen.reader.task(2)
    assert (gone.last_run_id, gone.total_runs) == (runs[2], 2), "what a task has done in all stays"


def test_averages_are_of_all_there_ever_were(pen, engine, clock):
    make(pen, "u1")
    command = LeaseRuns(offer(), ["a" * 32], 10.0)
    command.popped = ["u1"]
    pen.do(command)
    clock.advance(4)
    pen.do(ReportRuns("n1", [Report(run_uuid="u1", lease_id="a" * 32, outcome=Outcome.COMPLETED)]))
    clock.advance(91 * DAY)
    forget(engine, clock, AGES)
    totals = pen.reader.totals()
    assert (totals.total, totals.completed_seconds, totals.average_seconds) == (0, 4.0, 4.0)


def test_keys_go_before_the_runs_that_they_made(pen, engine, clock):
    make(pen, "u1", key="k")
    finish(pen, "u1")
    clock.advance(DAY - 1)
    short = replace(AGES, runs=1.0)
    assert "runs" not in forget(engine, clock, short)
    clock.advance(2)
    dropped = forget(engine, clock, short)
    assert (dropped["keys"], dropped["runs"]) == (1, 1)


# --- in pieces ---


def test_whoever_is_interrupted_leaves_sums_that_hold_and_the_next_goes_on_there(pen, engine, clock):
    names = [f"u{number}" for number in range(300)]
    make(pen, *names)
    finish(pen, *names[:-1])
    clock.advance(91 * DAY)
    walk = next(walk for walk in plan(engine, AGES, clock.now()) if walk.name == "runs")
    steps = [walk.step() for _ in range(4)]
    went = sum(step.dropped for step in steps)
    assert 0 < went < 299
    assert (rows(engine, t.runs), left_behind(engine)) == (300 - went, {})
    check_sums(pen, engine)
    assert forget(engine, clock, AGES)["runs"] == 299 - went
    assert column(engine, t.runs.c.uuid) == ["u299"]
    check_sums(pen, engine)


@pytest.mark.parametrize("gaps", [(), (150,)], ids=["at the front", "elsewhere, too"])
def test_a_list_by_number_is_right_where_old_runs_are_gone_here_and_there(pen, engine, clock, monkeypatch, gaps):
    monkeypatch.setattr(run_pages, "RAGGED", (0, 5, 50))
    ended = {"state": RunState.COMPLETED, "finished_at": START}
    old = [number for number in range(1, 31) if number % 3]
    keep_runs(pen, {}, *(ended if number in (*old, *gaps) else {} for number in range(1, 201)))
    clock.advance(91 * DAY)
    forget(engine, clock, AGES)
    left = column(engine, t.runs.c.id)
    assert len(left) == 180 - len(gaps)
    for newest_first in (True, False):
        pages = [RunFilter(sort="id", newest_first=newest_first, size=23, offset=23 * page) for page in range(8)]
        found = [view.run.id for wanted in pages for view in pen.reader.runs(wanted)[0]]
        assert found == (left[::-1] if newest_first else left)


def test_no_transaction_takes_more_rows_than_it_may_even_of_one_run(pen, engine, clock):
    make(pen, "u1", "u2")
    finish(pen, "u1", lines=3 * MOST_ROWS)
    finish(pen, "u2")
    clock.advance(91 * DAY)
    walk = next(walk for walk in plan(engine, AGES, clock.now()) if walk.name == "runs")
    before = sum(rows(engine, table) for table in (t.runs, t.logs, t.events, t.attempts))
    while walk.step() is not None:
        after = sum(rows(engine, table) for table in (t.runs, t.logs, t.events, t.attempts))
        assert before - after <= 2 * MOST_ROWS
        before = after
    assert (before, left_behind(engine)) == (0, {})


def test_the_thread_stops_between_two_transactions(clock, eventually):
    class Endless:
        name, steps = "endless", 0

        def step(self):
            self.steps += 1
            return Step(1, 0.001)

    walk = Endless()
    forgetter = Forgetter(lambda now: [walk], clock)
    forgetter.start()
    forgetter.wake()
    eventually(lambda: walk.steps > 2, "it forgets")
    forgetter.stop()
    steps = walk.steps
    forgetter.wake()
    assert walk.steps == steps


# --- the rest ---


def test_stories_and_logs_go_30_days_after_their_runs_end_and_the_run_stays(pen, engine, clock):
    make(pen, "old", "new")
    finish(pen, "old")
    clock.advance(1)
    finish(pen, "new")
    clock.wall = START + 30 * DAY
    forget(engine, clock, AGES)
    assert column(engine, t.logs.c.run_id) == [1, 1, 2, 2]
    clock.advance(1)
    forget(engine, clock, AGES)
    assert (set(column(engine, t.logs.c.run_id)), set(column(engine, t.events.c.run_id))) == ({2}, {2})
    assert pen.reader.detail(1).story == []
    assert (rows(engine, t.runs), rows(engine, t.attempts)) == (2, 2)


@pytest.mark.parametrize("at", [0.0, START + 10_000 * DAY], ids=["long ago", "ahead"])
def test_a_node_whose_clock_is_wrong_neither_loses_its_logs_nor_keeps_those_of_others(pen, engine, clock, at):
    make(pen, "u1", "u2")
    finish(pen, "u1", "u2")
    with engine.begin() as connection:
        connection.execute(t.logs.update().where(t.logs.c.run_id == 1).values(at=at))
    clock.advance(29 * DAY)
    assert "logs" not in forget(engine, clock, AGES)
    clock.advance(2 * DAY)
    assert forget(engine, clock, AGES)["logs"] == 4


def test_since_when_a_node_is_there_stays_known(engine, clock):
    spells = [("n1", 0, "offline"), ("n1", 1, "idle"), ("n1", 2, "running"), ("n2", 3, "idle"), ("n2", 4, "offline")]
    young = [("n1", 40 * DAY, "idle"), ("n3", 40 * DAY, "idle")]
    with engine.begin() as connection:
        for node, at, state in (*spells, *young):
            connection.execute(insert(t.node_states).values(node_id=node, at=START + at, state=state, reason=""))
    clock.advance(41 * DAY)
    for _ in range(2):
        forget(engine, clock, AGES)
        with engine.connect() as connection:
            kept = connection.execute(select(t.node_states.c.node_id, t.node_states.c.at - START)).all()
        assert sorted(map(tuple, kept)) == [("n1", 1), ("n1", 40 * DAY), ("n3", 40 * DAY)]


def test_journal_deliveries_and_usage_go_when_they_are_old(engine, clock):
    def delivery(name: str, at: float, state: DeliveryState) -> dict:
        return asdict(Delivery(id=name, webhook_id=1, event="e", body="{}", created_at=at, next_at=None, state=state))

    hour = int(START // 3600)
    with engine.begin() as connection:
        for at in (START - 1, START):
            entry = {"at": at, "level": "info", "service": "s", "message": "m", "metadata": "{}"}
            connection.execute(insert(t.journal).values(entry))
        for name, at, state in (
            ("old", START - 1, DeliveryState.FAILED),
            ("young", START, DeliveryState.DELIVERED),
            ("pending", START - 9 * DAY, DeliveryState.PENDING),
        ):
            connection.execute(insert(t.deliveries).values(delivery(name, at, state)))
        for when in (hour - 1, hour):
            used = {"submitter": "a", "node_id": "n", "attempts": 1, "cpu_seconds": 1, "wall_seconds": 1}
            connection.execute(insert(t.usage).values(hour=when, **used))
    clock.advance(30 * DAY)
    assert forget(engine, clock, AGES) == Counter(journal=1, deliveries=1, usage=1)
    assert column(engine, t.deliveries.c.id) == ["pending", "young"]
    assert (column(engine, t.journal.c.at), column(engine, t.usage.c.hour)) == ([START], [hour])


def test_usage_that_the_fair_order_looks_at_stays_however_short_it_is_kept(pen, engine, clock):
    make(pen, "u1")
    finish(pen, "u1")
    clock.advance(9.9 * DAY)
    used = pen.reader.recent_usage(clock.now())
    forget(engine, clock, replace(AGES, usage=1.0))
    assert pen.reader.recent_usage(clock.now()) == used


def test_runs_of_many_days_and_states_are_counted_right_whatever_went(pen, engine, clock):
    batch = Batch(START)
    for number in range(120):
        state = list(FINAL_STATES)[number % len(FINAL_STATES)] if number % 5 else RunState.PENDING
        made = START + number * DAY
        ended = {"started_at": made + 9, "finished_at": made + DAY} if state.is_final else {}
        batch.add_run(replace(PLAIN, uuid=f"u{number}", state=state, created_at=made, **ended), Payload("1", "{}"))
    pen.save(batch)
    clock.advance(150 * DAY)
    forget(engine, clock, AGES)
    check_sums(pen, engine)
    with engine.connect() as connection:
        zeros = connection.execute(select(t.run_counts).where(t.run_counts.c.value == 0)).all()
        assert connection.scalar(select(func.min(t.runs.c.finished_at))) >= clock.now() - 90 * DAY
    assert zeros == []


def test_the_pace_falls_at_once_and_rises_slowly_within_bounds():
    pace = Pace(10, 100)
    for seconds, rows in ((0.0, 16), (0.0, 25), (0.002, 25), (AIM_SECONDS * 2, 12), (1.0, 10)):
        pace.note(seconds)
        assert pace.rows == rows
    for _ in range(20):
        pace.note(0.0)
    assert pace.rows == 100
