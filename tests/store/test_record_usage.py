"""What submitters used lately, as the queue order `fair` wants to know it."""

import pytest

from idlegrid_server.record.tables import usage

from ..parts import START

DAY, HOUR = 86_400, 3_600
NOW = START // HOUR * HOUR


def used(hour_ago: float, submitter: str, seconds: float, node: str = "n1") -> dict[str, object]:
    row = {"hour": int((NOW - hour_ago * HOUR) // HOUR), "submitter": submitter, "node_id": node}
    return {**row, "attempts": 1, "cpu_seconds": 1e9, "wall_seconds": seconds}


def test_usage_counts_half_for_each_day_it_is_old(engine, pen):
    rows = [used(0, "ann", 60), used(24, "ann", 60), used(48, "ann", 40, "n1"), used(48, "ann", 40, "n2")]
    with engine.begin() as connection:
        connection.execute(usage.insert(), [*rows, used(24, "bob", 10)])
    assert pen.reader.recent_usage(NOW) == pytest.approx({"ann": 60 + 30 + 20, "bob": 5})
    assert pen.reader.recent_usage(NOW + DAY) == pytest.approx({"ann": 30 + 15 + 10, "bob": 2.5})


def test_usage_older_than_ten_days_does_not_count(engine, pen):
    with engine.begin() as connection:
        connection.execute(usage.insert(), [used(241, "ann", 1e6), used(240, "bob", 1_024)])
    assert pen.reader.recent_usage(NOW) == pytest.approx({"bob": 1})


def test_without_usage_nobody_is_named(pen):
    assert pen.reader.recent_usage(NOW) == {}
