"""When children are started again, and when they are given up."""

import pytest

from idlegrid_server.up.state import CALM_SECONDS, Child, delay, hopeless, next_due


def after_quick_ends(times: int) -> Child:
    child = Child()
    for _ in range(times):
        child = child.begun(100.0).ended(100.0)
    return child


def test_the_pause_doubles_up_to_half_a_minute():
    assert [delay(n) for n in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]


def test_a_million_failures_overflow_nothing():
    assert delay(1_000_000) == 30


def test_a_child_is_started_again_only_after_its_pause():
    child = after_quick_ends(3)
    assert child.due == 104.0
    assert not child.may_start(103.9, set())
    assert child.may_start(104.0, set())


def test_a_minute_of_calm_forgives_earlier_ends():
    child = after_quick_ends(4).begun(200.0).ended(200.0 + CALM_SECONDS)
    assert child.due == 200.0 + CALM_SECONDS + 1


def test_just_under_a_minute_forgives_nothing():
    assert after_quick_ends(4).begun(200.0).ended(199.9 + CALM_SECONDS).failures == 5


def test_the_first_start_waits_for_every_condition():
    child = Child(needs=frozenset({"a", "b"}))
    assert not child.may_start(0.0, {"a"})
    assert child.may_start(0.0, {"a", "b", "c"})


def test_a_restart_waits_for_no_condition():
    child = Child(needs=frozenset({"a"})).begun(0.0).ended(5.0)
    assert child.may_start(6.0, set())


def test_a_running_child_is_not_started_again():
    assert not Child().begun(0.0).may_start(100.0, set())


def test_the_next_restart_counts_only_children_whose_pause_runs():
    children = [Child().begun(0.0), Child(needs=frozenset({"a"})), Child(due=7.0), Child(due=9.0)]
    assert next_due(children, 5.0) == 2.0
    assert next_due(children[:2], 5.0) is None
    assert next_due(children, 8.0) == 0.0


@pytest.mark.parametrize(
    ("failures", "status", "given_up"), [(1, 1, False), (1, 2, True), (4, 1, False), (5, -9, True)]
)
def test_wrong_settings_or_five_quick_ends_are_hopeless(failures, status, given_up):
    assert hopeless(Child(failures=failures), status) is given_up
