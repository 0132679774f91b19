from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idlegrid_node.hours import DAY_S, closed_hours

WEEKDAYS = closed_hours("Mon-Fri", "08:00", "17:05")
NIGHTS = closed_hours("Fri,Sat", "22:00", "06:00")


def at(day: int, time: str) -> datetime:
    """A time of the first week of June 2026; 1 is a Monday."""
    return datetime.fromisoformat(f"2026-06-{day:02}T{time}")


@pytest.mark.parametrize(
    ("hours", "now", "closes_in"),
    [
        (WEEKDAYS, at(1, "07:30:30"), 1770.0),
        (WEEKDAYS, at(1, "08:00"), 0.0),
        (WEEKDAYS, at(1, "17:04:59"), 0.0),
        (WEEKDAYS, at(1, "17:05"), 14 * 3600 + 55 * 60),
        (WEEKDAYS, at(5, "17:05"), 2 * DAY_S + 14 * 3600 + 55 * 60),
        (WEEKDAYS, at(6, "12:00"), DAY_S + 20 * 3600),
        (NIGHTS, at(5, "21:59:59"), 1.0),
        (NIGHTS, at(6, "05:59"), 0.0),
        (NIGHTS, at(6, "06:00"), 16 * 3600.0),
        (NIGHTS, at(7, "05:59"), 0.0),
        (NIGHTS, at(7, "06:00"), 5 * DAY_S + 16 * 3600),
        (closed_hours("Mon", "00:00", "24:00"), at(1, "23:59:59"), 0.0),
        (closed_hours("Mon", "00:00", "24:00"), at(2, "00:00"), 6 * DAY_S),
        (closed_hours("", "08:00", "17:05"), at(1, "12:00"), None),
    ],
)
def test_the_next_closing_is_so_far_away(hours, now, closes_in):
    assert hours.closes_in(now) == closes_in


def test_days_may_be_listed_and_spanned_over_the_weeks_end():
    assert closed_hours("Mon, Wed,Sat-Sun", "08:00", "17:05").days == {0, 2, 5, 6}
    assert closed_hours("Sat-Mon", "08:00", "17:05").days == {5, 6, 0}


def test_the_longest_stretch_that_a_machine_is_open():
    assert WEEKDAYS.longest_open_s == 3 * DAY_S - (9 * 3600 + 5 * 60)
    assert closed_hours("Mon-Sun", "08:00", "17:00").longest_open_s == 15 * 3600
    assert closed_hours("Mon", "08:00", "17:00").longest_open_s == 7 * DAY_S - 9 * 3600
    assert closed_hours("", "08:00", "17:00").longest_open_s == float("inf")


@settings(deadline=None)
@given(st.sets(st.integers(0, 6), min_size=1), st.integers(0, 1439), st.integers(0, 1439), st.datetimes())
def test_a_machine_is_closed_when_and_only_when_a_closing_has_begun_and_not_ended(days, begin, end, now):
    if begin == end or now.year in {1, 9999}:
        return
    names = ",".join(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day] for day in days)
    hours = closed_hours(names, f"{begin // 60:02}:{begin % 60:02}", f"{end // 60:02}:{end % 60:02}")
    minute, day = now.hour * 60 + now.minute, now.weekday()
    today, yesterday = day in days, (day - 1) % 7 in days
    plain = (
        today and begin <= minute < end if begin < end else (today and minute >= begin) or (yesterday and minute < end)
    )
    wait = hours.closes_in(now)
    assert wait is not None
    assert (wait == 0) == plain
    assert wait <= 7 * DAY_S
