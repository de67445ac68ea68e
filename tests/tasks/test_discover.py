"""Discover: mass on the right option; which place it stands at is worth nothing."""

import numpy as np
import pytest
from toy_world import toy_case, with_truth

from onecurve.core.answer import Weights
from onecurve.tasks.discover import Discover
from onecurve.tasks.machinery.reference_points import measured, reference_points

TASK = Discover()


def result(case, *row):
    return measured(TASK, case, TASK.pose(case, 0), Weights(np.array([row], np.float32)))


def test_raw_is_the_mass_on_the_right_option():
    assert result(toy_case("patch", right=2), 1, 1, 2, 0, 0, 0, 0, 0).raw == pytest.approx(0.5)


def test_ties_share_credit_and_rank():
    figures = result(toy_case("patch", right=2), 5, 5, 5, 5, 1, 1, 1, 1).figures
    assert figures == {"top1": 0.25, "rank": 2.5}
    assert result(toy_case("patch", right=7), 5, 5, 5, 5, 1, 1, 1, 2).figures == {"top1": 0.0, "rank": 5.0}


def test_over_all_places_of_the_right_option_no_constant_earns_anything():
    cases = [toy_case("patch", right=right) for right in range(8)]
    for name in TASK.gallery(cases[0], TASK.pose(cases[0], 0)):
        skills = []
        for case in cases:
            question = TASK.pose(case, 0)
            skills.append(reference_points(TASK, case, question).skill(measured(TASK, case, question, TASK.gallery(case, question)[name])))
        assert np.mean(skills) == pytest.approx(0, abs=1e-6), name


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
