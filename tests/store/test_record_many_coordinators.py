"""Several coordinators over one PostgreSQL: what one has recorded no other writes over."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from idlegrid_server.core.commands import (
    Beat,
    ExpireLeases,
    LeaseRuns,
    MakeRuns,
    NodeFacts,
    Report,
    ReportRuns,
)
from idlegrid_server.core.commands.operator import NodeChange, UpdateNode
from idlegrid_server.core.errors import StaleReport
from idlegrid_server.core.limits import Times
from idlegrid_server.core.model import NodeState, NodeWish, Outcome, RunState
from idlegrid_server.queue.memory import MemoryQueue

from ..parts import Coordinator, offer, submission
from .conftest import Pen

pytestmark = pytest.mark.postgres


@pytest.fixture
def pens(postgres, clock) -> tuple[Pen, Pen]:
    return Pen(postgres, clock, "one"), Pen(postgres, clock, "two")


def overlapping(engine, first: Pen, command, second: Callable[[], object], eventually) -> object:
    """Let `first` decide, start `second`, let `first` commit once `second` waits for it; what `second` answers."""
    with ThreadPoolExecutor(1) as pool:
        with first.record.transaction() as transaction:
            batch = transaction.load(command.needs())
            command.apply(batch)
            transaction.save(batch)
            answer = pool.submit(second)
            eventually(lambda: _waits(engine) or answer.done(), "the second waits for the first")
        return answer.result(30)


def _waits(engine) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with engine.connect() as connection:
        return bool(connection.scalar(text(query)))


def leased(pen: Pen, uuid: str = "u1") -> None:
    pen.do(MakeRuns([submission()], [uuid]))
    command = LeaseRuns(offer(), ["a" * 32], 10.0)
    command.popped = [uuid]
    pen.do(command)


def report(words: str) -> ReportRuns:
    done = Report(run_uuid="u1", lease_id="a" * 32, outcome=Outcome.COMPLETED, result=words)
    return ReportRuns("n1", [done])


def test_a_result_that_one_records_is_not_undone_by_anothers_expiry(pens, postgres, clock, eventually):
    one, two = pens
    leased(one)
    clock.advance(60)
    overlapping(postgres, one, report("1"), lambda: two.do(ExpireLeases(["u1"])), eventually)
    view = one.reader.view(1)
    assert (view.run.state, view.result) == (RunState.COMPLETED, "1")
    assert one.reader.totals().by_state == {**dict.fromkeys(RunState, 0), "completed": 1}


def test_of_two_different_results_one_is_recorded_and_the_other_refused(pens, postgres, eventually):
    one, two = pens
    leased(one)
    answers = overlapping(postgres, one, report("1"), lambda: two.do(report("2")), eventually)
    assert isinstance(answers[0].problem, StaleReport)
    assert one.reader.view(1).result == "1"


def test_one_run_is_leased_once(pens, postgres, eventually):
    one, two = pens
    one.do(MakeRuns([submission()], ["u1"]))
    first, second = LeaseRuns(offer("n1"), ["a" * 32], 10.0), LeaseRuns(offer("n2"), ["b" * 32], 10.0)
    first.popped = second.popped = ["u1"]
    assert overlapping(postgres, one, first, lambda: two.do(second), eventually) == []
    assert one.reader.view(1).run.node_id == "n1"


def test_an_operators_wish_is_not_written_over_by_a_heartbeat(pens, postgres, eventually):
    one, two = pens
    one.do(Beat("n1", NodeFacts(state=NodeState.IDLE), [], Times()))
    beat = Beat("n1", NodeFacts(state=NodeState.BUSY), [], Times())
    drain = UpdateNode("n1", change=NodeChange(wish=NodeWish.DRAINING))
    overlapping(postgres, one, drain, lambda: two.do(beat), eventually)
    node = one.reader.node("n1")
    assert (node.wish, node.state) == (NodeWish.DRAINING, "busy")


def test_one_key_sent_to_two_coordinators_at_once_makes_one_run(pens, postgres, clock, eventually):
    one, _ = pens
    other = Coordinator(postgres, MemoryQueue(clock), clock, Times())
    again = MakeRuns([submission()], ["u2"], "key", "words")
    first = MakeRuns([submission()], ["u1"], "key", "words")
    try:
        runs = overlapping(postgres, one, first, lambda: other.writer.do(again), eventually)
    finally:
        other.stop()
    assert [run.uuid for run in runs] == ["u1"]
    assert one.reader.totals().total == 1


def test_a_deadlock_is_somebody_elses_luck_and_is_tried_again(postgres, clock, eventually):
    coordinator = Coordinator(postgres, MemoryQueue(clock), clock, Times())
    try:
        coordinator.do(MakeRuns([submission()] * 2, ["u1", "u2"]))
        with postgres.connect() as connection:
            # PostgreSQL ends whichever of the two looks first: mostly the coordinator, that has waited longer. Where
            # this one is late, it has to give way before the coordinator's lock_timeout.
            connection.execute(text("SET deadlock_timeout = '2s'"))
            connection.execute(text("SELECT * FROM runs WHERE uuid = 'u2' FOR UPDATE"))
            with ThreadPoolExecutor(1) as pool:
                asked = pool.submit(coordinator.do, _both())
                eventually(lambda: _waits(postgres), "the coordinator waits for the second run")
                with suppress(OperationalError):
                    connection.execute(text("SELECT * FROM runs WHERE uuid = 'u1' FOR UPDATE"))
                connection.rollback()
                assert asked.result(30) == 2
    finally:
        coordinator.stop()


def _both() -> ExpireLeases:
    return ExpireLeases(["u1", "u2"])
