"""One of several coordinators keeps house."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from idlegrid_server.core.commands import LeaseRuns, MakeRuns, Report, ReportRuns
from idlegrid_server.core.errors import RecordUnavailable
from idlegrid_server.core.limits import Times
from idlegrid_server.core.model import Outcome
from idlegrid_server.core.queries import RunFilter
from idlegrid_server.queue.memory import MemoryQueue
from idlegrid_server.record.engine import open_engine
from idlegrid_server.record.leadership import LEASE_SECONDS, LOOK_SECONDS, RENEW_SECONDS, SqlLeadership

from ..parts import Coordinator, FakeClock, offer, submission

TIMES = Times()


def candidates(engine: Engine, clock: FakeClock, count: int = 2) -> list[SqlLeadership]:
    return [SqlLeadership(engine, f"instance-{number}", clock) for number in range(count)]


def asked(*all_: SqlLeadership) -> list[bool]:
    return [one.holds() for one in all_]


def test_the_first_who_asks_leads_for_as_long_as_it_asks(engine, clock):
    one, other = candidates(engine, clock)
    for _ in range(30):
        assert asked(one, other) == [True, False]
        clock.advance(1)


def test_a_leader_that_is_gone_is_replaced_within_ten_seconds(engine, clock):
    one, other = candidates(engine, clock)
    assert asked(one, other) == [True, False]
    for _ in range(int(LEASE_SECONDS + LOOK_SECONDS) - 1):
        clock.advance(1)
        led = other.holds()
    assert led


def test_a_leader_that_was_frozen_finds_that_it_was_replaced(engine, clock):
    one, other = candidates(engine, clock)
    assert asked(one, other) == [True, False]
    clock.advance(LEASE_SECONDS)
    assert other.holds()
    assert asked(one, other) == [False, True]


def test_a_leader_that_stops_makes_way_at_once(engine, clock):
    one, other = candidates(engine, clock)
    assert asked(one, other) == [True, False]
    one.release()
    clock.advance(LOOK_SECONDS)
    assert other.holds()


def test_one_that_does_not_lead_takes_nothing_away_when_it_stops(engine, clock):
    one, other = candidates(engine, clock)
    assert asked(one, other) == [True, False]
    other.release()
    clock.advance(LOOK_SECONDS)
    assert asked(other, one) == [False, True]


def test_a_coordinator_that_comes_back_to_its_place_leads_on_at_once(engine, clock):
    [before] = candidates(engine, clock, 1)
    assert before.holds()
    [after] = candidates(engine, clock, 1)
    assert after.holds()


def test_a_lease_that_a_clock_far_ahead_has_left_is_over_in_time(engine, clock):
    ahead = FakeClock()
    ahead.jump(3_600)
    [gone] = candidates(engine, ahead, 1)
    assert gone.holds()
    other = SqlLeadership(engine, "other", clock)
    assert not other.holds()
    clock.advance(LEASE_SECONDS)
    assert other.holds()


def test_only_one_of_many_who_ask_at_once_leads(engine, clock):
    crowd = candidates(engine, clock, 8)
    with ThreadPoolExecutor(len(crowd)) as pool:
        assert sum(pool.map(SqlLeadership.holds, crowd)) == 1
    leader = crowd[asked(*crowd).index(True)]
    clock.advance(RENEW_SECONDS)
    assert leader.holds()


def test_who_cannot_reach_the_record_does_not_learn_that_it_leads(tmp_path, clock):
    engine = open_engine(f"sqlite:///{tmp_path / 'grid.db'}")
    [one] = candidates(engine, clock, 1)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE facts RENAME TO gone")
    with pytest.raises(RecordUnavailable):
        one.holds()
    engine.dispose()


@pytest.fixture
def two(engine, clock) -> Iterator[list[Coordinator]]:
    """Two coordinators over one record and one queue; each looks when it is told to."""
    queue = MemoryQueue(clock)
    two = [Coordinator(engine, queue, clock, TIMES, leadership=claim) for claim in candidates(engine, clock)]
    yield two
    for coordinator in two:
        coordinator.stop()


def pass_time(clock: FakeClock, seconds: float, *looking: Coordinator) -> None:
    for _ in range(int(seconds)):
        clock.advance(1)
        for coordinator in looking:
            coordinator.look()


def leased(coordinator: Coordinator, **words: int) -> Report:
    """A run is leased; the report that it has failed."""
    coordinator.do(MakeRuns([submission(**words)], ["u1"]))
    coordinator.do(LeaseRuns(offer(), ["a" * 32], TIMES.listing))
    return Report(run_uuid="u1", lease_id="a" * 32, outcome=Outcome.FAILED)


def state(coordinator: Coordinator) -> str:
    [view], _ = coordinator.reader.runs(RunFilter())
    return view.run.state.value


def test_a_lease_that_is_over_is_taken_back_by_whoever_leads_after_the_leader_is_gone(two, clock):
    leader, other = two
    pass_time(clock, TIMES.start_grace + 1, leader, other)
    leased(leader)
    pass_time(clock, TIMES.listing - 1, other)
    assert state(other) == "running"
    pass_time(clock, 2, other)
    assert state(other) == "pending"


def test_one_that_does_not_lead_takes_no_lease_back(two, clock):
    leader, other = two
    pass_time(clock, TIMES.start_grace + 1, leader, other)
    leased(leader)
    pass_time(clock, TIMES.listing - 1, leader, other)
    clock.advance(1)
    other.look()
    assert state(other) == "running"
    leader.look()
    assert state(other) == "pending"


def test_one_that_does_not_lead_ends_delays_nevertheless(two, clock):
    leader, other = two
    pass_time(clock, 2, leader, other)
    report = leased(other, retry_limit=1)
    other.do(ReportRuns("n1", [report]))
    assert state(other) == "waiting"
    pass_time(clock, 3, other)
    assert state(other) == "pending"


def test_a_stopped_leader_makes_way_for_another_keeper(two, clock):
    leader, other = two
    pass_time(clock, TIMES.start_grace + 1, leader, other)
    leased(leader)
    pass_time(clock, TIMES.listing - 1, leader, other)
    leader.keeper.stop()
    pass_time(clock, 1, other)
    assert state(other) == "pending"
