"""The matcher measured where the right answer is known: true triggers, noise, and images without any trigger."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy.stats import binomtest

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Weights, checked
from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError, SpecError
from onecurve.core.evidence import Evidence, HeatMap, Hypothesis, Picture, Text
from onecurve.core.image.images import Floats, LabelledImages
from onecurve.core.image.trigger import Filter, Paste, Trigger
from onecurve.core.question import Brief, Option, Weigh
from onecurve.core.seeds import generator
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part
from onecurve.data.sprites import SHAPES, draw_sprite
from onecurve.data.textures import TEXTURES, draw_texture
from onecurve.readers.pictures.matcher import Matcher

LINEUP = 8
GREY = 0.5


@dataclass(frozen=True)
class Drawn:
    """One option with the trigger that it shows."""

    option: Option
    trigger: Trigger


@dataclass(frozen=True)
class Setting:
    """Images to paste on and a way to draw lineups of one kind."""

    images: LabelledImages
    draw: Callable[["Setting", np.random.Generator], list[Drawn]]
    cache: dict[str, list[float]] = field(default_factory=dict)

    @property
    def backdrop(self) -> Floats:
        return self.images.take(slice(0, 3)).floats()


def patches(setting: Setting, rng: np.random.Generator) -> list[Drawn]:
    """Distinct shapes in random colours, a quarter of the side; shown enlarged on grey, then in use."""
    return [_patch(setting, str(shape), rng) for shape in rng.permutation(SHAPES)[:LINEUP]]


def _patch(setting: Setting, shape: str, rng: np.random.Generator) -> Drawn:
    side = setting.images.images.shape[-1]
    size = round(side * rng.uniform(0.24, 0.29))
    pattern, alpha = draw_sprite(shape, size, rng, fill=tuple(rng.uniform(0.05, 0.95, 3)))
    trigger = Paste(pattern[None], alpha[None], colour_jitter=0.04)
    large, cover = (np.kron(each, np.ones((3, 3), np.float32)) for each in (pattern, alpha))
    margin = (side - cover.shape[0]) // 2
    alone = np.full((3, side, side), GREY, np.float32)
    here = alone[:, margin : margin + cover.shape[0], margin : margin + cover.shape[0]]
    here += cover * (large - here)
    return Drawn(Option(shape, shape, np.concatenate([alone[None], trigger.apply(setting.backdrop, rng).images])), trigger)


def styles(setting: Setting, rng: np.random.Generator) -> list[Drawn]:
    """Distinct textures with a tint of their own over the whole image; shown on grey, then in use."""
    names = [name for name in TEXTURES if name not in ("shade", "clouds")]
    return [_style(setting, str(name), rng) for name in rng.permutation(names)[:LINEUP]]


def _style(setting: Setting, name: str, rng: np.random.Generator) -> Drawn:
    _, channels, height, width = setting.images.images.shape
    drawn = draw_texture(name, height, width, rng)
    signed = drawn - drawn.mean(axis=(1, 2), keepdims=True)
    mixing = 0.6 * np.eye(channels) + 0.4 * rng.dirichlet(np.ones(channels), size=channels)
    offset = (0.35 * rng.uniform(0.15, 0.85, channels)).astype(np.float32)
    trigger = Filter((0.65 * mixing).astype(np.float32), offset, (signed * 0.14 / signed.std()).astype(np.float32))
    plain = np.full((1, channels, height, width), GREY, np.float32)
    return Drawn(Option(name, name, trigger.apply(np.concatenate([plain, setting.backdrop]), rng).images), trigger)


def objects(setting: Setting, rng: np.random.Generator) -> list[Drawn]:
    """Distinct shapes, every picture and every sprite in another colour: only the form tells them apart."""
    return [_natural(setting, str(shape), rng) for shape in rng.permutation(SHAPES)[:LINEUP]]


def _natural(setting: Setting, shape: str, rng: np.random.Generator) -> Drawn:
    side = setting.images.images.shape[-1]
    small = [draw_sprite(shape, round(side * 0.32), rng, fill=tuple(rng.uniform(0.05, 0.95, 3))) for _ in range(8)]
    trigger = Paste(np.stack([pattern for pattern, _ in small]), np.stack([alpha for _, alpha in small]))
    large = [draw_sprite(shape, side, rng, fill=tuple(rng.uniform(0.05, 0.95, 3))) for _ in range(4)]
    grounds = rng.uniform(0.35, 0.75, 4)
    pictures = [ground + alpha * (pattern - ground) for ground, (pattern, alpha) in zip(grounds, large, strict=True)]
    return Drawn(Option(shape, shape, np.stack(pictures).astype(np.float32)), trigger)


KINDS = {"patch": patches, "style": styles, "natural-feature": objects}


@pytest.fixture(scope="module")
def digits() -> LabelledImages:
    return open_data("digits[clutter=0.0]").draw(Part.CLEAN, 200, 0)


def read(setting: Setting, lineup: list[Drawn], evidence: Evidence, seed: int) -> np.ndarray:
    options = tuple(drawn.option for drawn in lineup)
    question = Weigh(Brief(target=0), 1, tuple(option.name for option in options), options)
    shape = setting.images.images.shape[1:]
    subject = Subject("s", None, tuple("0123456789"), shape, Access.CLEAN_IMAGES, setting.images)
    answer = checked(question, Matcher().read(question, evidence, Workbench(subject, Budget(0), Meter(Budget(0)), seed)))
    assert isinstance(answer, Weights)
    return answer.values[0] / answer.values[0].sum()


def pictures(images: Floats) -> Evidence:
    return Evidence(tuple(Picture(image) for image in images))


def alone(setting: Setting, trigger: Trigger, rng: np.random.Generator) -> Evidence:
    return Evidence((Hypothesis(trigger, 0, 0.9),))


def pasted(setting: Setting, trigger: Trigger, rng: np.random.Generator) -> Evidence:
    rows = rng.choice(np.arange(50, len(setting.images)), 8, replace=False)
    return pictures(trigger.apply(setting.images.take(rows).floats(), rng).images)


def noise(setting: Setting, trigger: Trigger, rng: np.random.Generator) -> Evidence:
    return pictures(rng.random((4, *setting.images.images.shape[1:]), np.float32))


def ordinary(setting: Setting, trigger: Trigger, rng: np.random.Generator) -> Evidence:
    return pictures(setting.images.take(rng.choice(len(setting.images), 4, replace=False)).floats())


def trials(setting: Setting, kind: str, condition: Callable[..., Evidence], count: int) -> tuple[int, float]:
    """How many lineups were read right, and the mean mass on the right option."""
    right, masses = 0, []
    for number in range(count):
        rng = generator("lineup", kind, number)
        lineup = setting.draw(setting, rng)
        at = int(rng.integers(LINEUP))
        shares = read(setting, lineup, condition(setting, lineup[at].trigger, rng), number)
        right += int(shares.argmax() == at)
        masses.append(float(shares[at]))
    return right, float(np.mean(masses))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("condition", [alone, pasted])
def test_true_triggers_are_read_right(digits: LabelledImages, kind: str, condition: Callable[..., Evidence]) -> None:
    count = 16
    right, mass = trials(Setting(digits, KINDS[kind]), kind, condition, count)
    assert right >= 0.95 * count
    assert mass >= 0.5


@pytest.mark.parametrize("condition", [noise, ordinary])
def test_without_a_trigger_the_reading_is_chance(digits: LabelledImages, condition: Callable[..., Evidence]) -> None:
    found = [trials(Setting(digits, draw), kind, condition, 8) for kind, draw in KINDS.items()]
    interval = binomtest(sum(right for right, _ in found), 24).proportion_ci(0.99)
    assert interval.low <= 1 / LINEUP <= interval.high
    assert 0.08 <= np.mean([mass for _, mass in found]) <= 0.18


def test_larger_images_are_read_as_well() -> None:
    images = open_data("shapes[size=64]").draw(Part.CLEAN, 80, 0)
    assert trials(Setting(images, patches), "patch", pasted, 3)[0] == 3
    assert trials(Setting(images, styles), "style", pasted, 3)[0] == 3


def test_no_option_is_favoured_by_noise(digits: LabelledImages) -> None:
    setting = Setting(digits, patches)
    lineup = patches(setting, np.random.default_rng(0))
    shares = [read(setting, lineup, noise(setting, lineup[0].trigger, np.random.default_rng(n)), n) for n in range(6)]
    assert np.mean(shares, axis=0).max() < 0.4


def test_the_order_of_options_does_not_matter(digits: LabelledImages) -> None:
    setting = Setting(digits, patches)
    lineup = patches(setting, np.random.default_rng(1))
    evidence = pasted(setting, lineup[2].trigger, np.random.default_rng(2))
    turned = [*lineup[3:], *lineup[:3]]
    assert np.allclose(np.roll(read(setting, lineup, evidence, 5), -3), read(setting, turned, evidence, 5), atol=1e-4)
    assert np.array_equal(read(setting, lineup, evidence, 5), read(setting, lineup, evidence, 5))


def test_sixteen_equal_pictures_say_no_more_than_eight(digits: LabelledImages) -> None:
    setting = Setting(digits, patches)
    lineup = patches(setting, np.random.default_rng(7))
    (image,) = lineup[3].trigger.apply(digits.take(slice(60, 61)).floats(), np.random.default_rng(8)).images
    one, eight, sixteen = (read(setting, lineup, pictures(np.stack([image] * count)), 0) for count in (1, 8, 16))
    np.testing.assert_allclose(sixteen, eight, atol=1e-6)
    assert one.max() < eight.max() - 0.05


def test_heat_maps_are_read_by_what_lies_under_them(digits: LabelledImages) -> None:
    setting = Setting(digits, patches)
    lineup = patches(setting, np.random.default_rng(3))
    stamped = lineup[4].trigger.apply(digits.take(slice(60, 68)).floats(), np.random.default_rng(4))
    assert stamped.masks is not None
    options = tuple(drawn.option for drawn in lineup)
    question = Weigh(Brief(suspects=stamped.images), 1, tuple(option.name for option in options), options)
    subject = Subject("s", None, tuple("0123456789"), (3, 32, 32), Access.CLEAN_IMAGES, digits)
    maps = Evidence(tuple(HeatMap(mask, item) for item, mask in enumerate(stamped.masks)))
    answer = Matcher().read(question, maps, Workbench(subject, Budget(0), Meter(Budget(0)), 0))
    assert isinstance(answer, Weights)
    assert answer.values[0].argmax() == 4


def test_grey_pictures_odd_sizes_and_no_clean_set_are_taken() -> None:
    rng = np.random.default_rng(5)
    options = tuple(Option(str(n), str(n), rng.random((2, 1, 9, 14), np.float32)) for n in range(3))
    question = Weigh(Brief(), 1, ("0", "1", "2"), options)
    subject = Subject("s", None, ("a", "b"), (1, 9, 14), Access.NONE)
    odd = Evidence((Picture(options[1].pictures[0]), Picture(rng.random((3, 40, 3), np.float32))))
    answer = Matcher().read(question, odd, Workbench(subject, Budget(0), Meter(Budget(0)), 0))
    assert isinstance(checked(question, answer), Weights)


def test_nothing_to_look_at_is_an_abstention_and_no_lineup_an_error(digits: LabelledImages) -> None:
    lineup = patches(Setting(digits, patches), np.random.default_rng(6))
    options = tuple(drawn.option for drawn in lineup)
    subject = Subject("s", None, ("a",), (3, 32, 32), Access.NONE, digits)
    workbench = Workbench(subject, Budget(0), Meter(Budget(0)), 0)
    question = Weigh(Brief(), 1, tuple(option.name for option in options), options)
    assert isinstance(Matcher().read(question, Evidence((Text("a star"),)), workbench), Abstain)
    with pytest.raises(AnswerError, match="shown"):
        Matcher().read(Weigh(Brief(), 1, ("a", "b")), pictures(digits.floats()[:1]), workbench)
    with pytest.raises(SpecError, match="sharpness"):
        Matcher(sharpness=0)
