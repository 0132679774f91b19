"""What the benchmark makes of times that it has measured."""

import pytest

from benchlib import filling, halting, roundtrip, waiting, warmth
from benchlib.report import Figure, Target, at_most, markdown_table, p50, p99, spread, text_table

TIMES = {"site": [10.0, 20.0, 30.0], "bare": [5.0, 10.0, 15.0], "warm 3": [4.0, 8.0, 60.0], "cold": [9.0, 30.0, 50.0]}


def test_percentiles_are_interpolated_within_what_was_measured():
    values = [float(value) for value in range(1, 101)]
    assert p50(values) == 50.5
    assert p99(values) == pytest.approx(99.01)
    assert p99([3.0, 3.0]) == 3.0


@pytest.mark.parametrize(
    ("value", "bound", "ratio", "met"),
    [(5, "≤", 0.5, True), (5.1, "≤", 0.5, False), (12, "≥", 1.2, True), (11, "≥", 1.2, False), (5, "≤", None, None)],
)
def test_a_target_is_kept_up_to_its_bound_and_judges_nothing_without_one(value, bound, ratio, met):
    assert Figure("s", "n", value, "ms", Target(10, "a peer", bound, ratio)).met is met


def test_a_plain_bound_shows_the_share_of_it_that_is_used():
    assert Figure("s", "n", 30, "ms", at_most(50, "ms")).row() == (
        "s", "n", "30.0 ms", "50 ms", "0.60 ×", "≤ 1 ×", "met",
    )  # fmt: skip


def test_a_figure_that_is_only_compared_has_a_ratio_and_no_verdict():
    row = Figure("s", "n", 30, "ms", Target(60, "a peer", "≤", None)).row()
    assert row[3:] == ("a peer", "0.50 ×", "", "")


def test_times_become_a_median_that_is_judged_and_a_tail_that_is_shown():
    middle, tail = spread("s", "a start", [1.0, 2.0, 90.0], Target(10, "a peer", "≤", 0.4))
    assert (middle.name, middle.value, middle.met) == ("a start, p50", 2.0, True)
    assert (tail.name, tail.met) == ("a start, p99", None)
    assert middle.detail == {"rounds": 3, "ms": [1.0, 2.0, 90.0]}


def test_a_tail_is_judged_where_it_has_a_bound_of_its_own():
    _, tail = spread("s", "a trip", [1.0, 2.0, 90.0], Target(10, "a peer", "≤", 1.5), tail=5)
    assert (tail.as_json()["ratio"], tail.met) == (pytest.approx(8.82, abs=0.01), False)


def test_both_tables_have_a_line_for_each_figure_and_its_verdict():
    figures = [Figure("s", "good", 1, "ms", at_most(2, "ms")), Figure("s", "bad", 3, "ms", at_most(2, "ms"))]
    plain, marked = text_table(figures).splitlines(), markdown_table(figures).splitlines()
    assert plain[1].endswith("met")
    assert plain[2].endswith("MISSED")
    assert marked[2:] == [
        "| s | good | 1.00 ms | 2 ms | 0.50 × | ≤ 1 × | met |",
        "| s | bad | 3.00 ms | 2 ms | 1.50 × | ≤ 1 × | MISSED |",
    ]


def test_a_warm_start_is_held_against_an_interpreter_with_site_and_shown_beside_a_bare_one():
    warm = [figure for figure in warmth.rows(TIMES) if "level 3, waiting, p50" in figure.name]
    assert [(figure.ratio, figure.met) for figure in warm] == [(0.4, True), (0.8, None)]


def test_levels_that_do_not_hold_on_a_machine_have_no_lines():
    assert not any("level 4" in figure.name or "level 2" in figure.name for figure in warmth.rows(TIMES))
    assert halting.rows({("stop", 3): [1.0, 2.0]})[0].name == "stop 50 busy processes, level 3, p50"


def test_both_kinds_of_trips_are_held_against_the_bare_interpreter():
    figures = roundtrip.rows({"bare": [10.0, 10.0], "back": [16.0, 16.0], "paced": [15.0, 15.0]}, level=3)
    assert [figure.met for figure in figures] == [None, None, False, True, True, True]


def test_the_highest_of_all_peaks_is_what_counts():
    peak, seconds = filling.rows({("fast", 3): [(500.0, 0.1), (700.0, 0.3), (510.0, 0.2)]})
    assert (peak.value, peak.met, seconds.value) == (700.0, False, 0.2)


def test_only_plain_waiting_sandboxes_have_a_target_and_their_own_part_stands_beside():
    alone, own, furnished, _ = waiting.rows({"alone": [(5, 4), (7, 5), (6, 3)], "alone, numpy imported": [(30, 20)]})
    assert (alone.value, alone.met) == (6, True)
    assert (own.value, own.met, furnished.met) == (4, None, None)
