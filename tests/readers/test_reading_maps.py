"""What readers make of heat maps: windows, pictures for a lineup, the hypothesis of a trigger; where maps are right and where not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Weights, checked
from onecurve.core.case import Subject
from onecurve.core.evidence import Evidence, HeatMap, Hypothesis, Picture
from onecurve.core.image.images import Floats, LabelledImages
from onecurve.core.image.paste import Paste
from onecurve.core.question import Brief, Option, Weigh
from onecurve.core.seeds import generator
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part
from onecurve.data.sprites import SHAPES, draw_sprite
from onecurve.readers.machinery.common_pattern import recurring
from onecurve.readers.machinery.proposals import usable, why_none
from onecurve.readers.machinery.rendering import pictures_of
from onecurve.readers.machinery.windows import windows_of
from onecurve.readers.pictures.matcher import Matcher
from onecurve.readers.triggers.effect import Effect

TARGET = 3
CLASSES = tuple("0123456789")


@pytest.fixture(scope="module")
def clean() -> LabelledImages:
    return open_data("digits").draw(Part.CLEAN, 160, 0)


def maps(values: Floats) -> Evidence:
    return Evidence(tuple(HeatMap(each.astype(np.float32), item) for item, each in enumerate(values)))


def patch(seed: int) -> Paste:
    rng = np.random.default_rng(seed)
    pattern, alpha = draw_sprite(SHAPES[seed % len(SHAPES)], 8, rng, fill=tuple(rng.uniform(0.05, 0.95, 3)))
    return Paste(pattern[None], alpha[None], colour_jitter=0.04, noise=0.03)


def stamped(clean: LabelledImages, trigger: Paste, seed: int = 0) -> tuple[Floats, Floats]:
    """Sixteen suspects and their masks."""
    found = trigger.apply(clean.take(slice(0, 16)).floats(), np.random.default_rng(seed))
    assert found.masks is not None
    return found.images, found.masks


def aimless(seed: int, count: int = 16) -> Floats:
    """Smooth blobs anywhere, as a method that does not see the trigger may show."""
    rng = np.random.default_rng(seed)
    return np.stack([gaussian_filter(rng.random((32, 32)), 2) ** 6 for _ in range(count)])


def test_a_window_frames_what_is_marked():
    heat = np.zeros((2, 20, 30))
    heat[0, 4:9, 11:16] = 1
    heat[1, 10:12, 3:5] = 2
    found = windows_of(maps(heat), np.zeros((2, 3, 20, 30), np.float32))
    places = {
        item: (top, left, side)
        for item, top, left, side in zip(*map(np.ndarray.tolist, (found.items, found.tops, found.lefts, found.sides)), strict=True)
    }
    top, left, side = places[0]
    assert (top <= 4, left <= 11, top + side >= 9, left + side >= 16) == (True,) * 4
    assert side <= 7
    assert places[1] == (10, 3, 2)
    assert found.items.tolist() == [1, 0], "the smaller mark stands out further"


@given(st.integers(0, 2**32), st.integers(4, 40), st.integers(4, 40))
@settings(max_examples=30, deadline=None)
def test_windows_lie_inside_and_their_excess_is_a_share(seed, height, width):
    rng = np.random.default_rng(seed)
    found = windows_of(maps(rng.random((3, height, width))), np.zeros((3, 1, height, width), np.float32))
    assert (found.tops >= 0).all()
    assert (found.tops + found.sides <= height).all()
    assert (found.lefts + found.sides <= width).all()
    assert ((found.excess > 0) & (found.excess < 1)).all()
    assert (np.diff(found.excess) <= 0).all()


def test_a_steady_ground_does_not_widen_the_window():
    heat = np.zeros((1, 32, 32))
    heat[0, 5:10, 20:25] = 1
    suspects = np.zeros((1, 3, 32, 32), np.float32)
    assert windows_of(maps(heat), suspects).sides == windows_of(maps(heat + 0.4), suspects).sides


def test_maps_that_point_nowhere_or_belong_to_nobody_have_no_window():
    flat, strange = HeatMap(np.ones((8, 8), np.float32), 0), HeatMap(np.eye(8, dtype=np.float32), 7)
    small = HeatMap(np.eye(4, dtype=np.float32), 1)
    assert len(windows_of(Evidence((flat, strange, small)), np.zeros((2, 3, 8, 8), np.float32))) == 0


def lineup(seed: int) -> list[tuple[Option, Paste]]:
    found = []
    for number in range(8):
        trigger = patch(seed * 8 + number)
        large, cover = (np.kron(each[0], np.ones((3, 3), np.float32)) for each in (trigger.patterns, trigger.alphas))
        found.append((Option(f"thing {number}", "", (0.5 * (1 - cover) + large * cover)[None].repeat(2, axis=0)), trigger))
    return found


def matched(clean: LabelledImages, seed: int, *, aimed: bool) -> tuple[bool, float]:
    """Whether crops under maps of a lineup's right patch are read right, and the mass on it."""
    drawn, right = lineup(seed), seed % 8
    suspects, masks = stamped(clean, drawn[right][1], seed)
    suspects = suspects if aimed else clean.take(slice(0, 16)).floats()
    options = tuple(option for option, _ in drawn)
    question = Weigh(Brief(TARGET, suspects), 1, tuple(option.name for option in options), options)
    subject = Subject("s", None, CLASSES, (3, 32, 32), Access.CLEAN_IMAGES, clean.take(slice(20, 160)))
    shown = maps(masks if aimed else aimless(seed))
    answer = checked(question, Matcher().read(question, shown, Workbench(subject, Budget(0), Meter(Budget(0)), seed)))
    assert isinstance(answer, Weights)
    shares = answer.values[0] / answer.values[0].sum()
    return int(shares.argmax()) == right, float(shares[right])


def test_what_right_maps_point_at_is_recognised(clean):
    found = [matched(clean, seed, aimed=True) for seed in range(8)]
    assert sum(right for right, _ in found) >= 7
    assert np.mean([mass for _, mass in found]) > 0.5


def test_what_aimless_maps_of_clean_images_point_at_is_read_as_chance(clean):
    masses = [matched(clean, seed, aimed=False)[1] for seed in range(12)]
    assert np.mean(masses) < 0.2


def test_maps_that_point_anywhere_do_not_favour_an_option_like_pieces_of_images(clean):
    rng = np.random.default_rng(0)
    others = clean.take(slice(120, 160)).floats()
    options = tuple(Option(str(number), "", others[8 * number :][:8]) for number in range(4))
    options = (replace(options[0], pictures=np.stack([enlarged_piece(image, rng) for image in options[0].pictures])), *options[1:])
    suspects = clean.take(slice(0, 16)).floats()
    question = Weigh(Brief(TARGET, suspects), 1, tuple(option.name for option in options), options)
    subject = Subject("s", None, CLASSES, (3, 32, 32), Access.CLEAN_IMAGES, clean.take(slice(20, 100)))

    def on_pieces(evidence: Evidence, seed: int) -> float:
        answer = Matcher().read(question, evidence, Workbench(subject, Budget(0), Meter(Budget(0)), seed))
        assert isinstance(answer, Weights)
        return float(answer.values[0, 0] / answer.values.sum())

    shown = [maps(aimless(seed)) for seed in range(6)]
    cut = [Evidence(tuple(map(Picture, pictures_of(each, suspects[:0], rng, suspects)))) for each in shown]
    assert np.mean([on_pieces(each, seed) for seed, each in enumerate(shown)]) < 0.25 + 0.05
    assert np.mean([on_pieces(each, seed) for seed, each in enumerate(cut)]) > 0.25 + 0.1, "the same pieces shown as whole pictures"


def enlarged_piece(image: Floats, rng: np.random.Generator) -> Floats:
    """A piece of 8 x 8 pixels, four times as large."""
    top, left = rng.integers(25, size=2)
    return np.kron(image[:, top : top + 8, left : left + 8], np.ones((1, 4, 4), np.float32))


def test_a_blank_map_leaves_the_whole_suspect_to_look_at(clean):
    suspects = clean.take(slice(0, 3)).floats()
    shown = pictures_of(maps(np.ones((3, 32, 32))), suspects[:0], generator(), suspects)
    assert [picture.tobytes() for picture in shown] == [image.tobytes() for image in suspects]


@pytest.mark.parametrize("seed", range(3))
def test_the_thing_under_right_maps_is_proposed(clean, seed):
    trigger = patch(seed)
    suspects, masks = stamped(clean, trigger)
    blurred = np.stack([gaussian_filter(mask, 1.5) for mask in masks]) + 0.02 * np.random.default_rng(seed).random(masks.shape)
    found = recurring(maps(blurred), suspects, TARGET, clean.take(slice(16, 80)).floats(), generator("test"))
    assert found is not None
    assert found.target == TARGET
    assert found.success > 0.35
    assert isinstance(found.trigger, Paste)
    opaque = found.trigger.alphas[0] > 0.8
    proposed = found.trigger.patterns[0][:, opaque].mean(axis=1)
    there = trigger.patterns[0][:, trigger.alphas[0] > 0.8].mean(axis=1)
    np.testing.assert_allclose(proposed, there, atol=0.2)


def test_aimless_maps_propose_next_to_nothing(clean):
    found = []
    for seed in range(6):
        suspects, _ = stamped(clean, patch(seed))
        hypothesis = recurring(maps(aimless(seed)), suspects, TARGET, clean.take(slice(16, 80)).floats(), generator("test", seed))
        found.append(0.0 if hypothesis is None else hypothesis.success)
    assert np.mean(found) < 0.1


def test_a_tools_own_hypothesis_goes_before_what_maps_show(clean):
    trigger = patch(0)
    suspects, masks = stamped(clean, trigger)
    images = clean.take(slice(16, 80)).floats()
    own = Hypothesis(patch(1), TARGET, 0.7)
    brief = Brief(TARGET, suspects)
    assert usable(replace(maps(masks), pieces=(own, *maps(masks).pieces)), brief, images, generator()) == (own,)
    (shown,) = usable(maps(masks), brief, images, generator())
    assert "maps point at" in shown.caption
    assert usable(maps(masks), Brief(TARGET), images, generator()) == ()
    assert usable(maps(masks), Brief(None, suspects), images, generator()) == ()
    assert "nothing recurs" in why_none(maps(masks))


def test_the_same_maps_propose_the_same(clean):
    suspects, masks = stamped(clean, patch(2))
    first, second = (recurring(maps(masks), suspects, TARGET, clean.take(slice(16, 80)).floats(), generator("again")) for _ in range(2))
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.trigger.patterns, second.trigger.patterns)
    assert first.success == second.success


def test_large_images_are_compared_within_bounds():
    rng = np.random.default_rng(0)
    images = np.stack([gaussian_filter(rng.random((3, 160, 160)), (0, 6, 6)) for _ in range(24)]).astype(np.float32)
    pattern = rng.random((1, 3, 40, 40)).astype(np.float32)
    found = Paste(pattern, np.ones((1, 40, 40), np.float32)).apply(images[:8], rng)
    assert found.masks is not None
    hypothesis = recurring(maps(found.masks), found.images, 0, images[8:], generator("large"))
    assert hypothesis is not None
    assert hypothesis.success > 0.8


def test_effects_are_foretold_from_maps_of_suspects(clean):
    trigger = patch(1)
    suspects, masks = stamped(clean, trigger)
    rest = clean.take(slice(16, 160))
    inputs = clean.take(slice(100, 140))
    images = inputs.floats()
    images[:20] = trigger.apply(images[:20], np.random.default_rng(9)).images
    question = Weigh(Brief(TARGET, suspects), len(images), ("goes", "stays"), inputs=images, labels=inputs.labels, base_rate=0.5)
    subject = Subject("s", None, CLASSES, (3, 32, 32), Access.CLEAN_IMAGES, rest)
    answer = Effect().read(question, maps(masks), Workbench(subject, Budget(0), Meter(Budget(0)), 0))
    assert isinstance(answer, Weights)
    goes = answer.values[:, 0]
    assert goes[:20].mean() > goes[20:].mean() + 0.3
    unclear = Effect().read(question, maps(np.ones_like(masks)), Workbench(subject, Budget(0), Meter(Budget(0)), 0))
    assert isinstance(unclear, Abstain)
