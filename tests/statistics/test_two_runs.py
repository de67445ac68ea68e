"""Two runs: paired where the networks are the same, else a difference of means."""

from dataclasses import replace

import numpy as np
import pytest
from row_making import rows

from onecurve.statistics.two_runs import compare_runs


def test_on_the_same_networks_a_steady_change_is_seen_under_large_spread():
    hard = np.linspace(-1, 1, 12)
    (found,) = compare_runs(rows(hard + 0.1 + 0.001 * np.arange(12), solver="x"), rows(hard, solver="x"))
    assert found.difference == pytest.approx(0.1055)
    assert (found.shared, found.networks) == (12, 12)
    assert found.interval.low > 0


def test_on_other_networks_the_interval_is_that_of_two_means():
    hard = np.linspace(-1, 1, 12)
    there = [replace(row, facts={"other": 1}) for row in rows(hard, solver="x")]
    (found,) = compare_runs(rows(hard + 0.1, solver="x"), there)
    assert (found.shared, found.difference) == (0, pytest.approx(0.1))
    widths = [summary.interval.width for summary in (found.here, found.there)]
    assert max(widths) < found.interval.width < sum(widths)
    assert found.interval.low < 0.1 < found.interval.high


def test_only_what_both_runs_scored_is_compared():
    assert compare_runs(rows([0.1, 0.2], solver="x"), rows([0.1, 0.2], solver="y")) == ()
