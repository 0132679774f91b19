import pytest

from idlegrid_node.ladder import Position, State
from idlegrid_node.reclaims import KEPT, UNTOLD, Reclaim, Reclaims, Return

FROZEN = Position(State.FROZEN, "input", "input_idle_s", 0.4)


def returned() -> Return:
    return Return(at=5000.0, since=100.0, position=FROZEN)


def reclaim(at: float, frozen_s: float | None = 0.5, memory_s: float | None = 1.0) -> Reclaim:
    return Reclaim(at, "input", "input_idle_s", frozen_s, memory_s, 10.0, "thawed")


def test_an_eviction_is_measured_from_the_owners_sign_to_the_last_byte():
    clock = returned()
    clock.stand(100.31)
    clock.weigh([300.0, 110.0], 64.0, 100.4)
    clock.evict()
    clock.weigh([300.0, 0.0], 64.0, 111.0)
    clock.end(thawed=False)
    assert not clock.over
    clock.weigh([0.0, 0.0], 64.0, 112.5)
    assert clock.over
    assert clock.measured().as_json() == {
        "at": 5000.0,
        "reason": "input",
        "signal": "input_idle_s",
        "frozen_s": 0.31,
        "memory_s": 12.5,
        "memory_mb": 410.0,
        "outcome": "evicted",
    }


def test_runs_that_go_on_before_their_memory_was_back_say_so():
    clock = returned()
    clock.stand(100.3)
    clock.weigh([300.0], 64.0, 100.4)
    clock.end(thawed=True)
    assert clock.over
    measured = clock.measured()
    assert (measured.frozen_s, measured.memory_s, measured.outcome) == (0.3, None, "thawed")


def test_memory_does_not_count_before_everything_stands():
    clock = returned()
    clock.weigh([10.0], 64.0, 100.1)
    assert (clock.memory_mb, clock.memory_s) == (None, None)
    clock.stand(100.2)
    clock.stand(100.9)
    clock.weigh([20.0], 64.0, 100.3)
    assert (clock.frozen_s, clock.memory_mb) == (pytest.approx(0.2), 20.0)
    assert clock.memory_s == pytest.approx(0.3)


def test_runs_that_ended_by_themselves_were_not_evicted():
    clock = returned()
    clock.stand(101.0)
    clock.end(thawed=False)
    clock.weigh([], 64.0, 101.0)
    assert clock.measured().outcome == "ended"


def test_what_was_told_is_not_told_again_and_what_came_meanwhile_is():
    kept = Reclaims()
    kept.add(reclaim(1.0))
    said = kept.untold()
    kept.add(reclaim(2.0))
    assert [one["at"] for one in kept.untold()] == [1.0, 2.0]
    kept.told(said)
    assert [one["at"] for one in kept.untold()] == [2.0]


def test_a_long_outage_keeps_the_newest():
    kept = Reclaims()
    for at in range(KEPT + 500):
        kept.add(reclaim(float(at)))
    assert [one["at"] for one in kept.untold()] == [float(at) for at in range(KEPT + 500 - UNTOLD, KEPT + 500)]
    assert kept.as_json()["count"] == KEPT


def test_the_percentiles_are_those_of_what_was_measured():
    kept = Reclaims()
    nothing = {"frozen_p50": None, "frozen_p99": None, "memory_p50": None, "memory_p99": None}
    assert kept.as_json() == {"count": 0, **nothing}
    kept.add(reclaim(1.0, 0.25, None))
    assert kept.as_json() == {"count": 1, **nothing, "frozen_p50": 0.25, "frozen_p99": 0.25}
    for at in range(2, 102):
        kept.add(reclaim(float(at), at / 100, float(at)))
    told = kept.as_json()
    assert told["count"] == 101
    assert (told["frozen_p50"], told["frozen_p99"]) == (pytest.approx(0.51), pytest.approx(1.0, abs=0.01))
    assert (told["memory_p50"], told["memory_p99"]) == (51.5, pytest.approx(100.01))
