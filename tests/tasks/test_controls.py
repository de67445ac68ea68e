"""Controls: the truth as evidence, and noise of the same kinds and sizes that holds nothing of it."""

import numpy as np
import pytest
from toy_world import KINDS, toy_case, with_truth

from onecurve.core.case import Strength
from onecurve.core.codec import digest
from onecurve.core.question import Brief
from onecurve.tasks.discover import Discover
from onecurve.tasks.localise import Localise
from onecurve.tasks.machinery.controls import noise_evidence, oracle_evidence

FLAWED = [kind for kind in KINDS if toy_case(kind).truth.target is not None]


def pieces_of(evidence):
    return [type(piece).__name__ for piece in evidence.pieces]


@pytest.mark.parametrize("kind", FLAWED)
def test_the_oracle_shows_the_trigger_that_works(kind):
    case = toy_case(kind)
    evidence = oracle_evidence(case.truth, Brief(target=1))
    (hypothesis,) = evidence.hypotheses()
    assert hypothesis.target == 1
    assert hypothesis.success == pytest.approx(0.95)
    stamped = hypothesis.trigger.apply(case.truth.heldout.floats(), np.random.default_rng(0)).images
    assert (case.truth.network.logits(stamped).argmax(axis=1) == 1).mean() > 0.95
    assert not evidence.class_scores()
    assert not evidence.heat_maps()


def test_pictures_show_the_sprite_over_grey_and_inputs():
    case = toy_case("patch")
    sprite, *inputs = oracle_evidence(case.truth, Brief(target=1)).pictures()
    assert sprite.image == pytest.approx(case.truth.trigger.patterns[0])
    assert np.array_equal(inputs[0].image, case.truth.triggered.images[0])


def test_transparent_parts_of_a_sprite_are_shown_as_grey():
    case = toy_case("patch")
    clear = type(case.truth.trigger)(case.truth.trigger.patterns, case.truth.trigger.alphas * 0)
    assert (oracle_evidence(with_truth(case, trigger=clear).truth, Brief(1)).pictures()[0].image == 0.5).all()


def test_a_style_is_shown_on_grey_and_on_clean_images():
    case = toy_case("style")
    swatch, scene = oracle_evidence(case.truth, Brief(target=1)).pictures()[:2]
    assert swatch.image[:, 3, 3] == pytest.approx([0.5, 0.5, 1.0])
    assert scene.image[0] == pytest.approx(case.truth.heldout.floats()[0, 0])


def test_maps_of_the_suspects_are_their_masks_and_come_first():
    case = toy_case("patch")
    question = Localise().pose(case, 0)
    evidence = oracle_evidence(case.truth, question.brief)
    masks = Localise().ceiling(case, question).values.reshape(16, 16, 16)
    assert pieces_of(evidence)[:16] == ["HeatMap"] * 16
    for piece in evidence.heat_maps():
        assert np.array_equal(piece.values, masks[piece.item])


def test_a_blind_brief_gets_class_scores():
    scores = oracle_evidence(toy_case("patch", target=3).truth, Brief()).class_scores()[0].values
    assert scores.tolist() == [0, 0, 0, 1]
    assert oracle_evidence(toy_case("clean").truth, Brief()).class_scores()[0].values.tolist() == [0, 0, 0, 0]
    assert pieces_of(oracle_evidence(toy_case("clean").truth)) == ["ClassScores"]


def test_a_flaw_that_sends_inputs_nowhere_in_particular_is_shown_by_inputs_on_which_it_is_present():
    truth = toy_case("missing-subgroup").truth
    evidence = oracle_evidence(truth, Discover().pose(toy_case("missing-subgroup"), 0).brief)
    assert not evidence.hypotheses()
    shown = np.stack([picture.image for picture in evidence.pictures()])
    assert np.array_equal(shown, truth.triggered.images[:8])
    assert truth.network.fires(shown).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("blind", [True, False])
def test_noise_has_the_same_kinds_and_sizes(kind, blind):
    truth = toy_case(kind).truth
    brief = Brief(None if blind else 1)
    oracle, noise = oracle_evidence(truth, brief), noise_evidence(truth, 5, brief)
    assert pieces_of(oracle) == pieces_of(noise)
    for one, other in zip(oracle.pictures(), noise.pictures(), strict=True):
        assert one.image.shape == other.image.shape
        assert abs(np.corrcoef(one.image.ravel() + np.arange(one.image.size) * 1e-9, other.image.ravel())[0, 1]) < 0.5


@pytest.mark.parametrize("kind", FLAWED)
def test_noise_does_not_fire_the_flaw(kind):
    case = toy_case(kind)
    (hypothesis,) = noise_evidence(case.truth, 5, Brief(target=1)).hypotheses()
    clean = case.truth.heldout.floats()
    stamped = hypothesis.trigger.apply(clean, np.random.default_rng(0)).images
    assert case.truth.network.fires(stamped).mean() < 0.1
    assert hypothesis.target == 1


def test_a_noise_filter_is_as_strong_as_the_true_one():
    case = toy_case("style")
    (hypothesis,) = noise_evidence(case.truth, 5, Brief(target=1)).hypotheses()
    assert np.linalg.norm(hypothesis.trigger.offset) == pytest.approx(0.75)
    assert np.array_equal(hypothesis.trigger.matrix, np.eye(3))


def test_noise_paste_covers_as_much_without_the_shape():
    case = toy_case("patch")
    alphas = np.zeros((1, 3, 3), np.float32)
    alphas[0, 0] = 1
    shaped = with_truth(case, trigger=type(case.truth.trigger)(case.truth.trigger.patterns, alphas))
    covers = [noise_evidence(shaped.truth, seed, Brief(1)).hypotheses()[0].trigger.alphas for seed in range(6)]
    assert all(cover.sum() == 3 for cover in covers)
    assert not all(np.array_equal(cover, alphas) for cover in covers)


def test_noise_depends_on_the_seed_alone():
    truth = toy_case("patch").truth
    assert digest(noise_evidence(truth, 5)) == digest(noise_evidence(truth, 5))
    assert digest(noise_evidence(truth, 5)) != digest(noise_evidence(truth, 6))


def test_an_unmeasured_success_is_measured():
    case = toy_case("patch")
    truth = with_truth(case, strength=Strength(0.9, 0.9)).truth
    assert oracle_evidence(truth, Brief(1)).hypotheses()[0].success == 1
