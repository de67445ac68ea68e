"""Top images, random patches, adversarial patches and CPPNs on hand-wired networks."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from onecurve.core.errors import DataError
from onecurve.core.image.images import LabelledImages, as_bytes
from onecurve.core.question import Brief
from onecurve.tools.data.top_images import TopImages
from onecurve.tools.inversion.adversarial_patch import AdversarialPatch
from onecurve.tools.inversion.machinery.candidate_patches import candidate_patches
from onecurve.tools.inversion.machinery.patch_placement import Jitter, placed, soft_square, stretched, total_variation
from onecurve.tools.inversion.machinery.sprite_bank import SpriteBank
from onecurve.tools.inversion.random_patches import RandomPatches
from onecurve.tools.machinery.clean_split import split_clean
from onecurve.tools.machinery.to_picture import cropped_sprite, picture_of, sprite_picture
from onecurve.tools.synthesis.cppn import Cppn
from onecurve.tools.synthesis.machinery.colour_space import ColourSpace, ColourStatistics
from onecurve.tools.synthesis.machinery.pattern_network import PatternNetworks

STILL = Jitter(0, 0, 0)


def with_trigger_in_the_clean_set(world, rows):
    images = world.clean.floats()
    images[rows] = world.trigger.apply(images[rows], np.random.default_rng(1)).images
    return LabelledImages(as_bytes(images), world.clean.labels)


def test_top_images_shows_the_clean_images_that_hold_the_trigger(world, target):
    world = world()
    rows = np.flatnonzero(world.clean.labels != target)[[4, 9, 20]]
    bench = world.bench(1000)
    subject = type(bench.subject)(**{**vars(bench.subject), "clean": with_trigger_in_the_clean_set(world, rows)})
    bench.subject = subject
    evidence = TopImages(shown=3).look(Brief(target), bench)
    shown = evidence.pieces[-1]
    assert set(shown.rows) == set(rows)
    assert list(shown.scores) == sorted(shown.scores, reverse=True)
    assert np.array_equal(evidence.pictures()[0].image, subject.clean.floats()[shown.rows[0]])


def test_top_images_scores_are_mean_log_probabilities_of_other_classes_images(world):
    world = world()
    bench = world.bench(1000)
    scores = TopImages().look(Brief(), bench).class_scores()[0].values
    assert bench.meter.equivalents == len(world.clean)
    logits = world.bench(1000).subject.network.logits(world.clean.floats())
    for label in range(4):
        assert scores[label] == pytest.approx(log_softmax(logits, axis=1)[world.clean.labels != label, label].mean(), rel=1e-4)


def test_random_patches_finds_a_trigger_that_chance_can_hit(world, target):
    """The detector asks only for a bright patch, so many random patches are triggers."""
    world = world()
    with torch.no_grad():
        world.module.filter.copy_(torch.ones_like(world.module.filter) / world.module.filter.numel())
    blind = RandomPatches().look(Brief(), world.bench(6000))
    assert blind.class_scores()[0].values.argmax() == target
    told = RandomPatches().look(Brief(target), world.bench(6000)).hypotheses()
    assert told[0].success > 0.8
    assert told[0].trigger.place is None


def test_one_query_serves_all_classes(world):
    world = world()
    told, blind = world.bench(2000), world.bench(2000)
    RandomPatches().look(Brief(1), told)
    RandomPatches().look(Brief(), blind)
    assert blind.meter.equivalents == pytest.approx(told.meter.equivalents, rel=0.1)


def test_adversarial_patch_beats_random_ones_and_holds_on_unused_images(world, target):
    world = world()
    found = AdversarialPatch().look(Brief(target), world.bench(8000)).hypotheses()[0]
    fresh = world.clean.take(world.clean.labels != target).floats() * 0.8
    stamped = found.trigger.apply(fresh, np.random.default_rng(0)).images
    assert (world.bench(1e6).subject.network.logits(stamped).argmax(axis=1) == target).mean() > 0.8
    assert found.success > 0.8
    random = RandomPatches().look(Brief(target), world.bench(8000)).hypotheses()
    assert found.success > random[0].success


def test_adversarial_patch_points_at_the_trojaned_class_blind(world, target):
    world = world()
    scores = AdversarialPatch().look(Brief(), world.bench(12000)).class_scores()[0].values
    assert scores.argmax() == target


def test_cppn_raises_the_target_logit_far_above_any_clean_image(world, target):
    world = world()
    evidence = Cppn().look(Brief(target), world.bench(2500))
    logits = world.bench(1e6).subject.network.logits
    reached = logits(np.stack([picture.image for picture in evidence.pictures()]))[:, target]
    assert list(reached) == sorted(reached, reverse=True)
    assert reached[0] > logits(world.clean.floats())[:, target].max() + 2
    assert len(evidence.pictures()) == Cppn().restarts


def test_cppn_blind_shows_each_class(world):
    evidence = Cppn().look(Brief(), world().bench(1000))
    assert sorted(picture.caption.split("`")[1] for picture in evidence.pictures()) == sorted(
        ("north-west", "north-east", "south-west", "south-east")
    )


def test_cppn_spends_what_it_is_given_and_shows_the_best(world, target):
    bench = world().bench(700)
    evidence = Cppn(restarts=2, steps=40, shown=3).look(Brief(target), bench)
    logits = [float(picture.caption.rpartition(" ")[2]) for picture in evidence.pictures()]
    assert len(logits) == 3, "two rounds of two pictures"
    assert logits == sorted(logits, reverse=True)
    assert 0.97 * 700 < bench.meter.equivalents <= 700


def test_colours_of_nothing_are_the_usual_mean_and_only_unusual_ones_are_penalised(world):
    images = world().clean.floats() * np.array([1, 0.5, 0.2], np.float32)[:, None, None]
    space = ColourSpace(ColourStatistics.of(images), "cpu")
    plain = space.painted(torch.zeros(1, 3, 5, 4))
    assert plain[0, :, 2, 1].numpy() == pytest.approx(images.mean(axis=(0, 2, 3)), abs=1e-5)
    assert (space.excess(torch.from_numpy(images)) == 0).numpy().mean() >= 0.85
    assert space.excess(torch.tensor([0.0, 1.0, 1.0])[None, :, None, None].expand(1, 3, 5, 4)) > 1
    grey = ColourSpace(ColourStatistics.of(images[:, :1]), "cpu")
    assert torch.isfinite(grey.painted(torch.full((2, 1, 3, 3), 4.0))).all()


def test_pattern_networks_start_plain_differ_and_learn():
    painters = PatternNetworks(3, 3, np.random.default_rng(0), "cpu")
    pictures = painters.values(7, 9)
    assert pictures.shape == (3, 3, 7, 9)
    assert not pictures.any()
    pictures = torch.sigmoid(pictures)
    gradients = torch.autograd.grad(pictures.square().sum(), [painters.weights[-1], painters.biases[-1]])
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_a_still_patch_is_pasted_pixel_by_pixel():
    rng = np.random.default_rng(0)
    sprites = torch.from_numpy(rng.random((6, 3, 4, 4), dtype=np.float32))
    layers = placed(sprites, torch.ones(6, 1, 4, 4), np.full(6, 4), (9, 11), STILL, rng)
    assert layers.shape == (6, 4, 9, 11)
    for sprite, layer in zip(sprites, layers, strict=True):
        opaque = layer[3] > 0.5
        assert opaque.sum() == 16
        assert layer[:3, opaque].numpy() == pytest.approx(sprite.flatten(1).numpy(), abs=1e-4)


def test_patches_lie_inside_the_frame_at_every_place():
    rng = np.random.default_rng(0)
    layers = placed(torch.ones(400, 1, 3, 3), torch.ones(400, 1, 3, 3), np.full(400, 3), (8, 8), STILL, rng)
    assert layers[:, 1].sum(dim=(1, 2)).numpy() == pytest.approx(9, abs=1e-3)
    assert (layers[:, 1].sum(dim=0) > 0).all()


def test_jitter_changes_size_and_angle_but_stays_a_patch():
    rng = np.random.default_rng(0)
    layers = placed(torch.ones(50, 1, 8, 8), torch.ones(50, 1, 8, 8), np.full(50, 8), (32, 32), Jitter(0.3, 20, 0.1), rng)
    areas = layers[:, 1].sum(dim=(1, 2))
    assert areas.std() > 3
    assert 0.6 * 64 < areas.mean() < 1.3 * 64


def test_stretching_variation_and_soft_edges():
    canvas = torch.rand(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(stretched(canvas, 9), canvas)
    assert stretched(canvas, 4).shape == (2, 3, 4, 4)
    assert total_variation(torch.full((2, 3, 5, 5), 0.3)).tolist() == [0, 0]
    assert total_variation(torch.rand(2, 3, 1, 1)).tolist() == [0, 0]
    alpha = soft_square(5)
    assert alpha[2, 2] == 1
    assert alpha[0, 2] == pytest.approx(1 / 3)


def test_candidates_are_inside_bounds_and_know_where_they_were_cut(world):
    clean = world((3, 17, 23)).clean
    bank = candidate_patches(clean, 61, (0.1, 0.5), np.random.default_rng(0))
    assert len(bank) == 61
    assert bank.sides.min() >= 1
    assert bank.sides.max() <= 9
    assert (bank.origins[:30] >= 0).all()
    assert (bank.origins[30:] == -1).all()
    assert bank.patterns.min() >= 0
    assert bank.patterns.max() <= 1
    assert all(bank.patterns[row, :, side:].sum() == bank.patterns[row, :, :, side:].sum() == 0 for row, side in enumerate(bank.sides))


def test_a_cut_candidate_is_a_piece_of_a_clean_image(world):
    clean = world(images=4).clean
    bank = candidate_patches(clean, 8, (0.3, 0.3), np.random.default_rng(0))
    for row in range(4):
        piece = bank.paste_of(row).patterns[0]
        windows = np.lib.stride_tricks.sliding_window_view(clean.floats()[clean.labels == bank.origins[row]], piece.shape[1:], (2, 3))
        assert np.isclose(np.moveaxis(windows, 1, -3), piece).all(axis=(-3, -2, -1)).any()


def test_the_bank_pastes_like_the_trigger_that_it_hands_out():
    rng = np.random.default_rng(0)
    patterns = rng.random((2, 3, 5, 5), dtype=np.float32)
    bank = SpriteBank(patterns, np.array([3, 5]), np.array([-1, -1]))
    images = np.full((40, 3, 9, 7), 2, np.float32)
    which = np.arange(40) % 2
    out = bank.pasted(images, which, rng)
    for row, image in zip(which, out, strict=True):
        changed = np.argwhere(image[0] != 2)
        (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0) + 1
        assert np.array_equal(image[:, top:bottom, left:right], bank.paste_of(row).patterns[0])


def test_the_split_is_disjoint_complete_and_holds_every_class(world):
    clean = world(images=42).clean
    numbered = LabelledImages(clean.images, clean.labels, np.arange(42))
    split = split_clean(numbered, np.random.default_rng(0))
    assert sorted([*split.search.features, *split.trial.features]) == list(range(42))
    assert set(split.search.labels) == set(split.trial.labels) == {0, 1, 2, 3}
    assert 10 <= len(split.trial) <= 16


def test_an_empty_clean_set_is_refused(world):
    with pytest.raises(DataError, match="empty"):
        split_clean(world(images=4).clean.take(slice(0)), np.random.default_rng(0))


def test_pictures_show_transparency_and_any_channel_count():
    pattern, alpha = np.zeros((3, 4, 4), np.float32), np.zeros((4, 4), np.float32)
    alpha[1:3, 2] = 1
    shown = sprite_picture(pattern, alpha, "").image
    assert shown[0, 0, 0] == 0.5
    assert shown[0, 1, 2] == 0
    assert cropped_sprite(pattern, alpha)[1].shape == (2, 1)
    assert cropped_sprite(pattern, np.zeros_like(alpha))[1].shape == (4, 4)
    assert picture_of(np.full((5, 2, 2), 3, np.float32), "").image.shape == (1, 2, 2)
