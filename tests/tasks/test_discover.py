"""Discover: a proper score of the weights; which place the right option stands at is worth nothing."""

import numpy as np
import pytest
from toy_world import toy_case, with_truth

from onecurve.core.answer import Weights
from onecurve.tasks.discover import Discover
from onecurve.tasks.machinery.reference_points import measured, reference_points

TASK = Discover()


def result(case, *row):
    return measured(TASK, case, TASK.pose(case, 0), Weights(np.array([row], np.float32)))


def skill(*row):
    case = toy_case("patch", right=2)
    question = TASK.pose(case, 0)
    return reference_points(TASK, case, question).skill(result(case, *row))


def test_raw_is_one_less_half_of_the_squared_distance_to_the_right_option():
    assert result(toy_case("patch", right=2), 1, 1, 2, 0, 0, 0, 0, 0).raw == pytest.approx(1 - (0.25**2 + 0.25**2 + 0.5**2) / 2)


def test_the_uniform_answer_has_skill_0_certainty_1_and_a_wrong_certainty_less_than_minus_1():
    assert (skill(*np.ones(8)), skill(*np.eye(8)[2])) == (0, 1)
    assert skill(*np.eye(8)[3]) == pytest.approx(-9 / 7)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_nobody_gains_by_saying_another_chance_than_they_believe(share):
    def expected(said):
        rest = (1 - said) / 7
        first = [said if at == 2 else rest for at in range(8)]
        other = [said if at == 5 else rest for at in range(8)]
        wrong = (1 - share) * skill(*other)
        return share * skill(*first) + wrong

    offered = [said / 100 for said in range(1, 101)]
    assert max(offered, key=expected) == pytest.approx(share)


def test_ties_share_credit_and_rank():
    figures = result(toy_case("patch", right=2), 5, 5, 5, 5, 1, 1, 1, 1).figures
    assert (figures["top1"], figures["rank"], figures["mass"]) == (0.25, 2.5, pytest.approx(5 / 24))
    figures = result(toy_case("patch", right=7), 5, 5, 5, 5, 1, 1, 1, 2).figures
    assert (figures["top1"], figures["rank"], figures["log_loss"]) == (0.0, 5.0, pytest.approx(np.log(25 / 2)))


def test_over_all_places_of_the_right_option_no_constant_earns_anything_in_the_mean():
    cases = [toy_case("patch", right=right) for right in range(8)]
    for name in TASK.gallery(cases[0], TASK.pose(cases[0], 0)):
        skills = []
        for case in cases:
            question = TASK.pose(case, 0)
            skills.append(reference_points(TASK, case, question).skill(measured(TASK, case, question, TASK.gallery(case, question)[name])))
        assert np.mean(skills) == pytest.approx(0 if name == "uniform" else -1, abs=1e-6), name


def test_the_lineup_is_shown_and_the_target_told():
    case = toy_case("style", target=3)
    question = TASK.pose(case, 0)
    assert question.shown == case.truth.options
    assert question.brief.target == 3
    assert question.inputs is None


def test_a_flaw_without_a_lineup_is_refused():
    case = toy_case("patch")
    assert "lineup" in TASK.refusal(with_truth(case, right=None).truth)
    assert "lineup" in TASK.refusal(with_truth(case, options=case.truth.options[:1], right=0).truth)
