"""What is asked about tasks, on SQLite and on PostgreSQL."""

import random
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import insert

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.definitions import Task, TaskDefinition, TaskStatus, Timing
from idlegrid_server.core.model import Need, Payload, Priority, Run, RunState
from idlegrid_server.core.queries import TASK_SORTS, TaskFilter
from idlegrid_server.record import tables as t
from idlegrid_server.record.task_rows import task_row

from ..parts import START
from .test_record_reading import PLAIN

NAMES = ("load_a", "Load-B", "50%_off", "back\\slash", "slash/", "über", "x", "LOADER")


def task(number: int, definition: TaskDefinition | None = None, **life: object) -> Task:
    """A task with this id, named `t<id>`."""
    made: dict[str, object] = {"submitter": "ann", "created_at": START, "updated_at": START, **life}
    return Task(id=number, definition=definition or TaskDefinition(name=f"t{number}"), **made)  # type: ignore[arg-type]


def keep(engine, *tasks: Task) -> dict[int, Task]:
    with engine.begin() as connection:
        for one in tasks:
            connection.execute(insert(t.tasks).values({**task_row(one), "id": one.id}))
            for parent in one.definition.dependencies:
                connection.execute(insert(t.dependencies).values(task_id=one.id, parent_id=parent, used_run_id=0))
    return {one.id: one for one in tasks}


def child(number: int, *parents: int, **life: object) -> Task:
    return task(number, TaskDefinition(name=f"t{number}", dependencies=parents), **life)


def keep_runs(pen, tasks: Mapping[int, Task], *runs: dict[str, object]) -> list[int]:
    """Runs with these values, named u1, u2, …; of a task that is there no more, too."""
    batch = Batch(START, tasks=dict(tasks))
    for number, words in enumerate(runs, start=1):
        batch.tasks.setdefault(words.get("task_id") or 0, task(0))
        batch.add_run(replace(PLAIN, uuid=f"u{number}", **words), Payload("", "{}"))
    batch.changed_tasks.clear()
    pen.save(batch)
    return [run.id for run, _ in batch.new_runs]


def ids(pen, **words: object) -> list[int]:
    return [one.id for one in pen.reader.tasks(TaskFilter(**words))[0]]


# --- one task ---


def test_a_task_comes_back_as_it_was_kept(pen, engine):
    whole = task(
        3,
        TaskDefinition(
            name="nightly",
            description="処理毎日数据",
            arguments=("--day", "1"),
            timing=Timing(schedule="0 2 * * *", timezone="Europe/Berlin"),
            need=Need(task_type="shell", requires=("gpu",), min_sandbox=4),
            priority=Priority.HIGH,
            dependencies=(1, 2),
            tags=("data",),
        ),
        next_run_at=START + 60,
        last_state=RunState.FAILED,
        status=TaskStatus.FAILED,
        total_runs=7,
    )
    keep(engine, task(1), task(2), whole)
    assert pen.reader.task(3) == whole
    assert pen.reader.tasks(TaskFilter(search="NIGHT"))[0] == [whole]


def test_what_is_not_there_is_none(pen):
    assert (pen.reader.task(1), pen.reader.task_code(1)) == (None, None)
    assert pen.reader.tasks(TaskFilter()) == ([], 0)
    assert (pen.reader.unfinished(0, 5, task_ids=[1]), pen.reader.due_tasks(START, 5), pen.reader.orphans(5)) == (
        [],
        [],
        [],
    )
    assert (pen.reader.settled_waits(5), pen.reader.ready_dependents(5)) == ([], [])
    assert pen.reader.due_times(START, START + 60) == []


def test_inline_code_is_read_by_itself(pen, engine):
    keep(engine, task(1, has_code=True))
    with engine.begin() as connection:
        connection.execute(insert(t.task_code).values(task_id=1, code="print('ü')"))
    assert (pen.reader.task_code(1), pen.reader.task_code(2)) == ("print('ü')", None)


# --- lists ---


def some_task(dice: random.Random, number: int) -> Task:
    kind = dice.choice(("python", "shell"))
    words = TaskDefinition(
        name=f"{number}-{dice.choice(NAMES)}",
        description=dice.choice(("", "loads 50% of it", "a_b", "a/b", "Nothing")),
        need=Need(task_type=kind),
        priority=dice.choice(list(Priority)),
        job_type=dice.choice(("", "", "Kline", "50%")),
        job_category=dice.choice(("", "sync", "back_fill")),
    )
    return task(
        number,
        words,
        created_at=START + dice.randrange(5),
        updated_at=START + dice.randrange(5),
        status=dice.choice(list(TaskStatus)),
        last_run_at=dice.choice((None, START, START + 1)),
        next_run_at=dice.choice((None, START + 2, START + 3)),
    )


def expected(tasks: list[Task], wanted: TaskFilter) -> tuple[list[int], int]:
    """By a look at every task."""
    found = [one for one in tasks if is_wanted(one, wanted)]
    found.sort(key=lambda one: (key(one, wanted.sort), one.id), reverse=wanted.descending)
    first = wanted.offset
    return [one.id for one in found[first : first + wanted.size]], len(found)


def is_wanted(one: Task, wanted: TaskFilter) -> bool:
    words = one.definition
    return (
        wanted.status in (None, one.status)
        and wanted.task_type in (None, words.need.task_type)
        and wanted.priority in (None, words.priority)
        and is_in(wanted.search, words.name, words.description)
        and is_in(wanted.kind, words.name, words.job_type or words.need.task_type, words.job_category)
    )


def is_in(part: str, *texts: str) -> bool:
    return any(part.lower() in text.lower() for text in texts)


def key(one: Task, sort: str) -> object:
    of = one.definition
    named = {
        "task_type": of.need.task_type,
        "job_type": of.job_type or of.need.task_type,
        "schedule": of.timing.schedule,
        "interval_seconds": of.timing.interval_seconds or 0,
        "paused": one.status == "paused",
    }
    if sort in named:
        return named[sort]
    return getattr(of, sort) if hasattr(of, sort) else getattr(one, sort) or 0


def test_any_list_shows_what_a_look_at_every_task_shows(pen, engine):
    dice = random.Random(5)
    tasks = list(keep(engine, *(some_task(dice, number) for number in range(1, 61))).values())
    for _ in range(250):
        wanted = TaskFilter(
            status=dice.choice((None, None, "active", "failed")),
            task_type=dice.choice((None, None, "shell", "http")),
            priority=dice.choice((None, None, 2)),
            search=dice.choice(("", "", "load", "LOAD", "%", "_", "50%_", "\\", "/", "a/b", "A_B", "no such")),
            kind=dice.choice(("", "", "", "load", "PYTHON", "kline", "0%", "_FILL", "no such")),
            sort=dice.choice(TASK_SORTS),
            descending=dice.random() < 0.5,
            offset=dice.choice((0, 0, 3, 40)),
            size=dice.choice((1, 7, 20, 200)),
        )
        found, total = pen.reader.tasks(wanted)
        assert ([one.id for one in found], total) == expected(tasks, wanted), wanted


def test_lists_come_newest_first_unless_asked_otherwise(pen, engine):
    keep(engine, task(1, created_at=START + 9), task(2), task(3))
    assert ids(pen) == [1, 3, 2]
    assert ids(pen, sort="id", descending=False, size=2) == [1, 2]


# --- what is due ---


def test_parents_come_before_children_that_are_due_at_the_same_instant(pen, engine):
    due = {"next_run_at": START}
    keep(
        engine,
        task(5, **due),
        child(4, 5, **due),
        child(3, 4, 5, **due),
        task(2, next_run_at=START - 9),
        child(1, 7, 3, **due),
        task(6, next_run_at=START + 1),
        task(7, next_run_at=None),
    )
    assert pen.reader.due_tasks(START, 10) == [2, 5, 4, 3, 1]
    assert pen.reader.due_tasks(START, 2) == [2, 5]
    assert pen.reader.due_tasks(START + 1, 10) == [2, 5, 4, 3, 1, 6]


def test_a_child_that_was_due_earlier_than_its_parent_comes_first(pen, engine):
    keep(engine, task(1, next_run_at=START), child(2, 1, next_run_at=START - 1))
    assert pen.reader.due_tasks(START, 10) == [2, 1]


def test_the_instants_of_a_window_come_once_each(pen, engine):
    keep(engine, *(task(number, next_run_at=START + at) for number, at in enumerate((3, 0, 1, 3, 4), start=1)))
    assert pen.reader.due_times(START, START + 3) == [START + 1, START + 3]


# --- dependencies ---


def completed(number: int, run: int) -> Task:
    return task(number, last_completed_id=run)


def test_dependents_are_ready_when_each_parent_has_a_new_completed_run(pen, engine):
    by_time = TaskDefinition(name="timed", dependencies=(1,), timing=Timing(interval_seconds=60))
    keep(
        engine,
        completed(1, 10),
        completed(2, 0),
        child(3, 1),
        child(4, 1, 2),
        child(5, 1, status=TaskStatus.PAUSED),
        child(6, 1, status=TaskStatus.FAILED),
        task(7, by_time),
        child(8, 99),
    )
    assert pen.reader.ready_dependents(10) == [3, 6]
    assert pen.reader.ready_dependents(1) == [3]
    with engine.begin() as connection:
        connection.execute(t.dependencies.update().where(t.dependencies.c.task_id == 3).values(used_run_id=10))
        connection.execute(t.tasks.update().where(t.tasks.c.id == 2).values(last_completed_id=11))
    assert pen.reader.ready_dependents(10) == [4, 6]


def test_waits_are_settled_when_the_run_that_is_waited_for_has_ended(pen, engine):
    waiting = {"state": RunState.WAITING}
    keep_runs(
        pen,
        {},
        {"state": RunState.COMPLETED},
        {"state": RunState.RUNNING},
        {"state": RunState.CANCELLED},
        waiting,
        waiting,
        waiting,
        {"state": RunState.COMPLETED},
    )
    with engine.begin() as connection:
        for run, parent, of in ((4, 1, 1), (4, 2, 3), (5, 2, 2), (6, 3, None), (7, 1, 1)):
            connection.execute(insert(t.waits).values(run_id=run, parent_id=parent, parent_run_id=of))
    assert pen.reader.settled_waits(10) == ["u4"]


def test_unfinished_runs_of_a_task_and_orphans_are_found_by_id(pen, engine):
    tasks = keep(engine, task(1), task(2))
    done: dict[str, object] = {"state": RunState.COMPLETED, "finished_at": START}
    of = [{"task_id": number} for number in (1, 2, 1, 9, 9)]
    keep_runs(pen, tasks, *of, {"task_id": 1, **done}, {"task_id": 9, **done}, {})
    unfinished = [[one.id for one in pen.reader.unfinished(0, most, task_ids=[1])] for most in (10, 1)]
    assert unfinished == [[1, 3], [1]]
    assert sorted(pen.reader.orphans(10)) == [4, 5]
    assert len(pen.reader.orphans(1)) == 1


def test_a_detail_shows_what_the_node_is_told(pen):
    batch = Batch(START)
    run: Run = replace(PLAIN, uuid="u1")
    batch.add_run(run, Payload("", "{}", '{"command": "ls"}'))
    pen.save(batch)
    assert pen.reader.detail(run.id).work == '{"command": "ls"}'
