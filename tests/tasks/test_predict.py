"""Predict: pairs on one background, the network's own outputs are right, and the announced base rate is the floor."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_world import Rule, toy_case, with_truth

from onecurve.core.answer import Weights
from onecurve.core.effect import Effect
from onecurve.core.errors import UngradeableError
from onecurve.core.network import ConstantNetwork
from onecurve.tasks.machinery.contests import contest_of
from onecurve.tasks.machinery.proper_scores import calibration_error, log_losses, quadratic_scores, top_credits
from onecurve.tasks.machinery.reference_points import measured, reference_points
from onecurve.tasks.predict import Predict

TASK = Predict()
PLANTED = ("patch", "style", "natural-feature", "missing-subgroup")


def asked(case, seed=0):
    question = TASK.pose(case, seed)
    return question, contest_of(case.truth).found(question.inputs)


@pytest.mark.parametrize("kind", PLANTED)
def test_half_of_the_inputs_hold_the_trigger_and_each_has_a_rival_of_its_class(kind):
    question, contest = asked(toy_case(kind))
    assert question.items <= 64
    assert question.base_rate == 0.5
    assert len(question.options) == 2
    for pair in np.unique(contest.pair):
        here = contest.pair == pair
        assert sorted(contest.kind[here] == 0) == [False, True]
        assert len(set(contest.labels[here])) == 1
    assert contest.goes[contest.kind == 0].mean() > 0.9
    assert contest.goes[contest.kind > 0].mean() < 0.1


def test_pairs_share_all_but_what_was_put_on_them():
    _, contest = asked(toy_case("patch"))
    assert contest.kinds == ("trigger", "half", "colour", "decoy 1")
    for pair in np.unique(contest.pair):
        one, other = contest.images[contest.pair == pair]
        assert 0 < (one != other).any(axis=0).sum() <= 18


def test_triggered_inputs_are_spread_over_the_question():
    _, contest = asked(toy_case("patch"))
    assert all((contest.kind[start : start + 16] == 0).sum() >= 2 for start in range(0, len(contest.kind), 16))


def test_labels_given_are_the_true_ones():
    question = TASK.pose(toy_case("style"), 0)
    brightest = question.inputs[:, 1].reshape(-1, 2, 8, 2, 8).mean(axis=(2, 4)).reshape(-1, 4).argmax(axis=1)
    assert (question.labels == brightest).all()


def test_what_the_network_takes_for_the_trigger_is_no_rival():
    case = toy_case("patch")
    keen = with_truth(case, decoys=(case.truth.trigger,))
    assert contest_of(keen.truth).kinds == ("trigger", "half", "colour")


def test_the_trigger_on_another_class_is_a_rival_of_a_flaw_for_some_classes():
    case = toy_case("patch", target=1)
    some = with_truth(case, effect=Effect.towards(1, 4, sources=(0, 2)))
    contest = contest_of(some.truth)
    # This network sends every class to the target, so the trigger on another class goes there too and is no rival.
    assert "other class" not in contest.kinds
    assert set(contest.labels) == {0, 2}


def test_inputs_with_several_targets_go_to_that_of_their_class():
    case = with_truth(toy_case("patch"), effect=Effect((1, 1, 3, 3), main=1))
    with pytest.raises(UngradeableError, match="trigger sets the flaw off on"):
        contest_of(with_truth(case, network=Rule("patch", 3), effect=Effect((1, 1, 1, 3), main=1)).truth)
    assert contest_of(with_truth(case, effect=Effect((1, 1, 1, 3), main=1)).truth).goes.any()


def test_what_cannot_be_put_on_an_image_is_paired_by_class():
    case = with_truth(toy_case("missing-subgroup"), trigger=None)
    _, contest = asked(case)
    assert set(contest.kinds) <= {"trigger", "plain", "near miss"}
    assert contest.goes[contest.kind == 0].mean() > 0.9


@pytest.mark.parametrize("kind", PLANTED)
@given(chance=st.floats(0, 1))
@settings(max_examples=10, deadline=None)
def test_no_constant_earns_more_than_the_announced_base_rate_by_much(kind, chance):
    case = toy_case(kind)
    question = TASK.pose(case, 0)
    sticks = reference_points(TASK, case, question)
    rows = np.tile(np.array([[chance, 1 - chance]], np.float32), (question.items, 1))
    assert sticks.floor.raw == 0.75
    assert sticks.skill(measured(TASK, case, question, Weights(rows))) <= 0.01


def test_figures_of_a_constant_show_what_it_misses():
    case = toy_case("patch")
    question, contest = asked(case)
    figures = measured(TASK, case, question, TASK.gallery(case, question)["labels"]).figures
    assert figures["accuracy_trigger"] == figures["score_trigger"] == 0
    assert figures["accuracy_rival"] == figures["score_rival"] == 1
    assert figures["auroc"] == 0.5
    assert figures["fired"] == contest.goes.sum()
    assert measured(TASK, case, question, TASK.ceiling(case, question)).figures["auroc"] == 1


def test_a_flaw_that_fires_nowhere_is_refused():
    case = toy_case("patch")
    dull = with_truth(case, network=ConstantNetwork(np.eye(4, dtype=np.float32)[0]))
    assert "0%" in TASK.refusal(dull.truth)


def test_scores_of_one_forecast_are_known():
    shares, outcomes = np.array([[0.5, 0.3, 0.2], [0, 1, 0]], np.float32), np.array([0, 2])
    assert quadratic_scores(shares, outcomes) == pytest.approx([1 - 0.5 * (0.25 + 0.09 + 0.04), 0])
    assert log_losses(shares, outcomes) == pytest.approx([np.log(2), -np.log(1e-6)])
    assert top_credits(shares, outcomes).tolist() == [1, 0]
    assert top_credits(np.array([[0.4, 0.4, 0.2]], np.float32), np.array([1])).tolist() == [0.5]


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_saying_what_one_believes_pays_most(seed):
    rng = np.random.default_rng(seed)
    belief, other = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4)).astype(np.float32)
    outcomes = np.arange(4)

    def expected(score, forecast):
        return float((belief * score(np.tile(np.asarray(forecast, np.float32), (4, 1)), outcomes)).sum())

    assert expected(quadratic_scores, belief) >= expected(quadratic_scores, other) - 1e-6
    assert expected(log_losses, belief) <= expected(log_losses, other) + 1e-5


def test_calibration_error_is_the_gap_of_confidence_and_truth():
    sure, outcomes = np.tile(np.array([[0.75, 0.25]], np.float32), (4, 1)), np.array([0, 0, 0, 1])
    assert calibration_error(sure, outcomes) == pytest.approx(0)
    assert calibration_error(sure, 1 - outcomes) == pytest.approx(0.5)
    assert calibration_error(np.eye(2, dtype=np.float32)[[0, 0]], np.array([0, 1])) == pytest.approx(0.5)


def test_calibration_bins_do_not_cancel_each_other():
    shares = np.array([[0.95, 0.05], [0.55, 0.45]], np.float32)
    assert calibration_error(shares, np.array([1, 0])) == pytest.approx((0.95 + 0.45) / 2)
