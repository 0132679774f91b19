"""How fast owners got their machines back, in figures."""

import pytest

from idlegrid_server.core.reclaims import ReclaimFigures, figures


def test_of_none_nothing_is_said():
    assert figures([]) == ReclaimFigures(0, None, None, None, None, None)


@pytest.mark.parametrize(
    ("count", "half", "most"), [(1, 1, 1), (2, 1, 2), (99, 50, 99), (100, 50, 99), (200, 100, 198)]
)
def test_figures_are_values_that_were_measured(count, half, most):
    found = figures([(10.0 + n, float(n), 2.0 * n) for n in range(count, 0, -1)])
    assert (found.frozen_p50, found.frozen_p99) == (half, most)
    assert (found.memory_p50, found.memory_p99) == (2 * half, 2 * most)
    assert (found.count, found.since) == (count, 11.0)


def test_one_without_a_time_counts_and_changes_no_other_figure():
    assert figures([(1.0, 0.5, None), (2.0, None, None)]) == ReclaimFigures(2, 0.5, 0.5, None, None, 1.0)
