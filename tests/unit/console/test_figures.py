import pytest

from idlegrid_console.data import figures
from idlegrid_console.texts import NODE_KIND, NODE_MARK, NODE_STATE

TIMELINE = {
    "start": "2025-03-04T10:00:00Z", "bucket_seconds": 60, "submitted": [1, 2], "completed": [1, 1],
    "failed": [0, 1], "queue_depth": [0, 1], "run_seconds": [0.1], "wait_p50": [None, 2.0], "wait_p95": [None, 8.0],
}  # fmt: skip


def test_buckets_start_on_the_visitors_clock():
    shown = [time.isoformat() for time in figures.bucket_times(TIMELINE, "Asia/Tokyo")]
    assert shown == ["2025-03-04T19:00:00", "2025-03-04T19:01:00"]


@pytest.mark.parametrize("zone", [None, "Atlantis/Capital", "../etc/passwd"])
def test_an_unknown_zone_is_utc(zone):
    assert figures.bucket_times(TIMELINE, zone)[0].isoformat() == "2025-03-04T10:00:00"


def test_run_times_fall_into_classes_and_an_upper_end_belongs_to_its_class():
    found = dict(zip(*figures.histogram([0.1, 0.11, 300, 301]), strict=True))
    assert {label: number for label, number in found.items() if number} == {
        "≤ 0.1 s": 1, "≤ 0.3 s": 1, "≤ 300 s": 1, "> 300 s": 1,
    }  # fmt: skip


@pytest.mark.parametrize("timeline", [{}, {"start": None, "submitted": []}, TIMELINE])
def test_every_chart_can_be_drawn_from_what_there_is(timeline):
    for figure in (
        figures.throughput(timeline), figures.queue_depth(timeline), figures.run_times(timeline.get("run_seconds", [])),
        figures.waiting_times(timeline),
    ):  # fmt: skip
        assert figure.to_json()
        assert figure.layout.uirevision == "constant"


def test_failed_runs_are_stacked_on_done_ones():
    figure = figures.throughput(TIMELINE)
    assert figure.layout.barmode == "stack"
    assert [trace.name for trace in figure.data] == ["done", "failed", "submitted"]


def test_a_bucket_in_which_no_run_started_has_no_waiting_time():
    figure = figures.waiting_times(TIMELINE)
    assert {trace.name: trace.y for trace in figure.data} == {"95 %": (None, 8.0), "half": (None, 2.0)}
    assert not any(trace.connectgaps for trace in figure.data)


def test_every_state_kind_and_mark_of_a_node_has_a_colour():
    assert set(figures.STATE_COLOURS) == set(NODE_STATE)
    assert set(figures.KIND_COLOURS) == set(NODE_KIND)
    assert set(figures.MARK_COLOURS) == set(NODE_MARK)
