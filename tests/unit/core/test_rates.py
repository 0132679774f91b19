"""How often attempts end and fail on a node, and which nodes are black holes."""

import pytest

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.lifecycle import Event
from idlegrid_server.core.model import Outcome, Run, RunState
from idlegrid_server.core.rates import ENOUGH, SHORT, SPAN, Ends, Rates, rates, span_of, suspect

NOW = 1_000_000 * SPAN + 60.0


def ends(ago: int, ended: int = 0, failed: int = 0, seconds: float = 0.0, **before) -> Ends:
    return Ends(span_of(NOW) - ago, ended, failed, seconds, **before)


def test_the_newest_span_counts_with_the_one_before_it_over_the_time_of_both():
    both = ends(0, 4, 1, before_ended=8, before_failed=2)
    assert rates(both, NOW) == Rates(2.0, 0.5)
    assert rates(both, NOW + 180) == Rates(pytest.approx(12 / 9), pytest.approx(3 / 9))


def test_a_span_that_is_over_is_the_one_before_and_is_forgotten_with_the_next():
    assert rates(ends(1, 12, 6, before_ended=99), NOW) == Rates(2.0, 1.0)
    assert rates(ends(2, 12, 6), NOW) == rates(Ends(), NOW) == Rates()


def test_another_coordinators_clock_may_be_a_span_ahead_but_not_more():
    assert rates(ends(-1, 5, before_ended=5), NOW) == Rates(2.0, 0.0)
    assert rates(ends(-2, 5, before_ended=5), NOW) == Rates()


@pytest.mark.parametrize(
    ("ended", "failed", "seconds", "black"),
    [
        (ENOUGH, ENOUGH, 1.0, True),
        (ENOUGH, ENOUGH - 1, 1.0, True),
        (ENOUGH, ENOUGH - 2, 1.0, False),
        (ENOUGH - 1, ENOUGH - 1, 1.0, False),
        (ENOUGH, ENOUGH, ENOUGH * SHORT, True),
        (ENOUGH, ENOUGH, ENOUGH * SHORT + 1, False),
        (0, 0, 0.0, False),
    ],
)
def test_a_black_hole_fails_nearly_all_of_many_and_soon(ended, failed, seconds, black):
    assert suspect(ended, failed, seconds) is black
    assert rates(ends(0, ended, failed, seconds), NOW).suspect is black


@pytest.mark.parametrize(
    ("event", "outcome", "failures"),
    [
        (Event.FAIL, Outcome.FAILED, 1),
        (Event.RETRY, Outcome.FAILED, 1),
        (Event.TIME_OUT, Outcome.TIMED_OUT, 1),
        (Event.LOSE, Outcome.CRASHED, 1),
        (Event.LOSE, Outcome.LOST, 0),
        (Event.EVICT, Outcome.EVICTED, 0),
        (Event.RETURN, Outcome.RETURNED, 0),
        (Event.CANCEL, None, 0),
        (Event.COMPLETE, Outcome.COMPLETED, 0),
    ],
)
def test_failures_and_crashes_count_against_a_node_but_not_what_its_owner_or_the_network_did(event, outcome, failures):
    batch, run = (
        Batch(NOW),
        Run(
            1, "u1", "", "python", "normal/python/1c/512M/s3", 1, 1.0, 512, "[]", 3, 60.0, 1, RunState.RUNNING, NOW - 9
        ),
    )
    run.node_id, run.wall_seconds = "n1", 2.5
    batch.move(run, event, outcome=outcome)
    attempts, *_, seconds, failed = batch.node_totals["n1"]
    assert (attempts, seconds, failed) == (1, 2.5, failures)
