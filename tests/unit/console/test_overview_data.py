"""The overview's numbers, needs and sentences."""

from datetime import UTC, datetime, timedelta

import pytest

from idlegrid_console.data import overview
from idlegrid_console.texts import ATTENTION

NOW = datetime(2025, 3, 4, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "begin"),
    [(None, "2025-03-04T00:00"), ("Asia/Tokyo", "2025-03-03T15:00"), ("America/New_York", "2025-03-04T05:00")],
)
def test_today_begins_at_midnight_by_the_visitors_clock(zone, begin):
    assert overview.midnight(NOW, zone).isoformat() == f"{begin}:00+00:00"


def test_a_day_that_a_clock_change_shortens_begins_at_its_own_midnight():
    evening = datetime(2025, 3, 30, 18, 0, tzinfo=UTC)
    assert overview.midnight(evening, "Europe/Berlin").isoformat() == "2025-03-29T23:00:00+00:00"


def test_every_kind_of_need_has_a_place_and_a_sign():
    assert set(overview.PLACES) == set(overview.ICONS) == set(ATTENTION)


def test_a_need_says_what_it_is_since_when_and_where_it_is_mended(grid_answers):
    since = (NOW - timedelta(minutes=5)).isoformat()
    (need,) = overview.needs([grid_answers.need_answer("node_lost", "lab-9", since=since)], NOW)
    assert (need.title, need.since) == ("Node lost: lab-9", "5 min ago")
    assert (need.page, need.params) == ("nodes", {"node": "lab-9"})


def test_a_need_of_a_newer_coordinator_leads_to_the_system_and_drives_nothing():
    (need,) = overview.needs([{"kind": "disk\x1b", "message": "full\u202e\n"}], NOW)
    assert (need.title, need.sentence, need.since) == (r"disk\x1b", r"full\u202e", "")
    assert (need.page, need.params) == ("system", {})


def test_a_trend_leaves_out_when_nobody_looked_and_needs_two_points():
    assert overview.spark([None, 1, None, 2]) == [1.0, 2.0]
    assert overview.spark([1]) is None
    assert overview.spark(None) is None


def test_charts_are_told_in_words():
    timeline = {
        "completed": [3, 1], "failed": [0, 1], "submitted": [5, 0], "queue_depth": [7, 2],
        "run_seconds": [3.0, 1.0, 2.0], "wait_p50": [9.0, None, 2.0], "wait_p95": [30.0, None, 8.0],
    }  # fmt: skip
    assert overview.said_of_throughput(timeline) == "Throughput: 4 runs done, 1 failed, 5 submitted"
    assert overview.said_of_queue(timeline) == "Queue depth: 2 runs wait, at most 7 did"
    assert overview.said_of_run_times(timeline) == "Run times of the latest 3 runs: from 1 s to 3 s, half within 2 s"
    assert overview.said_of_waits(timeline).endswith("half started within 2 s and 95 % within 8 s; at worst 30 s")
    for told in (overview.said_of_waits, overview.said_of_run_times, overview.said_of_queue):
        assert told({})
