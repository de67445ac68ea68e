"""Intervals cover what they claim, and never pretend to certainty."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, t

from onecurve.statistics.intervals import LEAST_SPREAD, SAME, Interval, TooFewError, mean_interval, wilson

SKILLS = st.lists(st.floats(-2, 1), min_size=2, max_size=30)


@pytest.mark.parametrize("values", [[], [0.5]])
def test_fewer_than_two_cases_have_no_interval(values):
    with pytest.raises(TooFewError, match=f"got: {len(values)}"):
        mean_interval(values)
    with pytest.raises(TooFewError):
        wilson(len(values), len(values))


@given(SKILLS)
@example([0.0, 2.2250738585e-313])
@settings(max_examples=60, deadline=None)
def test_an_interval_holds_the_mean_and_has_a_width(values):
    interval = mean_interval(values, resamples=300)
    assert interval.low - 1e-9 <= np.mean(values) <= interval.high + 1e-9
    assert interval.width > 0


@given(SKILLS, st.floats(-3, 3), st.floats(0.1, 5))
@settings(max_examples=40, deadline=None)
def test_it_moves_and_scales_with_the_values(values, shift, scale):
    values = np.array(values)
    if np.ptp(values) < 1e-3:
        values[0] += 1
    span = (shift, scale + shift)
    plain, moved = (
        mean_interval(values, resamples=200),
        mean_interval(values * scale + shift, resamples=200, span=span, least_spread=LEAST_SPREAD * scale),
    )
    assert (moved.low, moved.high) == pytest.approx((plain.low * scale + shift, plain.high * scale + shift), abs=1e-6)


@pytest.mark.parametrize("strata", [None, ["a"] * 5 + ["b"] * 5])
def test_it_covers_the_mean_of_a_normal_as_often_as_it_says(strata):
    rng = np.random.default_rng(0)
    effect = 0 if strata is None else np.repeat([0.0, 3.0], 5)
    hits = [mean_interval(rng.normal(size=10) + effect, strata, resamples=400, seed=n).holds(float(np.mean(effect))) for n in range(600)]
    assert 0.925 <= np.mean(hits) <= 0.98


def test_for_normal_values_it_is_close_to_students():
    values = np.random.default_rng(1).normal(size=40)
    half = t.ppf(0.975, 39) * values.std(ddof=1) / np.sqrt(40)
    interval = mean_interval(values, resamples=20_000)
    assert (interval.low, interval.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)


def test_three_cases_are_stretched_far_beyond_the_plain_bootstrap():
    values = np.array([0.0, 0.5, 1.0])
    half = t.ppf(0.975, 2) * values.std(ddof=1) / np.sqrt(3)
    interval = mean_interval(values, resamples=20_000)
    assert interval.width == pytest.approx(2 * half, rel=0.35)
    assert interval.width > 1.5


def test_strata_take_the_difference_between_kinds_out():
    values, kinds = [0.0, 0.1, 0.0, 0.1, 0.9, 1.0, 0.9, 1.0], ["a"] * 4 + ["b"] * 4
    assert mean_interval(values, kinds).width < 0.4 * mean_interval(values).width


def test_a_kind_with_one_case_does_not_look_certain():
    paired, alone = ["a", "a", "b", "b"], ["a", "a", "b", "c"]
    values = [0.0, 0.1, 0.0, 1.0]
    assert mean_interval(values, alone).width == pytest.approx(mean_interval(values, paired).width)
    assert mean_interval([0.0, 1.0, 0.5], ["a", "b", "c"]) == mean_interval([0.0, 1.0, 0.5])
    assert mean_interval([0.0, 0.0, 1.0], ["a", "a", "b"]).width > 0.5


def test_kinds_that_are_equal_within_are_compared_with_each_other():
    assert mean_interval([0.0, 0.0, 1.0, 1.0], ["a", "a", "b", "b"]) == mean_interval([0.0, 0.0, 1.0, 1.0])


@given(st.integers(2, 200), st.sampled_from([0.0, 1.0, 0.4]))
def test_equal_values_leave_open_what_was_not_seen(count, value):
    interval = mean_interval([value] * count)
    unseen = 1 - 0.025 ** (1 / count)
    assert interval.low == pytest.approx(value - unseen * value)
    assert interval.high == pytest.approx(value + unseen * (1 - value))
    assert interval.width > 0


@given(st.lists(st.floats(0.5, 0.53), min_size=2, max_size=40), st.sampled_from([None, "kinds"]))
@settings(max_examples=40, deadline=None)
def test_values_that_hardly_differ_never_look_certain(values, kinds):
    interval = mean_interval(values, ["ab"[at % 2] for at in range(len(values))] if kinds else None, resamples=200)
    least = 0.0 if np.ptp(values) < SAME else t.ppf(0.975, len(values) - 1) * 0.025 / np.sqrt(len(values))
    assert interval.low <= np.mean(values) - least + 1e-9
    assert interval.high >= np.mean(values) + least - 1e-9
    assert f"{interval.low:.2f}" != f"{interval.high:.2f}"


def test_two_networks_that_agree_by_chance_leave_much_open():
    assert mean_interval([0.500, 0.501]).width > 0.4


def test_one_value_per_network_is_the_plain_interval():
    values = np.random.default_rng(5).random(9)
    assert mean_interval(values, networks=range(9)) == mean_interval(values)


def test_copies_of_a_value_within_its_network_add_nothing():
    values = np.random.default_rng(5).random(6)
    copied = mean_interval(np.repeat(values, 3), networks=np.repeat(np.arange(6), 3).tolist())
    plain = mean_interval(values)
    assert (copied.low, copied.high) == pytest.approx((plain.low, plain.high))


def test_networks_of_different_sizes_weigh_by_their_cases():
    interval = mean_interval([0.0, 0.0, 0.0, 1.0, 0.5], networks=["a", "a", "a", "b", "c"], resamples=4000)
    assert interval.low < 0.3 < interval.high
    assert interval.width > 0.5


def test_one_network_is_too_few_whatever_it_holds():
    with pytest.raises(TooFewError, match=r"at least 2 networks, got: 1"):
        mean_interval([0.1, 0.5, 0.9], networks=["a"] * 3)


def test_networks_must_match_the_values():
    with pytest.raises(ValueError, match="network"):
        mean_interval([0.0, 1.0], networks=["a"])


def test_never_seen_is_bounded_as_by_clopper_and_pearson():
    exact = binomtest(0, 12).proportion_ci(0.95, "exact")
    assert mean_interval([0.0] * 12).high == pytest.approx(exact.high)


def test_the_span_of_a_difference_reaches_both_ways():
    interval = mean_interval([0.0] * 5, span=(-1, 1))
    assert interval.low == pytest.approx(-interval.high)


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(2).random(9)
    assert mean_interval(values, seed=3) == mean_interval(values, seed=3)
    assert mean_interval(values, seed=3) != mean_interval(values, seed=4)


def test_a_higher_level_is_wider():
    values = np.random.default_rng(2).random(20)
    assert mean_interval(values, level=0.99).width > mean_interval(values).width > mean_interval(values, level=0.8).width


@given(st.integers(2, 300), st.data())
def test_wilson_is_the_reference(count, data):
    hits = data.draw(st.integers(0, count))
    reference = binomtest(hits, count).proportion_ci(0.95, "wilson")
    interval = wilson(hits, count)
    assert (interval.low, interval.high) == pytest.approx((reference.low, reference.high), abs=1e-9)
    assert interval.width > 0


def test_wilson_refuses_more_successes_than_trials():
    with pytest.raises(ValueError, match="within"):
        wilson(5, 4)


def test_strata_must_match_the_values():
    with pytest.raises(ValueError, match="stratum"):
        mean_interval([0.0, 1.0], ["a"])


def test_an_interval_holds_its_ends():
    interval = Interval(0.2, 0.4)
    assert interval.holds(0.2)
    assert interval.holds(0.4)
    assert not interval.holds(0.41)
