"""What one submitter has, on SQLite and on PostgreSQL; on SQLite also that nobody else's runs are looked at for it."""

from dataclasses import replace
from itertools import product

from sqlalchemy import event

from idlegrid_server.core.queries import RunFilter
from idlegrid_server.record.reader import SqlReader

from ..parts import START, open_record
from .test_record_reading import DONE, keep

ANN, BOB = {"submitter": "ann"}, {"submitter": "bob"}


def test_whose_a_run_is_is_known_without_reading_it(pen):
    keep(pen, ANN, BOB, {"submitter": ""})
    assert [pen.reader.submitter(run_id) for run_id in (1, 2, 3, 4)] == ["ann", "bob", "", None]


def test_results_of_a_submitter_are_paged_by_id_newest_last(pen):
    keep(pen, *([{**DONE, **ANN}, {**DONE, **BOB}, ANN] * 4), result="r")
    assert pen.reader.result_ids(None, 3, "ann") == [4, 7, 10]
    assert pen.reader.result_ids(0, 3, "ann") == [1, 4, 7]
    assert pen.reader.result_ids(4, 10, "bob") == [5, 8, 11]
    assert pen.reader.result_ids(None, 10, "carl") == []
    assert pen.reader.result_ids(None, 10) == [1, 2, 4, 5, 7, 8, 10, 11]


def test_the_pages_of_a_submitters_list_together_are_his_runs(pen):
    keep(pen, *([{**ANN, "node_id": "n1"}, BOB, {**DONE, **ANN}] * 5))
    wanted = RunFilter(submitter="ann", size=4, newest_first=False)
    pages = [pen.reader.runs(replace(wanted, offset=4 * page)) for page in range(4)]
    assert [view.run.id for views, _ in pages for view in views] == [1, 3, 4, 6, 7, 9, 10, 12, 13, 15]
    assert {total for _, total in pages} == {10}
    assert pen.reader.runs(replace(wanted, node_id="n1", states=["pending"]))[1] == 5
    assert pen.reader.runs(RunFilter(submitter=""))[1] == 0


def test_the_nameless_may_be_asked_for_too(pen):
    keep(pen, {"submitter": ""}, ANN)
    views, total = pen.reader.runs(RunFilter(submitter=""))
    assert ([view.run.id for view in views], total) == ([1], 1)


FILTERS = (
    {},
    {"states": ["failed", "timed_out"]},
    {"node_id": "n1"},
    {"task_id": 1, "states": ["completed"]},
    {"since": START, "until": START + 5},
)


def test_on_sqlite_the_runs_of_others_are_not_walked_for_ones_own(tmp_path):
    engine, plans = open_record(tmp_path), list[str]()

    @event.listens_for(engine, "before_cursor_execute")
    def explain(connection, cursor, statement, parameters, context, many):
        if "FROM runs" in statement and "runs.result" not in statement:  # not those for the few rows of a page
            plans.extend(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    reader = SqlReader(engine)
    for filters, sort in product(FILTERS, ("id", "started_at", "finished_at")):
        reader.runs(RunFilter(submitter="ann", sort=sort, **filters))
    for after in (None, 7):
        reader.result_ids(after, 10, "ann")
    engine.dispose()
    looks = {plan for plan in plans if "runs" in plan}
    assert looks
    best = "SEARCH runs USING COVERING INDEX runs_by_submitter (submitter=?"
    assert all(look.startswith(best) for look in looks), looks
