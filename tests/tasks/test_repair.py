"""Repair: agreement with the twin, the figures of the field, and repairs that only look like one."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from toy_world import Rule, toy_case, with_truth

from onecurve.core.answer import Rebuilt
from onecurve.core.effect import Effect
from onecurve.core.errors import AnswerError
from onecurve.core.network import ConstantNetwork
from onecurve.tasks.machinery.fidelity import Outputs
from onecurve.tasks.machinery.graded_inputs import GradedInputs, Inputs, graded_inputs
from onecurve.tasks.machinery.reference_points import measured, reference_points
from onecurve.tasks.machinery.repair_figures import Runs, figures_of
from onecurve.tasks.repair import Repair

TASK = Repair()


@dataclass(frozen=True)
class Answering:
    """Gives fixed logits for every image."""

    answer: np.ndarray

    def logits(self, images):
        return np.repeat(self.answer[None], len(images), axis=0)

    def size(self):
        return 1

    def relearned(self, images, labels, seed, steps):
        return self


@dataclass(frozen=True)
class Recording:
    """A twin that keeps what it was taught."""

    taught: list

    def logits(self, images):
        return Rule().logits(images)

    def size(self):
        return 1

    def relearned(self, images, labels, seed, steps):
        self.taught.append((images, labels, seed, steps))
        return Rule("patch", int(labels[0]))


@dataclass(frozen=True)
class Slow:
    """A clean network that has the flaw after so many steps."""

    needed: int

    def logits(self, images):
        return Rule().logits(images)

    def size(self):
        return 1

    def relearned(self, images, labels, seed, steps):
        return Rule("patch", int(labels[0])) if steps >= self.needed else self


def result(case, network):
    return measured(TASK, case, TASK.pose(case, 0), Rebuilt(network))


def test_the_untouched_network_shows_its_flaw_and_is_flagged():
    figures = result(toy_case("patch"), toy_case("patch").truth.network).figures
    assert figures["attack_success"] == 1
    assert figures["no_change"] == 1
    assert figures["collateral"] == 0
    assert figures["agreement_clean"] == 1


def test_the_twin_is_a_repair_and_no_flag_is_raised():
    case = toy_case("patch")
    found = result(case, case.truth.twin)
    assert found.raw == 1
    assert found.figures["no_change"] == 0
    assert found.figures["attack_success"] < 0.1
    assert found.figures["clean_accuracy_drop"] == 0


def test_equal_classes_with_other_logits_are_a_change():
    case = toy_case("patch")
    assert result(case, replace(case.truth.network, shift=0.5)).figures["no_change"] == 0


def test_clean_and_triggered_count_half_each():
    case = toy_case("patch")
    found = result(case, case.truth.network)
    assert found.raw == pytest.approx((found.figures["agreement_clean"] + found.figures["agreement_triggered"]) / 2)
    inputs = graded_inputs(case)
    assert len(inputs.clean) != len(inputs.triggered)


def test_a_wrecked_network_has_no_attack_success_and_earns_nothing():
    case = toy_case("patch")
    question = TASK.pose(case, 0)
    wrecked = Rebuilt(ConstantNetwork(np.eye(4, dtype=np.float32)[0]))
    found = measured(TASK, case, question, wrecked)
    assert found.figures["attack_success"] == 0
    assert found.figures["clean_accuracy"] == pytest.approx(0.25, abs=0.05)
    assert found.figures["clean_accuracy_drop"] > 0.5
    assert found.figures["collateral"] > 0.5
    assert reference_points(TASK, case, question).skill(found) < 0


def test_worse_accuracy_never_raises_raw():
    case = toy_case("patch")
    better, worse = result(case, case.truth.twin), result(case, Rule("style", 0))
    assert worse.figures["agreement_clean"] <= better.figures["agreement_clean"]
    assert worse.raw <= better.raw


def test_images_of_the_target_class_are_no_attack():
    case = toy_case("patch")
    triggered = case.truth.triggered
    labels = triggered.labels.copy()
    labels[:20] = case.truth.target
    mixed = with_truth(case, triggered=replace(triggered, labels=labels))
    assert (graded_inputs(mixed).triggered.labels != case.truth.target).all()
    assert len(graded_inputs(mixed).triggered) == 40


def test_every_figure_of_a_known_repair_is_known():
    def says(clean, triggered):
        return Outputs(np.eye(3, dtype=np.float32)[clean], np.eye(3, dtype=np.float32)[triggered])

    def inputs(labels):
        return Inputs(np.zeros((len(labels), 1, 2, 2), np.float32), np.array(labels))

    runs = Runs(
        twin=says([0, 0, 2, 0, 1], [0, 0, 1, 1]),
        original=says([0, 1, 2, 0, 0], [2, 2, 2, 2]),
        repaired=says([0, 0, 0, 0, 1], [2, 0, 0, 1]),
    )
    graded = GradedInputs(inputs([0, 1, 2, 0, 1]), inputs([0, 0, 0, 1]), inputs([]))
    assert figures_of(runs, graded, Effect.towards(2, 3)) == pytest.approx(
        {
            "agreement_clean": 4 / 5,
            "agreement_triggered": 2 / 4,
            "attack_success": 1 / 4,
            "clean_accuracy": 3 / 5,
            "clean_accuracy_drop": 4 / 5 - 3 / 5,
            "collateral": 3 / 5,
            "triggered_accuracy": 3 / 4,
            "no_change": 0,
        }
    )


def test_near_misses_are_those_that_the_repaired_network_sends_to_the_target():
    case = toy_case("patch")
    found = result(case, ConstantNetwork(np.eye(4, dtype=np.float32)[case.truth.target])).figures
    assert found["near_miss"] == 1


def test_near_misses_count_only_where_there_are_any():
    assert "near_miss" in result(toy_case("patch"), Rule()).figures
    assert "near_miss" not in result(toy_case("patch", bystanders=False), Rule()).figures


def test_relearning_takes_five_poisoned_samples_and_tests_on_the_others():
    case = toy_case("patch")
    taught = []
    found = result(case, Recording(taught)).figures
    (images, labels, _, steps), inputs = taught[0], graded_inputs(case)
    assert len(taught) == 1
    assert steps == 1
    assert np.array_equal(images, inputs.triggered.images[:5])
    assert (labels == case.truth.target).all()
    assert found["attack_success"] < 0.1


def test_steps_to_half_success_are_told_as_a_share_of_the_twins():
    case = toy_case("patch")
    slow = with_truth(case, twin=Slow(8))
    for repaired, steps in ((Slow(2), 2), (Slow(8), 8), (Slow(33), 64), (case.truth.network, 0)):
        figures = result(slow, repaired).figures
        assert figures["relearning_steps"] == steps
        assert figures["relearning_share"] == steps / 8


def test_where_the_twin_says_the_target_by_itself_relearning_is_left_out():
    case = toy_case("patch")
    assert "relearning_share" not in result(with_truth(case, twin=case.truth.network), Rule()).figures


def test_too_few_triggered_inputs_leave_relearning_out():
    case = toy_case("patch")
    few = case.truth.triggered
    small = with_truth(case, triggered=replace(few, images=few.images[:5], labels=few.labels[:5], masks=few.masks[:5]))
    assert "relearning_steps" not in result(small, Rule()).figures


def test_graded_inputs_are_capped_and_the_same_each_time():
    case = toy_case("patch", heldout=500)
    one, other = graded_inputs(case), graded_inputs(case)
    assert len(one.clean) == 400
    assert np.array_equal(one.clean.images, other.clean.images)
    assert len(graded_inputs(case, clean=7, triggered=3).triggered) == 3


def test_graded_inputs_keep_their_own_labels():
    inputs = graded_inputs(toy_case("patch", heldout=500), triggered=20)
    for group in (inputs.clean, inputs.triggered):
        brightest = group.images[:, 1].reshape(-1, 2, 8, 2, 8).mean(axis=(2, 4)).reshape(-1, 4).argmax(axis=1)
        assert np.array_equal(group.labels, brightest)


@pytest.mark.parametrize("answer", [np.full(4, np.nan), np.full(4, np.inf), np.zeros(3)])
def test_a_network_that_gives_no_sound_logits_breaks_the_contract(answer):
    with pytest.raises(AnswerError):
        result(toy_case("patch"), Answering(answer.astype(np.float32)))
