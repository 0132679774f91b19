"""What is known of a node's hours, and until when it should stay idle."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idlegrid_server.core.model import Node, NodeState
from idlegrid_server.core.weeks import (
    ABSENCE,
    ENOUGH,
    GAP,
    HALF_LIFE,
    HORIZON,
    HOUR,
    HOURS,
    LOOK_SECONDS,
    Watch,
    Week,
    expected_until,
    hour_at,
    idle_until,
    lessons,
    next_watch,
    window,
)

MONDAY = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
DAY = 24 * HOUR
STATES = ["idle", "running", "busy", "offline", "draining", "unknown"]


def learned(*spells: tuple[float, str], weeks: int = 1, utc_offset: int = 0) -> Week:
    """What weeks teach in which the same was done, at these hours after Monday midnight."""
    week = Week()
    for number in range(weeks):
        begin = MONDAY + number * 7 * DAY
        done = [(begin + hour * HOUR, state) for hour, state in spells]
        week.take(lessons(done, begin, begin + 7 * DAY, utc_offset))
    return week


def days(week: Week) -> list[list[int]]:
    return [[round(100 * (week.share(24 * day + hour) or 0)) for hour in range(24)] for day in range(7)]


@given(st.floats(1e5, 4e9), st.integers(-86_399, 86_399))
def test_the_hour_of_the_week_is_that_on_the_owners_clock(at, utc_offset):
    clock = datetime.fromtimestamp(int(at), timezone(timedelta(seconds=utc_offset)))
    assert hour_at(at, utc_offset) == clock.weekday() * 24 + clock.hour


def test_idle_and_running_are_lent_and_all_else_is_not():
    week = learned((0, "idle"), (10, "busy"), (11.25, "running"), (20, "unknown"), (21, "frozen"), (22, "offline"))
    assert days(week)[0] == [100] * 10 + [0] + [77] + [100] * 8 + [0] * 4


def test_draining_and_what_was_before_the_first_spell_are_not_known():
    week = learned((1, "idle"), (2, "draining"), (4, "idle"))
    assert [week.share(hour) for hour in range(5)] == [None, 1.0, None, None, 1.0]


def test_an_hour_that_was_hardly_seen_is_not_known():
    seen = ENOUGH / HOUR
    assert learned((0, "idle"), (seen * 0.9, "draining")).share(0) is None
    assert learned((0, "idle"), (seen * 1.1, "draining")).share(0) == 1.0


def test_a_node_that_has_been_away_for_a_week_says_nothing_more_of_its_owner():
    gone = [(MONDAY, "offline")]
    assert lessons(gone, MONDAY + ABSENCE - HOUR, MONDAY + ABSENCE + HOUR, 0).keys() == {HOURS - 1}
    assert not lessons(gone, MONDAY + ABSENCE, MONDAY + ABSENCE + DAY, 0)
    assert lessons([(MONDAY, "idle")], MONDAY + ABSENCE, MONDAY + ABSENCE + DAY, 0)


def test_what_is_three_weeks_older_counts_half():
    week = learned((0, "idle"), weeks=3)
    known = week.seen[0]
    week.take(lessons([(MONDAY, "busy")], MONDAY, MONDAY + HALF_LIFE, 0))
    assert week.idle[0] == pytest.approx(known * 0.5 ** (HOUR / HALF_LIFE))
    assert learned((0, "idle"), weeks=40).seen[0] < 15_582
    turned = learned((0, "idle"), weeks=10)
    shares = []
    for _ in range(4):
        turned.take(lessons([(MONDAY, "busy")], MONDAY, MONDAY + HOUR, 0))
        shares.append(turned.share(0))
    assert shares[0] > 0.7
    assert shares[3] < 0.5


spells = st.lists(st.tuples(st.floats(0, 50 * HOUR), st.sampled_from(STATES)), min_size=1, max_size=12)


@given(spells, st.lists(st.floats(0, 60 * HOUR), max_size=6), st.integers(-86_400, 86_400))
def test_it_makes_no_difference_into_which_pieces_a_time_is_cut(done, cuts, utc_offset):
    done = [(MONDAY + at, state) for at, state in sorted(done)]
    at_once, in_pieces = Week(), Week()
    at_once.take(lessons(done, MONDAY, MONDAY + 60 * HOUR, utc_offset))
    edges = [MONDAY, *sorted(MONDAY + cut for cut in cuts), MONDAY + 60 * HOUR]
    for begin, end in pairwise(edges):
        in_pieces.take(lessons(done, begin, end, utc_offset))
    assert in_pieces.seen == pytest.approx(at_once.seen, abs=1e-3)
    assert in_pieces.idle == pytest.approx(at_once.idle, abs=1e-3)


def test_the_window_ends_with_the_first_hour_in_which_the_owner_mostly_is_there():
    week = learned((0, "idle"), (9, "busy"), (12.4, "idle"), (13, "busy"), (17, "idle"))
    assert window(week, MONDAY + 6.5 * HOUR, 0) == 2.5 * HOUR
    assert window(week, MONDAY + 10 * HOUR, 0) == 0
    assert window(week, MONDAY + 12.5 * HOUR, 0) == 0.5 * HOUR
    assert idle_until(week, MONDAY + 18 * HOUR, 0) == MONDAY + (7 * 24 + 9) * HOUR
    assert window(learned((0, "idle")), MONDAY + HOUR / 3, 0) == HORIZON


def test_nothing_is_said_when_an_hour_before_the_end_is_not_known():
    week = learned((0, "idle"), (5, "draining"), (6, "idle"), (9, "busy"))
    assert window(Week(), MONDAY, 0) is None
    assert window(week, MONDAY + 4 * HOUR, 0) is None
    assert window(week, MONDAY + 7 * HOUR, 0) == 2 * HOUR


def test_a_window_is_reckoned_by_the_owners_clock():
    week = learned((0, "idle"), (9, "busy"), (17, "idle"), utc_offset=0)
    assert window(week, MONDAY + 2 * HOUR, 5 * HOUR + HOUR // 2) == 1.5 * HOUR


@pytest.mark.parametrize(("state", "known"), [("idle", True), ("running", True), ("busy", False), ("offline", False)])
def test_only_a_node_that_can_work_is_expected_to_stay_so(state, known):
    node = Node(id="n", registered_at=0, last_seen=0, state=NodeState(state))
    assert (expected_until(node, learned((0, "idle"), (9, "busy")), MONDAY) == MONDAY + 9 * HOUR) is known


def test_who_looks_all_the_time_folds_every_hour():
    now, watch, folded = MONDAY, None, []
    for _ in range(200):
        until, after = next_watch(watch, now)
        if watch is not None and until > watch.folded:
            folded.append((watch.folded, until))
        now, watch = now + LOOK_SECONDS, after
    assert folded == [(MONDAY + n * HOUR, MONDAY + (n + 1) * HOUR) for n in range(3)]


def test_a_time_in_which_nobody_looked_is_left_out():
    known = Watch(MONDAY, MONDAY + 600)
    assert next_watch(known, MONDAY + 600 + GAP) == (MONDAY, Watch(MONDAY, MONDAY + 600 + GAP))
    assert next_watch(known, MONDAY + DAY) == (MONDAY + 600, Watch(MONDAY + DAY, MONDAY + DAY))


def test_a_clock_that_was_set_back_folds_no_time_twice():
    known = Watch(MONDAY, MONDAY + 600)
    assert next_watch(known, MONDAY + 300) == (MONDAY + 300, Watch(MONDAY + 300, MONDAY + 300))
    until, after = next_watch(known, MONDAY - DAY)
    assert until < known.folded
    assert after == Watch(MONDAY - DAY, MONDAY - DAY)
