"""Neural Cleanse's schedule: what public versions get wrong is kept here as tests."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecurve.core.errors import SpecError
from onecurve.tools.inversion.machinery.cost_schedule import CostSchedule, ScheduleConstants

ONE = np.array([True])


def run(norms, successes, **constants):
    schedule = CostSchedule(1, ScheduleConstants(**constants))
    improved = [schedule.update(np.array([success]), np.array([norm]), ONE)[0] for norm, success in zip(norms, successes, strict=True)]
    return schedule, improved


def test_best_is_the_minimum_and_not_the_last():
    schedule, improved = run([9, 5, 2, 4, 8], [1, 1, 1, 1, 1])
    assert schedule.best_norm[0] == 2
    assert improved == [True, True, True, False, False]


@given(st.lists(st.tuples(st.floats(0.1, 1000), st.floats(0, 1)), min_size=1, max_size=60))
def test_best_is_the_smallest_among_those_that_passed(checks):
    norms, successes = zip(*checks, strict=True)
    schedule, _ = run(norms, successes, threshold=0.9)
    passed = [norm for norm, success in checks if success >= 0.9]
    assert schedule.best_norm[0] == (min(passed) if passed else np.inf)


def test_a_small_mask_that_fails_is_never_the_best():
    schedule, _ = run([50, 1, 40], [1, 0.5, 1])
    assert schedule.best_norm[0] == 40


def test_threshold_never_reached_means_no_best_and_no_cost():
    schedule, improved = run([5] * 200, [0.98] * 200)
    assert schedule.best_norm[0] == np.inf
    assert not any(improved)
    assert schedule.cost[0] == 0
    assert not schedule.finished()[0]


def test_cost_is_set_after_patience_then_raised_and_lowered():
    schedule = CostSchedule(1, ScheduleConstants(patience=3, initial_cost=0.01, multiplier=2))
    seen = []
    for success in [1, 1, 1, 1, 1, 1, 0, 0, 0]:
        schedule.update(np.array([success]), np.array([10.0]), ONE)
        seen.append(schedule.cost[0])
    assert seen[:3] == [0, 0, 0.01]
    assert seen[5] == pytest.approx(0.02)
    assert seen[8] == pytest.approx(0.02 / 2**1.5)


def test_one_failure_starts_the_count_of_successes_again():
    schedule, _ = run([5] * 9, [1, 1, 1, 1, 0, 1, 1, 1, 1], patience=5)
    assert schedule.cost[0] == 0


def test_finished_only_after_the_cost_moved_both_ways_and_the_mask_stands_still():
    up_only, _ = run([5] * 100, [1] * 100, patience=2, stop_patience=10)
    assert not up_only.finished()[0]
    successes = [1] * 6 + [0] * 2 + [1] * 12
    both, _ = run([5] * len(successes), successes, patience=2, stop_patience=10)
    assert both.finished()[0]


def test_classes_do_not_disturb_each_other():
    rng = np.random.default_rng(0)
    successes, norms = rng.uniform(0.9, 1, (80, 3)), rng.uniform(1, 100, (80, 3))
    together = CostSchedule(3, ScheduleConstants(threshold=0.93))
    for success, norm in zip(successes, norms, strict=True):
        together.update(success, norm, np.ones(3, bool))
    for column in range(3):
        alone, _ = run(norms[:, column], successes[:, column], threshold=0.93)
        assert together.best_norm[column] == alone.best_norm[0]
        assert together.cost[column] == pytest.approx(alone.cost[0])


def test_classes_that_are_not_checked_stay_as_they_are():
    schedule = CostSchedule(2, ScheduleConstants(patience=1))
    schedule.update(np.ones(2), np.array([5.0, 5.0]), np.array([True, False]))
    assert list(schedule.best_norm) == [5, np.inf]
    assert schedule.cost[1] == 0


def test_constants_out_of_range_are_refused():
    with pytest.raises(SpecError, match="threshold"):
        ScheduleConstants(threshold=float("nan"))
