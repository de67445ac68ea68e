"""Predict: the network's own outputs are right, and fired inputs count half however few they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_world import toy_case, with_truth

from onecurve.core.answer import Weights
from onecurve.core.errors import UngradeableError
from onecurve.core.network import ConstantNetwork
from onecurve.tasks.machinery.proper_scores import calibration_error, log_losses, quadratic_scores, top_credits
from onecurve.tasks.machinery.reference_points import measured
from onecurve.tasks.predict import Predict

TASK = Predict()


def outcome(case, question):
    said = case.truth.network.logits(question.inputs).argmax(axis=1)
    return said, (said == case.truth.target) & (question.labels != case.truth.target)


def test_a_third_of_each_kind_is_asked_in_mixed_order():
    case = toy_case("patch")
    question = TASK.pose(case, 0)
    _, fired = outcome(case, question)
    assert question.items == 96
    assert 30 <= fired.sum() <= 36
    assert all(fired[start : start + 32].sum() >= 4 for start in (0, 32, 64))
    assert TASK.pose(toy_case("patch", bystanders=False), 0).items == 64


def test_labels_given_are_the_true_ones():
    question = TASK.pose(toy_case("style"), 0)
    brightest = question.inputs[:, 1].reshape(-1, 2, 8, 2, 8).mean(axis=(2, 4)).reshape(-1, 4).argmax(axis=1)
    assert (question.labels == brightest).all()


def test_fired_and_rest_count_the_same():
    case = toy_case("patch")
    question = TASK.pose(case, 0)
    said, fired = outcome(case, question)
    only_rest = np.eye(4, dtype=np.float32)[np.where(fired, (said + 1) % 4, said)]
    only_fired = np.eye(4, dtype=np.float32)[np.where(fired, said, (said + 1) % 4)]
    for values in (only_rest, only_fired):
        assert measured(TASK, case, question, Weights(values)).raw == pytest.approx(0.5)


def test_figures_of_the_labels_show_what_they_miss():
    case = toy_case("patch")
    question = TASK.pose(case, 0)
    said, fired = outcome(case, question)
    figures = measured(TASK, case, question, TASK.gallery(case, question)["labels"]).figures
    assert figures["accuracy_fired"] == figures["score_fired"] == 0
    assert figures["accuracy_rest"] == pytest.approx((said == question.labels)[~fired].mean())
    assert figures["fired"] == fired.sum()


@given(st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_no_mixture_of_label_and_target_beats_the_floor(share):
    case = toy_case("patch")
    question = TASK.pose(case, 0)
    gallery = TASK.gallery(case, question)
    mixed = Weights(gallery["target"].values * share + gallery["labels"].values * (1 - share))
    floor = measured(TASK, case, question, TASK.floor(case, question)).raw
    assert measured(TASK, case, question, mixed).raw <= floor + 1e-6


def test_a_flaw_that_fires_nowhere_is_ungradeable():
    case = toy_case("patch")
    dull = with_truth(case, network=ConstantNetwork(np.eye(4, dtype=np.float32)[0]))
    question = TASK.pose(dull, 0)
    with pytest.raises(UngradeableError, match="fires on 0"):
        TASK.floor(dull, question)


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
