"""Comparisons: paired, over shared cases, corrected for their number."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_making import row, rows
from scipy.stats import permutation_test

from onecurve.core.grade import Status
from onecurve.statistics.compare import compare, compare_many, holm, sign_flip_p
from onecurve.statistics.intervals import TooFewError


def test_only_shared_cases_are_paired():
    made = [row("a", 0.9, solver="x"), row("b", 0.8, solver="x"), row("c", 1.0, solver="x")]
    made += [row("a", 0.1, solver="y"), row("b", 0.2, solver="y"), row("d", 1.0, solver="y")]
    found = compare(made, "x", "y", "discover")
    assert found.n == 2
    assert found.difference == pytest.approx(0.7)
    assert (found.wins, found.losses, found.ties) == (2, 0, 0)


def test_swapping_the_solvers_turns_the_sign_and_nothing_else():
    rng = np.random.default_rng(0)
    made = rows(rng.random(9), solver="x") + rows(rng.random(9), solver="y")
    one, other = compare(made, "x", "y", "discover"), compare(made, "y", "x", "discover")
    assert one.difference == pytest.approx(-other.difference)
    assert one.p == other.p
    assert (one.wins, one.losses) == (other.losses, other.wins)


def test_pairing_sees_a_small_steady_difference_under_large_spread():
    hard = np.linspace(-1, 1, 12)
    made = rows(hard + 0.05 + 0.001 * np.arange(12), solver="x") + rows(hard, solver="y")
    found = compare(made, "x", "y", "discover")
    assert found.interval.low > 0
    assert found.separated()


def test_a_failed_cell_counts_as_the_floor_and_a_skipped_one_not_at_all():
    made = [*rows([0.5, 0.5], solver="y"), row("case-002", 0.5, solver="y")]
    made += [row("case-000", 0.5, solver="x"), row("case-001", solver="x"), row("case-002", solver="x", status=Status.SKIPPED)]
    found = compare(made, "x", "y", "discover")
    assert found.n == 2
    assert found.difference == pytest.approx(-0.25)


def test_each_solver_stands_at_its_own_largest_budget():
    made = (
        rows([0.0, 0.0, 0.0], solver="x", budget=10) + rows([0.8, 0.9, 1.0], solver="x", budget=99) + rows([0.5] * 3, solver="y", budget=0)
    )
    assert compare(made, "x", "y", "discover").difference == pytest.approx(0.4)


def test_too_few_shared_cases_have_a_reason_and_no_test():
    found = compare(rows([0.4], solver="x") + rows([0.1], solver="y"), "x", "y", "discover")
    assert (found.n, found.interval, found.p, found.separated()) == (1, None, None, False)
    assert found.difference == pytest.approx(0.3)
    assert found.why_no_interval
    assert compare([], "x", "y", "discover").difference is None


def test_the_exact_p_is_the_share_of_sign_patterns():
    values = [0.3, -0.1, 0.5, 0.2]
    patterns = [sum(sign * value for sign, value in zip(signs, values, strict=True)) for signs in product((1, -1), repeat=4)]
    assert sign_flip_p(values) == np.mean([abs(total) >= 0.9 - 1e-12 for total in patterns])
    assert sign_flip_p([1.0] * 6) == 2 / 64
    assert sign_flip_p([0.0, 0.0]) == 1


@given(st.lists(st.floats(-1, 1, width=16, allow_subnormal=False), min_size=3, max_size=8))
@settings(max_examples=30, deadline=None)
def test_the_exact_p_is_scipys(values):
    reference = permutation_test((np.array(values),), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip_p(values) == pytest.approx(min(1.0, reference), abs=1e-9)


def test_many_pairs_use_random_flips_that_agree_with_the_normal_tail():
    values = np.random.default_rng(3).normal(0.3, 1, 60)
    p = sign_flip_p(values)
    reference = permutation_test((values,), np.mean, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(0)).pvalue
    assert p == pytest.approx(reference, abs=0.01)
    assert sign_flip_p(values + 5) > 0
    assert sign_flip_p(values) == p


def test_where_nothing_differs_small_ps_are_as_rare_as_they_should_be():
    rng = np.random.default_rng(4)
    ps = np.array([sign_flip_p(rng.normal(size=9)) for _ in range(800)])
    assert (ps <= 0.05).mean() == pytest.approx(0.05, abs=0.025)


def test_signs_are_flipped_by_network_not_by_case():
    gains = [0.1, 0.2, 0.3, 0.15]
    made = [
        row(f"{net}.{flaw}", 0.5 + gain * (solver == "x"), solver=solver, subject=f"net-{net}")
        for net, gain in enumerate(gains) for flaw in range(3) for solver in "xy"
    ]  # fmt: skip
    found = compare(made, "x", "y", "discover")
    assert (found.n, found.cases, found.wins) == (4, 12, 12)
    assert found.p == 2 / 2**4
    assert not found.separated()


def test_flaws_of_a_single_network_are_no_test():
    made = [row(f"net.{flaw}", 0.1 * flaw, solver=solver, subject="net") for flaw in range(9) for solver in "xy"]
    found = compare(made, "x", "y", "discover")
    assert (found.n, found.cases, found.interval, found.p) == (1, 9, None, None)
    assert "networks" in found.why_no_interval


def test_a_tool_under_two_names_has_an_interval_around_nothing():
    skills = [0.2, 0.9, 0.4, 0.1, 0.5, 0.6, 0.3]
    found = compare(rows(skills, solver="x") + rows(skills, solver="y"), "x", "y", "discover")
    assert found.p == 1
    assert found.interval.low < 0 < found.interval.high


def test_one_pair_is_no_test():
    with pytest.raises(TooFewError):
        sign_flip_p([0.4])


def test_holm_is_the_step_down_correction():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_never_helps_and_keeps_the_order(ps):
    adjusted = holm(ps)
    assert all(before <= after <= min(1, before * len(ps)) + 1e-12 for before, after in zip(ps, adjusted, strict=True))
    order = np.argsort(ps, kind="stable")
    assert list(np.array(adjusted)[order]) == sorted(adjusted)


def test_many_comparisons_are_corrected_together_and_untested_ones_do_not_count():
    rng = np.random.default_rng(5)
    base = rng.random(8)
    made = rows(base, solver="y") + rows(base + 0.3 + 0.01 * rng.random(8), solver="a") + rows(base + rng.normal(0, 0.3, 8), solver="b")
    made += rows([0.5], solver="c")
    found = compare_many(made, [("a", "y"), ("c", "y"), ("b", "y")], "discover")
    assert [comparison.first for comparison in found] == ["a", "c", "b"]
    assert found[0].p == 2 / 2**8
    assert found[0].p_adjusted == 4 / 2**8
    assert found[1].p_adjusted is None
    assert found[2].p_adjusted == found[2].p
