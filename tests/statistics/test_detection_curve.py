"""The detection curve: known answers, coverage, and what few trials may not say."""

import numpy as np
import pytest
from scipy.special import expit

from onecurve.statistics.detection_curve import Trial, exact_share, fitted_curve, flawed_given_nothing
from onecurve.statistics.intervals import TooFewError


def truth(strengths: np.ndarray) -> np.ndarray:
    return 0.05 + 0.95 * 0.95 * expit(4 * (np.log(strengths) - np.log(0.4)))


def drawn(rng: np.random.Generator, count: int) -> list[Trial]:
    strengths = np.exp(rng.uniform(np.log(0.1), 0, count))
    return [Trial(str(at // 2), s, bool(y)) for at, (s, y) in enumerate(zip(strengths, rng.random(count) < truth(strengths), strict=True))]


def test_the_band_covers_the_truth() -> None:
    rng, points, held = np.random.default_rng(0), np.array([0.2, 0.4, 0.8]), []
    for _ in range(12):
        band = fitted_curve(drawn(rng, 24), int(rng.binomial(8, 0.05)), 8).at(points)
        held.append((band.low <= truth(points)) & (truth(points) <= band.high))
    assert np.mean(held) >= 0.9


def test_what_is_never_found_gives_a_curve_at_the_false_alarm_rate() -> None:
    curve = fitted_curve([Trial(str(at), 1.0, found=at == 0) for at in range(30)], 1, 30)
    assert curve.at([1.0]).middle[0] < 0.15
    assert curve.strength_found(0.9) == (None, None)


def test_what_is_always_found_is_found_from_a_weak_strength_on() -> None:
    curve = fitted_curve([Trial(str(at), 0.2 + 0.8 * at / 40, found=True) for at in range(40)], 0, 16)
    half, _ = curve.strength_found(0.9)
    assert half is not None
    assert half < 0.4
    assert curve.at([1.0]).low[0] > 0.8
    assert curve.at([1.0]).high[0] < 1.0, "a width of zero is never told"


def test_few_trials_give_a_wide_band() -> None:
    few, many = (fitted_curve([Trial(str(at), 0.5, found=True) for at in range(count)], 0, 8).at([0.5]) for count in (2, 40))
    assert few.high[0] - few.low[0] > 3 * (many.high[0] - many.low[0])


def test_harder_flaws_shift_the_curve_down() -> None:
    curve = fitted_curve(drawn(np.random.default_rng(1), 60), 0, 16)
    missed, found = ([Trial(str(at), 0.6, found=found) for at in range(8)] for found in (False, True))
    (harder, inside), (easier, _) = (curve.other_origin(some).shift() for some in (missed, found))
    assert inside.high < 0.1
    assert harder < easier


def test_the_widened_band_covers_flaws_of_another_origin() -> None:
    rng, points, inside, narrow = np.random.default_rng(2), np.array([0.4, 0.8]), [], []
    for shift in (-2.0, -1.0, 1.0, 2.0) * 3:
        curve = fitted_curve(drawn(rng, 60), int(rng.binomial(16, 0.05)), 16)
        part = 0.95 * expit(4 * (np.log(points) - np.log(0.4)))
        other = 0.05 + 0.95 * expit(np.log(part / (1 - part)) + shift)
        wide, own = curve.other_origin().at(points), curve.at(points)
        inside.append((wide.low <= other) & (other <= wide.high))
        narrow.append((own.low <= other) & (other <= own.high))
    assert np.mean(inside) >= 0.9 > np.mean(narrow)


def test_flaws_of_another_origin_that_were_tried_move_the_widened_band() -> None:
    curve = fitted_curve(drawn(np.random.default_rng(1), 60), 0, 16)
    wide, told = (curve.other_origin(some).at([0.6]) for some in ([], [Trial(str(at), 0.6, found=False) for at in range(8)]))
    assert told.high[0] < wide.middle[0]
    assert told.low[0] < wide.low[0]


def test_shares_have_exact_intervals_and_none_tried_has_none() -> None:
    assert exact_share(0, 8).high == pytest.approx(1 - 0.025 ** (1 / 8))
    assert exact_share(0, 8).low == 0
    with pytest.raises(TooFewError):
        exact_share(0, 0)
    with pytest.raises(TooFewError):
        fitted_curve([Trial("a", 1.0, found=True)], 0, 0)


def test_a_nothing_says_more_the_better_the_audit() -> None:
    assert flawed_given_nothing(0.1, 0.82, 0.04) == pytest.approx(0.020, abs=5e-4)
    assert flawed_given_nothing(0.3, 0.0, 0.0) == pytest.approx(0.3)
    assert flawed_given_nothing(0.3, 1.0, 0.5) == 0
