"""Localise: suspects on which the flaw fires, and maps scored against their own masks."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from toy_world import ROSE, SLATE, square, toy_case, with_truth

from onecurve.core.answer import Weights
from onecurve.core.errors import SpecError, UngradeableError
from onecurve.tasks.localise import Localise
from onecurve.tasks.machinery.map_figures import METRICS
from onecurve.tasks.machinery.plain_maps import plain_maps
from onecurve.tasks.machinery.reference_points import measured
from onecurve.tasks.machinery.suspects import suspects_of, usable

TASK = Localise()


def test_suspects_are_triggered_inputs_that_go_to_the_target():
    case = toy_case("patch")
    question = TASK.pose(case, 0)
    assert question.items == 16
    assert question.inputs is question.brief.suspects
    assert (case.truth.network.logits(question.inputs).argmax(axis=1) == case.truth.target).all()
    assert question.shape == (16, 16)
    assert question.options[17] == "1,1"


def test_inputs_on_which_the_flaw_does_not_fire_are_not_asked_about():
    case = toy_case("patch")
    triggered = case.truth.triggered
    dull = triggered.images.copy()
    dull[:40] = 0.1
    question = TASK.pose(with_truth(case, triggered=replace(triggered, images=dull)), 0)
    assert (question.inputs.max(axis=(1, 2, 3)) > 0.2).all()


def test_fewer_than_sixteen_are_asked_about_where_there_are_no_more():
    case = toy_case("patch")
    few = replace(
        case.truth.triggered,
        images=case.truth.triggered.images[:9],
        labels=case.truth.triggered.labels[:9],
        masks=case.truth.triggered.masks[:9],
    )
    fewer = with_truth(case, triggered=few)
    assert 5 <= TASK.pose(fewer, 0).items == len(usable(fewer.truth)) < 10


def test_each_map_is_scored_against_the_mask_of_its_own_suspect():
    case = toy_case("patch")
    question = TASK.pose(case, 0)
    masks = TASK.ceiling(case, question).values
    shifted = measured(TASK, case, question, Weights(np.roll(masks, 1, axis=0)))
    assert measured(TASK, case, question, Weights(masks)).raw == pytest.approx(1)
    assert shifted.raw < 0.5


def test_a_map_that_marks_nothing_is_the_floor():
    case = toy_case("patch")
    question = TASK.pose(case, 0)
    blank = measured(TASK, case, question, TASK.gallery(case, question)["blank"])
    assert blank.raw == 0.5 == measured(TASK, case, question, TASK.floor(case, question)).raw
    assert blank.figures["average_precision"] == pytest.approx(9 / 256)
    assert blank.figures["mask_share"] == pytest.approx(9 / 256)
    assert blank.figures["auroc"] == 0.5


def test_the_figures_of_blank_and_edges_stand_beside_every_answer():
    case = toy_case("patch")
    question = TASK.pose(case, 0)
    gallery = TASK.gallery(case, question)
    found = [measured(TASK, case, question, answer) for answer in (TASK.ceiling(case, question), gallery["edges"], gallery["blank"])]
    for name, own in (("edges", found[1]), ("blank", found[2])):
        for metric in METRICS:
            assert {one.figures[f"{name}_{metric}"] for one in found} == {own.figures[metric]}
    assert found[0].figures["average_precision"] == found[0].raw == 1
    assert found[2].figures["l1"] == pytest.approx(9 / 256)


def test_more_suspects_are_asked_about_where_more_are_wanted():
    case = toy_case("patch")
    many = Localise(suspects=40).pose(case, 0)
    assert many.items == 40
    assert len({image.tobytes() for image in many.inputs}) == 40
    with pytest.raises(SpecError, match="at least 1"):
        Localise(suspects=0)


def test_half_right_maps_lie_between():
    case = toy_case("patch")
    question = TASK.pose(case, 0)
    masks = TASK.ceiling(case, question).values.copy()
    masks[:8] = 1
    found = measured(TASK, case, question, Weights(masks))
    assert found.raw == pytest.approx(0.75)
    assert found.figures["average_precision"] == pytest.approx(0.5 + 0.5 * 9 / 256)
    assert found.figures["decoy_mass"] == pytest.approx(0.5 * 9 / 256)


def test_each_suspect_holds_a_decoy_apart_from_the_trigger_and_the_network_ignores_it():
    case = toy_case("patch")
    suspects = suspects_of(case.truth)
    assert 0.5 * len(case.truth.triggered) < len(suspects) < len(case.truth.triggered)
    assert not (suspects.masks & suspects.decoys).any()
    assert (suspects.decoys.sum(axis=(1, 2)) == 9).all()
    np.testing.assert_allclose(suspects.images.transpose(0, 2, 3, 1)[suspects.decoys], np.tile(SLATE, (9 * len(suspects), 1)), atol=0.005)
    untouched = ~suspects.decoys[:, None] & np.ones((1, 3, 1, 1), bool)
    np.testing.assert_allclose(suspects.images[untouched], case.truth.triggered.images[suspects.rows][untouched], atol=0.002)


def test_marking_the_decoy_is_as_bad_as_marking_the_trigger_is_good_and_the_rest_does_not_count():
    case = toy_case("patch")
    question = TASK.pose(case, 0)
    asked = suspects_of(case.truth).shown_as(question.inputs)
    masks, decoys = asked.masks.reshape(16, -1), asked.decoys.reshape(16, -1)
    raws = [
        measured(TASK, case, question, Weights(each.astype(np.float32))).raw for each in (masks, decoys, masks | decoys, ~masks & ~decoys)
    ]
    assert raws == [1, 0, 0.5, 0.5]


def test_what_a_map_without_the_network_gains_on_a_trigger_it_loses_where_the_decoy_is_the_trigger():
    case = toy_case("patch")
    turned = with_truth(
        case,
        trigger=square(SLATE, 3),
        decoys=(square(ROSE, 3),),
        triggered=case.truth.bystanders,
        network=AlwaysTarget(case.truth.target),
    )
    raws = []
    for each in (case, turned):
        question = TASK.pose(each, 0)
        raws.append({name: measured(TASK, each, question, answer).raw for name, answer in TASK.gallery(each, question).items()})
    assert {"novelty", "novelty, blurred", "colourful, blurred"} <= raws[0].keys()
    assert max(abs(raw - 0.5) for raw in raws[0].values()) > 0.3
    assert {name: (raws[0][name] + raws[1][name]) / 2 for name in raws[0]} == pytest.approx(dict.fromkeys(raws[0], 0.5), abs=0.12)


def test_a_native_trigger_and_its_decoy_are_both_put_on_images_without_either():
    case = toy_case("natural-feature")
    suspects = suspects_of(case.truth)
    assert (suspects.rows == -1).all()
    held = {image.tobytes() for image in case.truth.triggered.images}
    assert not held & {image.tobytes() for image in suspects.images}
    assert (suspects.labels != case.truth.target).all()
    assert TASK.pose(case, 0).items == 16


def test_a_flaw_without_decoys_is_refused_in_words():
    assert "no decoy" in TASK.refusal(with_truth(toy_case("patch"), decoys=()).truth)


@dataclass(frozen=True)
class AlwaysTarget:
    target: int

    def logits(self, images):
        return np.tile(np.eye(4, dtype=np.float32)[self.target], (len(images), 1))


def test_the_question_of_another_planting_is_not_graded():
    case, other = toy_case("patch"), toy_case("patch", seed=9)
    question = TASK.pose(other, 0)
    with pytest.raises(UngradeableError, match="does not hold"):
        TASK.measure(case, question, Weights(np.ones((16, 256), np.float32)))


def test_what_has_no_usable_suspect_is_refused():
    case = toy_case("patch")
    triggered = case.truth.triggered
    full = replace(triggered, masks=np.ones_like(triggered.masks))
    assert TASK.refusal(with_truth(case, triggered=full).truth)
    assert TASK.refusal(with_truth(case, network=case.truth.twin, triggered=replace(triggered, labels=triggered.labels * 0 + 1)).truth)
    assert TASK.refusal(with_truth(case, triggered=None).truth)


def test_plain_maps_say_what_their_names_say():
    image = np.zeros((1, 3, 9, 9), np.float32)
    image[0, :, 2, 2] = 1
    image[0, 0, 6, 6] = 0.9
    maps = {name: values[0] for name, values in plain_maps(image).items()}
    assert np.unravel_index(maps["bright"].argmax(), (9, 9)) == (2, 2)
    assert maps["dark"][2, 2] == pytest.approx(0)
    assert np.unravel_index(maps["colourful"].argmax(), (9, 9)) == (6, 6)
    assert np.unravel_index(maps["centre"].argmax(), (9, 9)) == (4, 4)
    assert maps["edges"][2, 1] > 0
    assert maps["edges"][8, 0] == 0
    assert np.ptp(maps["blank"]) == 0


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_plain_maps_of_flat_pictures_are_never_empty(channels, level):
    for maps in plain_maps(np.full((2, channels, 4, 4), level, np.float32)).values():
        assert maps.shape == (2, 4, 4)
        assert (maps.sum(axis=(1, 2)) > 0).all()
        assert (maps >= 0).all()


def test_the_toy_patch_is_nothing_that_a_plain_map_finds():
    pattern = square(ROSE, 3).patterns
    assert pattern.min() > 0.1
    assert pattern.max() < 0.4
