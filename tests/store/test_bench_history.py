"""The history that the benchmark makes: what is counted beside the rows is what counting the rows gives."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, inspect, select, text

from idlegrid_server.core.model import RunState
from idlegrid_server.core.queries import RunFilter
from idlegrid_server.record import tables as t
from idlegrid_server.record.reader import SqlReader

from ..parts import open_record
from .test_run_pages import counted, seen

RUNS, TASKS, NODES, UNFINISHED = 600, 20, 5, 60


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("history")
    engine = open_record(folder)
    before = indexes(engine)
    sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
    try:
        from benchlib.history_data import Sizes, make

        make(engine, Sizes(RUNS, TASKS, NODES, UNFINISHED))
    finally:
        sys.path.pop(0)
    assert indexes(engine) == before
    yield engine
    engine.dispose()


def indexes(engine: Engine) -> dict[str | None, list[str | None]]:
    return {index["name"]: index["column_names"] for index in inspect(engine).get_indexes("runs")}


def rows(engine: Engine, query: Any) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query) if isinstance(query, str) else query)]


def test_there_are_as_many_of_each_as_were_asked_for(engine):
    tables = (t.runs, t.tasks, t.nodes)
    assert [rows(engine, select(func.count()).select_from(table))[0][0] for table in tables] == [RUNS, TASKS, NODES]
    ((unfinished,),) = rows(engine, "SELECT COUNT(*) FROM runs WHERE finished_at IS NULL")
    assert unfinished == UNFINISHED
    assert {state for (state,) in rows(engine, "SELECT DISTINCT state FROM runs")} == set(RunState)


def test_the_counters_are_what_counting_gives(engine):
    by_state = dict(rows(engine, "SELECT state, COUNT(*) FROM runs GROUP BY state"))
    totals = SqlReader(engine).totals()
    assert totals.by_state == by_state
    ((seconds,),) = rows(engine, "SELECT SUM(finished_at - started_at) FROM runs WHERE state = 'completed'")
    assert totals.completed_seconds == pytest.approx(seconds)
    assert counted(engine) == seen(engine)


def test_the_columns_of_tasks_are_what_counting_gives(engine):
    query = """SELECT id, total_runs, completed_runs, failed_runs, cancelled_runs, unfinished,
    (SELECT COUNT(*) FROM runs WHERE task_id = tasks.id),
    (SELECT COUNT(*) FROM runs WHERE task_id = tasks.id AND state = 'completed'),
    (SELECT COUNT(*) FROM runs WHERE task_id = tasks.id AND state IN ('failed', 'timed_out')),
    (SELECT COUNT(*) FROM runs WHERE task_id = tasks.id AND state = 'cancelled'),
    (SELECT COUNT(*) FROM runs WHERE task_id = tasks.id AND finished_at IS NULL) FROM tasks"""
    for _, *both in rows(engine, query):
        assert both[:5] == both[5:]


def test_the_totals_of_nodes_are_what_counting_gives(engine):
    query = """SELECT node_id, COUNT(*), SUM(outcome = 'completed'), SUM(outcome IN ('failed', 'timed_out'))
    FROM attempts GROUP BY node_id ORDER BY node_id"""
    kept = "SELECT node_id, attempts, completed, failed FROM node_totals ORDER BY node_id"
    assert rows(engine, kept) == rows(engine, query)


def test_the_reader_understands_it(engine):
    reader = SqlReader(engine)
    runs, total = reader.runs(RunFilter(states=["completed"], sort="finished_at", size=RUNS))
    assert len(runs) == total == reader.totals().of("completed")
    assert (len(reader.nodes()), reader.detail(1).view.run.id, reader.task(1).id) == (NODES, 1, 1)
