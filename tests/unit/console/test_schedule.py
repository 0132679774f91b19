from datetime import UTC, datetime, timedelta

import pytest

from idlegrid_console.data import schedule

NOW = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 min"),
        ("*/7 * * * *", "*/7 * * * * (UTC)"),  # not every 7 minutes: the hour ends in between
        ("*/0 * * * *", "*/0 * * * * (UTC)"),
        ("5 * * * *", "hourly at :05"),
        ("30 */6 * * *", "every 6 h at :30 (UTC)"),
        ("0 2 * * *", "daily at 02:00 (UTC)"),
        ("0 9 * * 1-5", "Monday to Friday at 09:00 (UTC)"),
        ("0 9 * * MON-FRI", "Monday to Friday at 09:00 (UTC)"),
        ("15 8 * * sun", "Sundays at 08:15 (UTC)"),
        ("15 8 * * 7", "Sundays at 08:15 (UTC)"),
        ("0 0 1 * *", "monthly on day 1 at 00:00 (UTC)"),
        ("0 0 1 * 1", "0 0 1 * 1 (UTC)"),
        ("0 0 1 6 *", "0 0 1 6 * (UTC)"),
        ("0 2,14 * * *", "0 2,14 * * * (UTC)"),
        ("²  \x1b", "² \\x1b (UTC)"),
    ],
)
def test_a_schedule_is_told_in_words_or_as_it_was_written(line, words):
    assert schedule.words({"schedule": line, "timezone": "UTC"}).replace("  ", " ") == words


def test_a_schedule_names_its_zone():
    assert schedule.words({"schedule": "0 2 * * *", "timezone": "Asia/Tokyo"}) == "daily at 02:00 (Asia/Tokyo)"


def test_a_task_without_a_schedule_says_what_makes_it_due():
    assert schedule.words({"interval_seconds": 90}) == "every 1 min 30 s"
    assert schedule.words({"dependencies": ["1", "2"]}) == "after #1, #2"
    assert schedule.words({}) == "on demand"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "now"), (5, "in 5 s"), (310, "in 5 min"), (7300, "in 2 h"), (-90000, "1 d ago")],
)
def test_a_moment_is_told_in_its_largest_unit(seconds, words):
    assert schedule.from_now(NOW + timedelta(seconds=seconds), NOW) == words


def test_no_moment_is_a_dash():
    assert schedule.from_now(None, NOW) == "–"


def test_firings_are_on_the_visitors_clock(answers):
    shown = schedule.firings(answers.task_answer(1), NOW, "Asia/Shanghai")
    assert shown[0] == ("in 1 h", "2025-03-04 18:00:00")
    assert len(shown) == 5
    assert schedule.firings({"next_firings": None}, NOW, None) == []
