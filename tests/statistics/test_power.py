"""Power: known sample sizes, and agreement with simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_making import row, rows
from scipy.stats import ttest_1samp

from onecurve.statistics.intervals import TooFewError
from onecurve.statistics.power import detectable_difference, networks_needed, power_at, power_of_comparison


@pytest.mark.parametrize(("effect", "needed"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_textbook_sample_sizes_of_the_paired_t_test(effect, needed):
    assert networks_needed(effect, 1.0) == needed
    assert networks_needed(-effect * 3, 3.0) == needed


@given(st.floats(0.05, 3), st.floats(0.1, 2))
@settings(max_examples=40, deadline=None)
def test_the_number_is_the_least_that_suffices(difference, deviation):
    needed = networks_needed(difference, deviation)
    assert power_at(needed, difference, deviation) >= 0.8
    if needed > 2:
        assert power_at(needed - 1, difference, deviation) < 0.8


@pytest.mark.parametrize("count", [2, 3, 10, 80])
def test_the_detectable_difference_has_the_wanted_power(count):
    assert power_at(count, detectable_difference(count, 0.3), 0.3) == pytest.approx(0.8, abs=1e-4)


def test_power_agrees_with_simulation():
    drawn = np.random.default_rng(0).normal(0.4, 1.0, (4000, 20))
    assert power_at(20, 0.4, 1.0) == pytest.approx((ttest_1samp(drawn, 0, axis=1).pvalue < 0.05).mean(), abs=0.03)


def test_without_a_difference_power_is_the_level_and_no_number_suffices():
    assert power_at(30, 0.0, 1.0) == pytest.approx(0.05)
    assert networks_needed(0.0, 1.0) is None
    assert power_at(1000, 5.0, 1.0) == 1


def test_power_of_two_solvers_comes_from_their_pairs():
    first, second = [0.5, 0.7, 0.3, 0.9], [0.4, 0.4, 0.3, 0.5]
    found = power_of_comparison(rows(first, solver="x") + rows(second, solver="y"), "x", "y", "discover")
    differences = np.subtract(first, second)
    assert found.n == 4
    assert found.difference == pytest.approx(differences.mean())
    assert found.deviation == pytest.approx(differences.std(ddof=1))
    assert found.needed == networks_needed(differences.mean(), differences.std(ddof=1))
    assert found.detectable == pytest.approx(detectable_difference(4, differences.std(ddof=1)))


def test_power_counts_networks():
    gains = [0.1, 0.3, 0.2, 0.4]
    made = [
        row(f"{net}.{flaw}", 0.5 + gain * (solver == "x"), solver=solver, subject=f"net-{net}")
        for net, gain in enumerate(gains) for flaw in range(3) for solver in "xy"
    ]  # fmt: skip
    found = power_of_comparison(made, "x", "y", "discover")
    assert found.n == 4
    assert found.deviation == pytest.approx(np.std(gains, ddof=1))


@pytest.mark.parametrize("first", [[0.5, 0.7], [0.5, 0.5, 0.5]])
def test_too_few_pairs_or_no_spread_are_refused(first):
    with pytest.raises(TooFewError):
        power_of_comparison(rows(first, solver="x") + rows([0.1] * len(first), solver="y"), "x", "y", "discover")
