"""What attempts used over time: kept whole as it was last told, and forgotten with the run's logs."""

from sqlalchemy import insert

from idlegrid_server.core.commands import Beat, HeldAttempt, LeaseRuns, MakeRuns, NodeFacts, Report, ReportRuns
from idlegrid_server.core.limits import Times
from idlegrid_server.core.model import Outcome
from idlegrid_server.core.queries import UsedOverTime
from idlegrid_server.core.retention import DAY, MOST_ROWS
from idlegrid_server.record import tables as t
from idlegrid_server.record.retention import plan

from ..parts import offer, submission
from .test_retention import AGES, column, finish, forget, left_behind, make, rows

FIRST, MORE = "[[0.05,0.0,11.5,1]]", "[[0.05,0.0,11.5,1],[1.05,0.9,40.0,3]]"


def lease(pen, number: int) -> str:
    """The next attempt of u1."""
    command = LeaseRuns(offer(), [f"{number:032x}"], 10.0)
    command.popped = ["u1"]
    pen.do(command)
    return f"{number:032x}"


def beat(pen, lease_id: str, points: str) -> None:
    held = HeldAttempt(run_uuid="u1", lease_id=lease_id, points=points)
    pen.do(Beat("n1", NodeFacts(), [held], Times()))


def report(pen, lease_id: str, outcome: Outcome, points: str = "") -> None:
    pen.do(ReportRuns("n1", [Report(run_uuid="u1", lease_id=lease_id, outcome=outcome, points=points)]))


def test_what_was_told_last_is_kept_of_each_attempt(pen):
    pen.do(MakeRuns([submission()], ["u1"], "", ""))
    first = lease(pen, 1)
    beat(pen, first, FIRST)
    beat(pen, first, MORE)
    beat(pen, first, "")
    report(pen, first, Outcome.EVICTED)
    second = lease(pen, 2)
    report(pen, second, Outcome.COMPLETED, FIRST)
    point, other = [0.05, 0.0, 11.5, 1], [1.05, 0.9, 40.0, 3]
    assert pen.reader.usage_points(1) == [UsedOverTime(1, [point, other]), UsedOverTime(2, [point])]
    assert pen.reader.usage_points(2) == []


def test_a_report_that_does_not_count_changes_nothing_of_it(pen):
    pen.do(MakeRuns([submission()], ["u1"], "", ""))
    first = lease(pen, 1)
    report(pen, first, Outcome.COMPLETED, FIRST)
    report(pen, first, Outcome.COMPLETED, MORE)
    assert pen.reader.usage_points(1) == [UsedOverTime(1, [[0.05, 0.0, 11.5, 1]])]


def keep(engine, *attempts: tuple[int, int]) -> None:
    with engine.begin() as connection:
        for run, attempt in attempts:
            connection.execute(insert(t.run_usage).values(run_id=run, attempt=attempt, points=FIRST))


def test_it_goes_with_the_logs_of_its_run_which_stays(pen, engine, clock):
    make(pen, "old", "goes on", "new")
    finish(pen, "old")
    keep(engine, (1, 1), (1, 2), (2, 1), (3, 1), (99, 1))
    clock.advance(1)
    finish(pen, "new")
    clock.advance(30 * DAY)
    assert forget(engine, clock, AGES)["run_usage"] == 3
    assert column(engine, t.run_usage.c.run_id) == [2, 3]
    clock.advance(60 * DAY)
    forget(engine, clock, AGES)
    assert (column(engine, t.runs.c.id), column(engine, t.run_usage.c.run_id)) == ([2, 3], [2])


def test_no_transaction_takes_more_of_it_than_it_may_even_of_one_run(pen, engine, clock):
    make(pen, "u1")
    finish(pen, "u1")
    keep(engine, *((1, number) for number in range(2 * MOST_ROWS)))
    clock.advance(91 * DAY)
    walk = next(walk for walk in plan(engine, AGES, clock.now()) if walk.name == "runs")
    before = rows(engine, t.run_usage)
    while walk.step() is not None:
        assert before - rows(engine, t.run_usage) <= MOST_ROWS
        before = rows(engine, t.run_usage)
    assert (before, left_behind(engine)) == (0, {})
