"""Ranks over complete blocks, and the share of cases solved at a fair price."""

import pytest
from row_making import row, rows

from onecurve.core.row import Role
from onecurve.statistics.intervals import TooFewError
from onecurve.statistics.profiles import performance_profiles
from onecurve.statistics.ranks import mean_ranks


def test_ranks_are_over_cases_and_ties_share():
    made = rows([0.9, 0.5, 0.1], solver="a") + rows([0.1, 0.5, 0.9], solver="b") + rows([0.0, 0.0, 0.0], solver="c")
    found = {rank.solver: (rank.mean, rank.n) for rank in mean_ranks(made, "discover")}
    assert found == {"a": (1.5, 3), "b": (1.5, 3), "c": (3.0, 3)}


def test_the_best_stands_first_and_sums_are_kept():
    made = rows([0.1] * 4, solver="a") + rows([0.9] * 4, solver="b") + rows([0.5] * 4, solver="c")
    found = mean_ranks(made, "discover")
    assert [rank.solver for rank in found] == ["b", "c", "a"]
    assert sum(rank.mean for rank in found) == 6
    assert all(rank.interval.width > 0 for rank in found)
    assert all(1 <= rank.interval.low <= rank.interval.high <= 3 for rank in found)


def test_only_cases_that_all_attempted_count_and_failures_rank_as_the_floor():
    made = [*rows([0.9, 0.9, 0.9], solver="a"), row("case-000", solver="b"), row("case-001", 1.0, solver="b")]
    found = {rank.solver: (rank.mean, rank.n) for rank in mean_ranks(made, "discover")}
    assert found == {"a": (1.5, 2), "b": (1.5, 2)}


def test_ranks_without_two_shared_cases_are_refused():
    with pytest.raises(TooFewError):
        mean_ranks(rows([0.9], solver="a") + rows([0.1], solver="b"), "discover")
    with pytest.raises(TooFewError):
        mean_ranks([], "discover")
    with pytest.raises(TooFewError):
        mean_ranks(rows([0.9, 0.8], solver="a"), "discover", ["a", "absent"])


def test_a_profile_counts_cases_solved_within_a_factor_of_the_least_cost():
    made = rows([0.9, 0.9, 0.1, 0.1], solver="a", cost=10) + rows([0.9, 0.9, 0.9, 0.1], solver="b", cost=40)
    found = {profile.solver: profile for profile in performance_profiles(made, "discover", factors=(1, 2, 4))}
    assert found["a"].shares == (0.5, 0.5, 0.5)
    assert found["b"].shares == (0.25, 0.25, 0.75)
    assert found["a"].n == 4


def test_of_several_budgets_the_cheapest_that_solves_counts():
    made = rows([0.1, 0.9], solver="a", budget=10) + rows([0.9, 0.9], solver="a", budget=80) + rows([0.9, 0.9], solver="b", budget=20)
    found = {profile.solver: profile.shares for profile in performance_profiles(made, "discover", factors=(1, 4))}
    assert found == {"a": (0.5, 1.0), "b": (0.5, 1.0)}


def test_the_wanted_skill_decides_and_free_solvers_have_ratios():
    made = rows([0.5, 0.49], solver="a", cost=0) + rows([0.9, 0.9], solver="b", cost=3)
    found = {profile.solver: profile.shares for profile in performance_profiles(made, "discover", factors=(1, 3))}
    assert found == {"a": (0.5, 0.5), "b": (0.5, 1.0)}
    stricter = {profile.solver: profile.shares for profile in performance_profiles(made, "discover", skill=0.6, factors=(1,))}
    assert stricter == {"a": (0.0,), "b": (1.0,)}


def test_shares_never_fall_with_the_factor_and_the_ceiling_does_not_set_the_price():
    made = rows([0.9, 0.7, 0.2], solver="a", cost=64) + rows([1.0] * 3, solver="ceiling", role=Role.YARDSTICK, cost=0)
    (profile,) = performance_profiles(made, "discover")
    assert profile.shares[0] == pytest.approx(2 / 3)
    assert list(profile.shares) == sorted(profile.shares)


def test_a_profile_of_one_case_is_refused():
    with pytest.raises(TooFewError):
        performance_profiles(rows([0.9]), "discover")
