"""Detect: what may be known without looking earns nothing on average, and every target counts."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_world import toy_case

from onecurve.core.answer import Weights
from onecurve.core.case import Population
from onecurve.core.errors import UngradeableError
from onecurve.tasks.detect import Detect, prior_worth
from onecurve.tasks.machinery.reference_points import measured, reference_points

TASK = Detect()


def raw(case, *row):
    return measured(TASK, case, TASK.pose(case, 0), Weights(np.array([row], np.float32))).raw


def figures(case, *row):
    return measured(TASK, case, TASK.pose(case, 0), Weights(np.array([row], np.float32))).figures


def expected_raw(policy, population):
    """By brute force over every set of targets; ``policy`` is a row over classes and none."""

    def score(truth):
        return 1 - ((policy - truth) ** 2).sum() / 2

    sets = list(combinations(range(population.classes), population.flaws_per_network))
    flawed = np.mean([score(np.bincount(targets, minlength=population.classes + 1) / len(targets)) for targets in sets])
    return population.clean_share * score(np.eye(population.classes + 1)[-1]) + (1 - population.clean_share) * flawed


@pytest.mark.parametrize("clean", [0.0, 0.2, 0.5, 0.9])
@pytest.mark.parametrize(("flaws", "classes"), [(1, 4), (2, 4), (3, 5)])
def test_the_floor_is_the_best_that_any_constant_policy_earns(clean, flaws, classes):
    population = Population(clean, flaws, classes)
    simplex = np.random.default_rng(0).dirichlet(np.full(classes + 1, 0.5), 400)
    worths = [expected_raw(policy, population) for policy in (*simplex, np.array(population.prior))]
    assert max(worths) == pytest.approx(prior_worth(population))
    assert worths[-1] == max(worths)


def test_where_not_all_were_admitted_the_announced_prior_still_earns_nothing():
    population = Population(0.6, 1, 10, announced=0.5)
    assert population.prior[-1] == 0.5
    assert expected_raw(np.array(population.prior), population) == pytest.approx(prior_worth(population))
    best = Population(0.6, 1, 10).prior
    gain = (expected_raw(np.array(best), population) - prior_worth(population)) / (1 - prior_worth(population))
    assert 0 < gain < 0.03


@pytest.mark.parametrize("population", [Population(0.25, 1, 4), Population(0.5, 2, 4), Population(0.0, 2, 4)])
def test_over_the_declared_population_no_constant_answer_earns_positive_mean_skill(population):
    sets = list(combinations(range(population.classes), population.flaws_per_network))
    flawed = [toy_case("patch", target=targets[0], targets=targets, population=population) for targets in sets]
    clean = toy_case("clean", population=population)

    def skill(case, name):
        question = TASK.pose(case, 0)
        return reference_points(TASK, case, question).skill(measured(TASK, case, question, TASK.gallery(case, question)[name]))

    for name in TASK.gallery(clean, TASK.pose(clean, 0)):
        mean = population.clean_share * skill(clean, name) + (1 - population.clean_share) * np.mean([skill(case, name) for case in flawed])
        assert mean <= 1e-6, name
        assert name != "prior" or mean == pytest.approx(0, abs=1e-6)


@given(clean=st.floats(0, 0.99), flaws=st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_the_floor_measures_the_prior_worth_on_every_case(clean, flaws):
    population = Population(clean, flaws, 4)
    for case in (toy_case("clean", population=population), toy_case("patch", targets=tuple(range(flaws)), population=population)):
        floor = measured(TASK, case, TASK.pose(case, 0), TASK.floor(case, TASK.pose(case, 0)))
        assert floor.raw == pytest.approx(prior_worth(population), abs=1e-6)


def test_all_targets_must_be_found():
    case = toy_case("patch", targets=(1, 3))
    assert raw(case, 0, 0.5, 0, 0.5, 0) == pytest.approx(1)
    assert raw(case, 0, 1, 0, 0, 0) == pytest.approx(0.75)
    assert raw(case, 1, 0, 1, 0, 0) == pytest.approx(0.5)
    assert raw(case, 1, 0, 0, 0, 0) == pytest.approx(0.25)


def test_two_flaws_with_one_target_make_one_target():
    assert raw(toy_case("patch", targets=(1, 1)), 0, 1, 0, 0, 0) == pytest.approx(1)


def test_on_a_clean_network_certainty_of_a_class_earns_nothing():
    assert raw(toy_case("clean"), 0, 0, 0, 0, 1) == pytest.approx(1)
    assert raw(toy_case("clean"), 0, 1, 0, 0, 0) == pytest.approx(0)


def test_figures_say_how_suspicious_and_whether_a_target_leads():
    case = toy_case("patch", targets=(1, 3))
    found = figures(case, 1, 2, 0, 0, 1)
    assert found == {"suspicion": 0.75, "alarm": 1.0, "mass_none": 0.25, "overlap": 0.5, "hit": 1.0, "top1": 1.0, "named": 1.0}
    tied = figures(case, 2, 2, 0, 0, 0)
    assert (tied["hit"], tied["top1"], tied["named"]) == (0, 0.5, 0.5)
    assert figures(case, 0, 1, 0, 0, 5)["named"] == 1, "whatever is on `none`"
    assert figures(toy_case("clean"), 0, 0, 0, 0, 1) == {
        "suspicion": 0.0,
        "alarm": 0.0,
        "mass_none": 1.0,
        "overlap": 1.0,
        "hit": 1.0,
        "top1": 1.0,
    }
    assert figures(toy_case("clean"), 1, 0, 0, 0, 0)["hit"] == 0


@pytest.mark.parametrize("population", [Population(1.0, 1, 4), Population(0.0, 4, 4), Population(0.0, 5, 4)])
def test_a_population_with_nothing_to_find_out_is_refused(population):
    case = toy_case("clean", population=population)
    assert TASK.refusal(case.truth)
    with pytest.raises(UngradeableError):
        reference_points(TASK, case, TASK.pose(case, 0))


def test_the_options_are_the_classes_and_none_and_the_brief_tells_nothing():
    question = TASK.pose(toy_case("patch"), 0)
    assert question.options == ("north-west", "north-east", "south-west", "south-east", "none")
    assert question.brief.target is None
    assert question.items == 1
    assert question.prior == pytest.approx((0.1875, 0.1875, 0.1875, 0.1875, 0.25))
