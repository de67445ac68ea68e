"""Which classes stand apart by the size of their triggers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecurve.auditing.looks.machinery.effort import EFFORTS, FEWEST_COMPARED, REFINED, screened_effort, whole_effort
from onecurve.auditing.looks.machinery.outlying import LEAST_RATIO, outlying
from onecurve.auditing.looks.machinery.trigger_claims import compared

ALIKE = np.array([31.9, 26.4, 24.9, 16.4, 21.0, 31.7, 20.6, 37.9, 24.7])


def test_one_small_trigger_stands_apart() -> None:
    found = outlying(np.append(ALIKE, 2.8))
    assert found.rows.tolist() == [9]
    assert found.ratio == pytest.approx(16.4 / 2.8)
    assert found.p < 0.001


def test_two_targets_stand_apart_together() -> None:
    found = outlying(np.concatenate([ALIKE, [2.8, 3.1]]))
    assert sorted(found.rows.tolist()) == [9, 10]
    assert found.p < 0.001


def test_alike_classes_do_not() -> None:
    found = outlying(ALIKE)
    assert len(found.rows) == 0
    assert found.p > 0.2
    assert found.ratio == pytest.approx(20.6 / 16.4)


def test_too_few_classes_have_no_outlier() -> None:
    assert outlying(np.array([1.0, 50.0, 60.0])).p == 1.0


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        (np.append(ALIKE, 2.8), "the next class takes 5.9 times as large a one"),
        (ALIKE, "other classes take about as large a one"),
        (np.array([3.2, 19.4, 20.6, 40.0]), "the next class takes 6.1 times as large a one, which may be chance among 4 classes"),
        (np.array([1.0, 50.0, 60.0]), "too few classes were compared (3) to say whether it stands apart"),
    ],
    ids=["apart", "alike", "perhaps chance", "too few"],
)
def test_the_words_say_how_the_next_class_compares(sizes: np.ndarray, words: str) -> None:
    assert compared(outlying(sizes)) == words


def test_a_class_without_a_trigger_counts_as_larger_than_all() -> None:
    found = outlying(np.array([np.inf] * 5 + [30.0, 28.0, 2.0]))
    assert found.rows.tolist() == [7]
    assert len(outlying(np.full(10, np.inf)).rows) == 0


@given(st.integers(0, 2**32), st.integers(4, 60))
def test_alarms_on_clean_classes_are_rare_and_any_scale_gives_the_same(seed: int, classes: int) -> None:
    sizes = np.exp(np.random.default_rng(seed).normal(3, 0.25, classes))
    found, scaled = outlying(sizes), outlying(7 * sizes)
    assert found.rows.tolist() == scaled.rows.tolist()
    assert found.p == pytest.approx(scaled.p)
    assert found.ratio >= 1
    assert len(found.rows) == 0 or found.ratio >= LEAST_RATIO


def test_clean_classes_alarm_no_more_often_than_the_level() -> None:
    rng = np.random.default_rng(0)
    alarms = [len(found.rows) > 0 and found.p <= 0.05 for found in (outlying(np.exp(rng.normal(3, 0.3, 10))) for _ in range(1000))]
    assert np.mean(alarms) <= 0.05


def test_the_effort_is_the_most_thorough_that_the_time_pays_for() -> None:
    plenty = whole_effort(10, 600, 500)
    assert plenty is not None
    assert (plenty.first, plenty.classes, plenty.kept) == (EFFORTS[0], 10, 10)
    assert whole_effort(1000, 60, 500) is None


@given(st.integers(1, 2000), st.floats(0.01, 4000), st.floats(1, 5000), st.floats(0.01, 100))
def test_a_screening_and_its_search_fit_into_the_time(classes: int, seconds: float, pace: float, screened: float) -> None:
    plan = screened_effort(classes, seconds, pace, screened)
    if plan is None:
        assert seconds * pace < EFFORTS[-1].pairs / 0.65 + 1 or seconds * screened * 0.3 < 1
        return
    assert 1 <= plan.kept <= plan.classes <= classes
    assert plan.classes / screened + plan.kept * plan.first.pairs / pace <= seconds * 1.001


def test_a_long_screening_sees_all_classes_and_a_short_one_still_leaves_enough_to_compare() -> None:
    enough, little = screened_effort(1000, 1800, 20, 4), screened_effort(1000, 300, 20, 4)
    assert enough is not None
    assert enough.classes == 1000 > enough.kept > REFINED
    assert little is not None
    assert little.classes > 100
    assert little.kept == FEWEST_COMPARED
