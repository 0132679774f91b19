"""Lists of runs, whatever they are filtered and sorted by, on SQLite and on PostgreSQL: as a plain look at all runs."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import delete, func, insert, select

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.commands import CancelUnfinished, LeaseRuns, MakeRuns, Report, ReportRuns
from idlegrid_server.core.definitions import Task, TaskDefinition
from idlegrid_server.core.model import FINAL_STATES, Outcome, Payload, Run, RunState
from idlegrid_server.core.queries import RunFilter
from idlegrid_server.record import tables as t
from idlegrid_server.record.census import DAY, day
from idlegrid_server.record.task_rows import task_row

from ..parts import START, offer, submission
from .test_record_reading import PLAIN

SEARCHES = ("sync", "FAILED", "0%_O", "\\", "_", "no such")
MIDNIGHT = START // DAY * DAY
TASKS = {1: "sync_klines", 2: "Failed 50%_off", 3: "sync\\x"}
"""One more task, 4, is gone."""


def some_runs(dice: random.Random, number: int) -> list[Run]:
    """Runs of a few days, in every state, made out of order, many at the same instant."""
    return [some_run(dice, number) for number in range(1, number + 1)]


def some_run(dice: random.Random, number: int) -> Run:
    made = MIDNIGHT + dice.choice((-2, -1, 0, 0, 0, 1)) * DAY + dice.choice((0, 0, 1, 40_000, DAY - 1))
    state = dice.choice(list(RunState))
    goes = state in (RunState.RUNNING, RunState.COMPLETED, RunState.TIMED_OUT) or dice.random() < 0.3
    started = made + dice.choice((0, 1, 60_000)) if goes else None
    ended = (started or made) + dice.choice((0, 2, 50_000)) if state in FINAL_STATES else None
    return replace(
        PLAIN,
        uuid=f"u{number}",
        state=state,
        created_at=made,
        started_at=started,
        finished_at=ended,
        node_id=dice.choice(("n1", "n2")) if goes else None,
        submitter=dice.choice(("ann", "bob")),
        task_id=dice.choice((None, *TASKS, 4)),
    )


@pytest.fixture
def kept(pen, engine) -> list[Run]:
    """Some runs in the record, by id, of tasks that are there and of one that is not."""
    tasks = {
        number: Task(id=number, definition=TaskDefinition(name=name), submitter="", created_at=0, updated_at=0)
        for number, name in {**TASKS, 4: "sync gone"}.items()
    }
    with engine.begin() as connection:
        connection.execute(insert(t.tasks), [{**task_row(tasks[number]), "id": number} for number in TASKS])
    batch = Batch(START, tasks=tasks)
    for run in some_runs(random.Random(7), 200):
        batch.add_run(run, Payload("1", "{}"))
    pen.save(batch)
    return [run for run, _ in batch.new_runs]


def expected(runs: list[Run], wanted: RunFilter) -> tuple[list[int], int]:
    """By a look at every run."""
    found = [run for run in runs if is_wanted(run, wanted)]
    found.sort(key=lambda run: (key(run, wanted), run.id), reverse=wanted.newest_first)
    first = wanted.offset
    return [run.id for run in found[first : first + wanted.size]], len(found)


def is_wanted(run: Run, wanted: RunFilter) -> bool:
    return (
        (wanted.states is None or run.state in wanted.states)
        and all(getattr(wanted, name) in (None, getattr(run, name)) for name in ("node_id", "submitter", "task_id"))
        and (wanted.since is None or run.created_at >= wanted.since)
        and (wanted.until is None or run.created_at < wanted.until)
        and is_found(run, wanted)
    )


def is_found(run: Run, wanted: RunFilter) -> bool:
    name = TASKS.get(run.task_id or 0)
    named = name is not None and wanted.search.lower() in name.lower()
    return not wanted.search or named or run.state in wanted.or_states


def key(run: Run, wanted: RunFilter) -> float:
    if wanted.sort == "id":
        return 0 if wanted.since is None and wanted.until is None else run.created_at
    return getattr(run, wanted.sort) or 0


def some_filter(dice: random.Random) -> RunFilter:
    def perhaps(*values: object) -> object:
        return dice.choice((None, None, *values))

    unit = dice.choice((DAY, DAY, 20_000))
    bounds = (*(MIDNIGHT + number * unit for number in (-3, -1, 0, 1, 4)), MIDNIGHT + 40_000, MIDNIGHT + 0.5)
    return RunFilter(
        states=perhaps(["completed"], ["failed", "timed_out"], ["pending", "waiting"], list(RunState), []),
        node_id=dice.choice((None, None, None, "n1")),
        submitter=dice.choice((None, None, None, "ann")),
        search=dice.choice(("", "", *SEARCHES)),
        or_states=dice.choice(((), (), ["failed", "cancelled"], ["pending"], ["completed", "running"])),
        task_id=dice.choice((None, None, None, None, 1, 4)),
        since=perhaps(*bounds),
        until=perhaps(*bounds),
        sort=dice.choice(("id", "started_at", "finished_at")),
        newest_first=dice.random() < 0.5,
        offset=dice.choice((0, 0, 7, 30, 55, 110, 400)),
        size=dice.choice((1, 7, 20, 200)),
    )


def answer(pen, wanted: RunFilter) -> tuple[list[int], int]:
    views, total = pen.reader.runs(wanted)
    return [view.run.id for view in views], total


def test_any_list_shows_what_a_look_at_every_run_shows(pen, kept):
    dice = random.Random(11)
    for _ in range(400):
        wanted = some_filter(dice)
        assert answer(pen, wanted) == expected(kept, wanted), wanted


@pytest.mark.parametrize("sort", ["id", "started_at", "finished_at"])
@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("states", [None, ["completed", "waiting"]])
def test_the_pages_of_a_list_together_are_the_list(pen, kept, sort, newest_first, states):
    wanted = RunFilter(sort=sort, newest_first=newest_first, states=states, size=30)
    pages = [answer(pen, replace(wanted, offset=30 * page))[0] for page in range(8)]
    whole, total = answer(pen, replace(wanted, size=200))
    assert [run_id for page in pages for run_id in page] == whole
    assert len(whole) == total == len(expected(kept, replace(wanted, size=200))[0])


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_number_that_is_missing_shifts_no_page(pen, engine, kept, newest_first):
    lost = kept.pop(100)
    with engine.begin() as connection:
        connection.execute(delete(t.runs).where(t.runs.c.id == lost.id))
        where = (t.run_counts.c.state == lost.state, t.run_counts.c.made_day == day(lost.created_at))
        places = (t.run_counts.c.start_day == day(lost.started_at), t.run_counts.c.end_day == day(lost.finished_at))
        connection.execute(t.run_counts.update().where(*where, *places).values(value=t.run_counts.c.value - 1))
    for page in (1, 5, 10):
        wanted = RunFilter(offset=20 * (page - 1), newest_first=newest_first)
        assert answer(pen, wanted) == expected(kept, wanted)


# --- the counts behind it ---


def counted(engine) -> Counter[tuple[object, ...]]:
    counts = t.run_counts.c
    query = select(counts.made_day, counts.start_day, counts.end_day, counts.state, func.sum(counts.value))
    with engine.connect() as connection:
        rows = connection.execute(query.group_by(counts.made_day, counts.start_day, counts.end_day, counts.state))
        return Counter({tuple(place): int(value) for *place, value in rows if value})


def seen(engine) -> Counter[tuple[object, ...]]:
    runs = t.runs.c
    with engine.connect() as connection:
        rows = connection.execute(select(runs.created_at, runs.started_at, runs.finished_at, runs.state))
        return Counter((day(made), day(started), day(ended), state) for made, started, ended, state in rows)


def test_runs_are_counted_by_day_and_state_as_they_live(pen, engine, clock):
    uuids = [f"u{number}" for number in range(6)]
    pen.do(MakeRuns([submission(retry_limit=1) for _ in uuids], uuids))
    assert counted(engine) == seen(engine)
    clock.advance(DAY)
    lease = LeaseRuns(offer(slots=4), [f"{number:032x}" for number in range(4)], 10.0)
    lease.popped = uuids[:4]
    pen.do(lease)
    assert counted(engine) == seen(engine)
    clock.advance(DAY)
    ends = (Outcome.COMPLETED, Outcome.FAILED, Outcome.EVICTED)
    reports = [
        Report(run_uuid=uuid, lease_id=f"{number:032x}", outcome=end)
        for number, (uuid, end) in enumerate(zip(uuids, ends, strict=False))
    ]
    pen.do(ReportRuns("n1", reports))
    pen.do(CancelUnfinished([4, 5]))
    assert counted(engine) == seen(engine)
    assert sum(counted(engine).values()) == 6
