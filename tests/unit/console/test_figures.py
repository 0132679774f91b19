import pytest

from idlegrid_console.data import figures

TIMELINE = {
    "start": "2025-03-04T10:00:00Z", "bucket_seconds": 60, "submitted": [1, 2], "completed": [1, 1],
    "failed": [0, 1], "queue_depth": [0, 1], "run_seconds": [0.1],
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
        figures.nodes_by_state({}), figures.nodes_by_state({"idle": 3, "offline": 1}),
    ):  # fmt: skip
        assert figure.to_json()
        assert figure.layout.uirevision == "constant"


def test_failed_runs_are_stacked_on_done_ones():
    figure = figures.throughput(TIMELINE)
    assert figure.layout.barmode == "stack"
    assert [trace.name for trace in figure.data] == ["done", "failed", "submitted"]


def test_what_a_node_says_of_itself_cannot_bring_markup_into_a_chart():
    figure = figures.nodes_by_state({"<a href='x'>idle</a>": 1})
    assert "<a" not in figure.data[0].y[0]
