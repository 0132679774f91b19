"""When tasks are due: cron lines in a zone, and intervals."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from idlegrid_server.core.definitions import Timing
from idlegrid_server.core.errors import InvalidInput
from idlegrid_server.core.limits import MAX_INTERVAL, MIN_INTERVAL
from idlegrid_server.schedules import CronCalendar

CALENDAR = CronCalendar()
NEW_YORK = "America/New_York"


def firings(line, after, count, timezone="UTC"):
    """The wall clock's time, with its offset, of the next firings."""

    def walk():
        zone = ZoneInfo(timezone)
        instant = datetime.fromisoformat(after).replace(tzinfo=zone).timestamp()
        while True:
            instant = CALENDAR.next(Timing(schedule=line, timezone=timezone), instant, 0.0)
            yield datetime.fromtimestamp(instant, zone).isoformat(timespec="minutes")

    return list(islice(walk(), count))


def refusal(**timing):
    with pytest.raises(InvalidInput) as caught:
        CALENDAR.check(Timing(**timing))
    return caught.value


def test_a_cron_line_is_read_in_utc_unless_a_zone_is_named():
    assert firings("0 9 * * *", "2024-06-01T09:00", 1) == ["2024-06-02T09:00+00:00"]
    assert firings("0 9 * * *", "2024-06-01T08:59:59", 1, "Asia/Shanghai") == ["2024-06-01T09:00+08:00"]


@pytest.mark.parametrize(
    "line", ["0,30 8-10 1-7 jan-mar mon", "*/7 */5 * * 1-5", "5 4 29 2 *", "0 0 13 * fri", "7 * * * 7"]
)
def test_every_firing_of_a_line_comes_and_no_other(line):
    def wanted(field, low, high, names=""):
        found = set()
        for part in field.split(","):
            span, _, step = part.partition("/")
            first, _, last = span.replace("*", f"{low}-{high}").partition("-")
            number = {name: n for n, name in enumerate(names.split(), low)}
            begin, end = (number.get(x) if x in number else int(x) for x in (first, last or first))
            found |= set(range(begin, end + 1, int(step or 1)))
        return found

    minute, hour, day, month, weekday = line.split()
    minutes, hours, days = wanted(minute, 0, 59), wanted(hour, 0, 23), wanted(day, 1, 31)
    months = wanted(month, 1, 12, "jan feb mar apr may jun jul aug sep oct nov dec")
    weekdays = {n % 7 for n in wanted(weekday, 0, 6, "sun mon tue wed thu fri sat")}

    def is_due(t):
        on_day, on_weekday = t.day in days, t.isoweekday() % 7 in weekdays
        either = (on_day or on_weekday) if "*" not in (day, weekday) else (on_day and on_weekday)
        return t.minute in minutes and t.hour in hours and t.month in months and either

    start = datetime(2024, 2, 20, tzinfo=UTC)
    every = (start + timedelta(minutes=n) for n in range(60 * 24 * 40))
    expected = [t.isoformat(timespec="minutes") for t in every if is_due(t)]
    assert expected
    assert firings(line, "2024-02-19T23:59:59", len(expected)) == expected


def test_a_firing_that_falls_into_the_hour_that_spring_skips_comes_at_its_end_once():
    assert firings("30 2 * * *", "2024-03-09T12:00", 2, NEW_YORK) == [
        "2024-03-10T03:00-04:00",
        "2024-03-11T02:30-04:00",
    ]


def test_a_firing_at_a_named_hour_comes_once_in_the_night_when_autumn_repeats_it():
    assert firings("30 1 * * *", "2024-11-02T12:00", 2, NEW_YORK) == [
        "2024-11-03T01:30-04:00",
        "2024-11-04T01:30-05:00",
    ]


def test_a_line_that_names_every_hour_fires_as_often_as_time_passes():
    spring = firings("30 * * * *", "2024-03-10T01:00", 2, NEW_YORK)
    autumn = firings("30 * * * *", "2024-11-03T01:00", 3, NEW_YORK)
    assert spring == ["2024-03-10T01:30-05:00", "2024-03-10T03:30-04:00"]
    assert autumn == ["2024-11-03T01:30-04:00", "2024-11-03T01:30-05:00", "2024-11-03T02:30-05:00"]


def test_the_next_firing_is_strictly_later_and_not_a_minute_too_late():
    timing = Timing(schedule="* * * * *")
    assert [CALENDAR.next(timing, after, 0.0) for after in (59.0, 59.999, 60.0, 60.5)] == [60.0, 60.0, 120.0, 120.0]


@pytest.mark.parametrize("line", ["0 2 * * *", "*/5 1-4 * * mon-fri", "0 0 1,15 * sun", "0 0 29 2 *", "1 2 3 DEC Wed"])
def test_what_every_cron_knows_is_taken(line):
    CALENDAR.check(Timing(schedule=line, timezone="Europe/Berlin"))


@pytest.mark.parametrize(
    "line",
    [
        *("nonsense", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8"),
        *("*/0 * * * *", "1-5/ * * * *", "-1 * * * *", "1,,2 * * * *", "* * * foo *", "jan * * * *", "* * * * *\n"),
        *("@daily", "H * * * *", "R(0-9) * * * *", "0 0 L * *", "0 0 15W * *", "0 0 * * 1#2", "0 0 ? * *"),
        *("\0 * * * *", "٣ * * * *", "1-99999999999 * * * *", ",".join(["1"] * 50_000) + " * * * *"),
    ],
)
def test_what_is_no_five_field_line_is_refused_and_says_what_to_write(line):
    error = refusal(schedule=line)
    assert (error.field, error.rule) == ("schedule", "cron")
    assert "five fields" in str(error)
    assert line.startswith(error.value)


@pytest.mark.parametrize("line", ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *"])
def test_a_day_that_its_month_never_has_is_refused(line):
    assert "never comes" in str(refusal(schedule=line))
    assert CALENDAR.next(Timing(schedule=line), 0.0, 0.0) is None


def test_the_rarest_line_comes_after_the_year_2100_that_has_no_leap_day():
    assert firings("0 0 29 2 *", "2097-01-01T00:00", 1) == ["2104-02-29T00:00+00:00"]


@pytest.mark.parametrize(
    "name", ["", "America", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "\0", "é", "A" * 5000]
)
def test_an_unknown_zone_is_refused(name):
    error = refusal(schedule="* * * * *", timezone=name)
    assert (error.field, error.rule, error.value) == ("metadata.timezone", "timezone", name)


@pytest.mark.parametrize("seconds", [0.0, -5.0, MIN_INTERVAL / 2, MAX_INTERVAL + 1, float("nan"), float("inf")])
def test_an_interval_has_limits(seconds):
    error = refusal(interval_seconds=seconds)
    assert (error.field, error.rule) == ("interval_seconds", "range")


@pytest.mark.parametrize("seconds", [MIN_INTERVAL, 0.1 * 33, MAX_INTERVAL])
def test_firings_of_an_interval_are_multiples_of_it_each_later_than_the_last(seconds):
    timing, since = Timing(interval_seconds=seconds), 1_700_000_000.123456
    CALENDAR.check(timing)
    instants = [since]
    for _ in range(1_000):
        instants.append(CALENDAR.next(timing, instants[-1], since))
    assert instants == [since + n * seconds for n in range(1_001)]


def test_after_a_pause_an_interval_goes_on_at_its_old_beat():
    timing = Timing(interval_seconds=10.0)
    assert CALENDAR.next(timing, 1_057.0, 1_000.0) == 1_060.0
    assert CALENDAR.next(timing, 500.0, 1_000.0) == 1_010.0


def test_what_has_no_timing_is_never_due():
    CALENDAR.check(Timing())
    assert CALENDAR.next(Timing(), 0.0, 0.0) is None
