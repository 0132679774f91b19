"""When no lease may end."""

import pytest

from idlegrid_server.housekeeping.grace import JUMP, Grace


@pytest.fixture
def grace(clock) -> Grace:
    return Grace(clock, 30.0)


def look_for(clock, grace, seconds) -> list[bool]:
    """Look once a second."""
    looks = []
    for _ in range(int(seconds)):
        clock.advance(1)
        looks.append(grace.holds())
    return looks


def test_leases_are_safe_after_a_start_and_then_no_more(clock, grace):
    assert look_for(clock, grace, 40) == [True] * 29 + [False] * 11


@pytest.mark.parametrize("jump", [3600, -3600, JUMP + 1])
def test_leases_are_safe_again_after_the_wall_clock_jumped(clock, grace, jump):
    look_for(clock, grace, 40)
    clock.jump(jump)
    assert look_for(clock, grace, 40) == [True] * 30 + [False] * 10


def test_a_clock_that_is_only_put_right_a_little_is_no_jump(clock, grace):
    look_for(clock, grace, 40)
    clock.jump(JUMP - 1)
    assert look_for(clock, grace, 3) == [False] * 3


def test_leases_are_safe_again_after_the_process_or_the_machine_stood_still(clock, grace):
    look_for(clock, grace, 40)
    clock.advance(JUMP + 1)
    assert grace.holds()


def test_two_looks_at_the_same_moment_agree(clock, grace):
    look_for(clock, grace, 40)
    clock.jump(60)
    assert (grace.holds(), grace.holds()) == (True, True)
