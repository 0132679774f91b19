"""What an attempt uses over time: few points however long it takes, told seldom, and not at all when it is short."""

from itertools import pairwise
from types import SimpleNamespace

import pytest

from idlegrid_node import bulletin, runner
from idlegrid_node.sandbox.meter import Usage
from idlegrid_node.sandbox.series import MOST_POINTS, Series


def looked_at(seconds: float, every: float = 0.05) -> Series:
    """A series of something that took so long, and was looked at so often."""
    series = Series()
    for look in range(1, int(seconds / every) + 1):
        series.note(look * every, Usage(look * every / 2, 10.0 + look, 3))
    return series


def test_a_short_attempt_is_looked_at_each_second():
    points = looked_at(5).points
    assert [round(seconds) for seconds, *_ in points] == [0, 1, 2, 3, 4]
    assert points[0] == (0.05, 0.025, 11.0, 3)


@pytest.mark.parametrize("seconds", [59, 60, 61, 600, 40_000])
def test_a_long_one_has_no_more_points_which_cover_all_of_it(seconds):
    times = [time for time, *_ in looked_at(seconds, every=0.5).points]
    apart = [later - earlier for earlier, later in pairwise(times)]
    assert MOST_POINTS // 2 <= len(times) < MOST_POINTS or seconds < MOST_POINTS
    assert max(apart) <= min(apart) + 1
    assert (times[0], seconds - times[-1] <= max(apart)) == (0.5, True)


def test_the_time_that_it_stood_still_is_a_gap():
    series = looked_at(2)
    series.note(600.0, Usage(1.0, 10.0, 1))
    series.note(600.05, Usage(1.0, 10.0, 1))
    series.note(601.0, Usage(1.5, 10.0, 1))
    assert [round(seconds) for seconds, *_ in series.points] == [0, 1, 600, 601]


class Clock:
    """What a runner asks for the time: its execution's own, and the machine's."""

    def __init__(self) -> None:
        self.now = 0.0

    def elapsed(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return 1000.0 + self.now

    def at(self, seconds: float) -> "Clock":
        self.now = seconds
        return self


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(runner, "time", clock)
    return clock


@pytest.fixture
def run(clock):
    """A runner that measures, and runs nothing."""
    run = runner.Runner.__new__(runner.Runner)
    run._points_due, run._execution = 0.0, clock
    run._watcher = SimpleNamespace(series=looked_at(5))
    run.lease = SimpleNamespace(lease_id="a")
    return run


def test_heartbeats_tell_it_after_two_seconds_and_every_thirty_until_one_was_answered(clock, run):
    told = []
    for second in (0.5, 1.9, 2.0, 3.0, 4.0, 33.9, 34.1, 35.0):
        clock.at(second)
        told += [second] if run.untold_points() else []
        if second not in (2.0, 3.0):  # nobody has answered these
            said = {"usage_points": []} if second in told else {}
            bulletin.acknowledge([run], [{"lease_id": "a", **said}])
    assert told == [2.0, 3.0, 4.0, 34.1]
