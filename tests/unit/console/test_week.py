"""A node's week as a heatmap and in words."""

from datetime import UTC, datetime, timedelta

import pytest

from idlegrid import NodeInfo
from idlegrid_console.data import node_figures, node_texts, week

NOW = datetime(2025, 3, 4, 10, 0, tzinfo=UTC)


@pytest.fixture
def until(answers):
    """`until(state, end)`: what is said of a node in that state whose window ends then."""

    def said(state, end):
        node = NodeInfo.from_wire(answers.node_answer("lab-01", state))
        return dict(week.facts(node, answers.week_answer((), 168, end), NOW, "Asia/Tokyo"))["Expected idle until"]

    return said


def test_a_week_has_a_row_for_each_day_and_blanks_where_nothing_is_known(answers):
    shares = week.shares(answers.week_answer({26}, 100))
    assert [len(day) for day in shares] == [24] * 7
    assert (shares[1][2], shares[1][3], shares[6][23]) == (0.0, 1.0, None)
    assert week.known_hours(answers.week_answer({26}, 100)) == 100
    assert week.known_hours({}) == 0


def test_the_end_of_a_window_is_told_on_the_visitors_clock(until):
    assert until("idle", NOW + timedelta(hours=2, minutes=30)) == "2025-03-04 21:30 (in 2 h)"
    assert until("idle", NOW) == "the owner may be back at any time"
    assert until("idle", None) == "not known yet"
    assert until("busy", NOW + timedelta(hours=2)) == "–"


@pytest.mark.parametrize(("offset", "words"), [(0, "UTC+00:00"), (19_800, "UTC+05:30"), (-12_600, "UTC-03:30")])
def test_the_owners_clock_is_told_by_how_far_it_is_from_utc(offset, words):
    assert week.clock(offset) == words


def test_the_heatmap_has_seven_days_from_monday_and_leaves_unknown_hours_blank(answers):
    (trace,) = node_figures.idle_hours(week.shares(answers.week_answer({0}, 30))).data
    assert list(trace.y) == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert (len(trace.x), trace.x[0], trace.x[-1]) == (24, "0:00", "23:00")
    assert [trace.z[day][hour] for day, hour in ((0, 0), (0, 1), (1, 6))] == [0.0, 1.0, None]


def test_the_heatmap_says_in_words_how_much_of_the_week_is_idle(answers):
    assert node_texts.said_of_week(week.shares(answers.week_answer({0}, 4))).endswith(
        "75% of the 4 hours that are known"
    )
    assert node_texts.said_of_week(week.shares({})).endswith("nothing is known yet")
