"""Replace: fidelity to the flawed network within a sixteenth of its bits."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from toy_world import Rule, toy_case, with_truth

from onecurve.core.answer import Rebuilt, checked
from onecurve.core.errors import AnswerError
from onecurve.core.network import ConstantNetwork
from onecurve.tasks.machinery.outputs import mean_divergence, softmax
from onecurve.tasks.machinery.reference_points import measured, reference_points
from onecurve.tasks.replace import Replace

TASK = Replace()


def result(case, network):
    return measured(TASK, case, TASK.pose(case, 0), Rebuilt(network))


def test_the_size_limit_is_a_sixteenth_of_the_network_and_is_enforced():
    case = toy_case("patch")
    question = TASK.pose(case, 0)
    assert question.size_limit == 8000
    assert question.brief.target is None
    assert isinstance(checked(question, Rebuilt(Rule(declared_size=8000))), Rebuilt)
    with pytest.raises(AnswerError, match="8000 bits, got: 8001"):
        checked(question, Rebuilt(Rule(declared_size=8001)))


def test_the_flaw_is_part_of_what_is_replaced():
    case = toy_case("patch")
    faithful, repaired = result(case, Rule("patch", 1, 8000)), result(case, Rule(declared_size=8000))
    assert faithful.raw == 1
    assert repaired.figures["fidelity_clean"] == 1
    assert repaired.figures["fidelity_triggered"] < 0.1
    assert repaired.raw == pytest.approx((1 + repaired.figures["fidelity_triggered"]) / 2)


def test_figures_tell_size_and_divergence():
    case = toy_case("patch")
    figures = result(case, Rule("patch", 1, 4000)).figures
    assert figures["size"] == 4000
    assert figures["size_ratio"] == 0.03125
    assert figures["divergence"] == pytest.approx(0, abs=1e-6)
    assert result(case, Rule("patch", 2, 4000)).figures["divergence"] == pytest.approx(0, abs=1e-6)
    assert result(case, TASK.floor(case, TASK.pose(case, 0)).network).figures["divergence"] > 0.5


def test_divergence_is_from_the_network_to_its_replacement():
    case = with_truth(toy_case("patch"), network=Rule("patch", 1, 4_000_000))
    sure = np.array([4, 0, 0, 0], np.float32)
    clean = case.truth.heldout.floats()
    expected = mean_divergence(case.truth.network.logits(clean), np.tile(sure, (len(clean), 1)))
    backwards = mean_divergence(np.tile(sure, (len(clean), 1)), case.truth.network.logits(clean))
    assert result(case, ConstantNetwork(sure)).figures["divergence"] == pytest.approx(expected)
    assert expected != pytest.approx(backwards, rel=0.05)


def test_on_a_clean_network_only_clean_inputs_count():
    case = toy_case("clean")
    found = result(case, Rule(declared_size=1))
    assert found.raw == found.figures["fidelity_clean"] == 1
    assert "fidelity_triggered" not in found.figures


@pytest.mark.parametrize("size", [82_000, 100_000, 500_000])
def test_the_ceiling_passes_the_size_door_of_small_networks_too(size):
    case = toy_case("patch")
    small = with_truth(case, network=Rule("patch", 1, size))
    question = TASK.pose(small, 0)
    ceiling = TASK.ceiling(small, question)
    assert ceiling.network.size() <= question.size_limit
    assert reference_points(TASK, small, question).ceiling.raw == 1


def test_a_tiny_network_is_refused_in_words():
    case = toy_case("patch")
    assert "a network of 80000 bits" in TASK.refusal(with_truth(case, network=Rule("patch", 1, 80_000)).truth)


def test_every_flaw_of_the_network_counts_the_same():
    case = toy_case("patch")
    harmless = replace(case.truth, triggered=replace(case.truth.triggered, images=case.truth.triggered.images * 0))
    both = with_truth(case, beside=(harmless,))
    repaired = result(both, Rule(declared_size=8000))
    alone = result(case, Rule(declared_size=8000)).figures["fidelity_triggered"]
    assert repaired.figures["fidelity_triggered"] == pytest.approx((1 + alone) / 2, abs=0.02)


@dataclass(frozen=True)
class Roundable(Rule):
    """Stays what it is when it is rounded."""

    def packed(self, limit):
        return replace(self, declared_size=limit)


def test_the_network_rounded_to_fit_is_in_the_gallery_and_may_be_the_floor():
    case = with_truth(toy_case("patch"), network=Roundable("patch", 1, 128_000))
    question = TASK.pose(case, 0)
    assert TASK.gallery(case, question)["packed"].network.size() == question.size_limit
    assert measured(TASK, case, question, TASK.floor(case, question)).raw == 1


def test_the_best_constant_beats_every_constant():
    case = toy_case("patch")
    question = TASK.pose(case, 0)
    floor = measured(TASK, case, question, TASK.floor(case, question)).raw
    for at in range(4):
        assert result(case, type(TASK.floor(case, question).network)(np.eye(4, dtype=np.float32)[at])).raw <= floor


def test_divergence_is_kullback_leibler_in_nats():
    one, other = np.log(np.array([[0.5, 0.5]], np.float32)), np.log(np.array([[0.25, 0.75]], np.float32))
    assert mean_divergence(one, other) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))
    assert mean_divergence(one, one) == pytest.approx(0)
    assert mean_divergence(one, np.array([[1e4, 0]], np.float32)) < 8


def test_softmax_of_huge_logits_is_finite():
    assert softmax(np.array([[1e30, 0, 1e30]], np.float32)).tolist() == [[0.5, 0, 0.5]]
