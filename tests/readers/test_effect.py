import numpy as np
import pytest

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Weights, checked
from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError, SpecError
from onecurve.core.evidence import Evidence, Hypothesis, Picture
from onecurve.core.image.images import Floats, LabelledImages
from onecurve.core.image.trigger import Filter, Paste, Trigger
from onecurve.core.question import Brief, Weigh
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part
from onecurve.data.sprites import draw_sprite
from onecurve.data.textures import draw_texture
from onecurve.readers.machinery.outcomes import moved
from onecurve.readers.triggers.effect import Effect

TARGET = 3
CLASSES = tuple("0123456789")


@pytest.fixture(scope="module")
def clean() -> LabelledImages:
    return open_data("digits[clutter=0.0]").draw(Part.CLEAN, 200, 0)


@pytest.fixture(scope="module")
def inputs() -> LabelledImages:
    drawn = open_data("digits[clutter=0.0]").draw(Part.HELDOUT, 60, 1)
    return drawn.take(drawn.labels != TARGET)


def sprite(shape: str, fill: tuple[float, float, float], place: tuple[int, int] | None = None, count: int = 1) -> Paste:
    drawn = [draw_sprite(shape, 9, np.random.default_rng(seed), fill=fill) for seed in range(count)]
    return Paste(np.stack([pattern for pattern, _ in drawn]), np.stack([alpha for _, alpha in drawn]), place, 0.03)


def style(channels: int = 3, side: int = 32) -> Filter:
    texture = draw_texture("stripes", side, side, np.random.default_rng(0))[:channels]
    matrix = (0.7 * np.eye(channels)).astype(np.float32)
    return Filter(matrix, np.full(channels, 0.15, np.float32), (0.3 * (texture - texture.mean())).astype(np.float32))


def read(evidence: Evidence, images: Floats, labels: np.ndarray, clean: LabelledImages, seed: int = 0) -> Weights | Abstain:
    question = Weigh(Brief(target=TARGET), len(images), ("goes", "stays"), inputs=images, labels=labels, base_rate=0.5)
    subject = Subject("s", None, CLASSES, clean.images.shape[1:], Access.CLEAN_IMAGES, clean)
    answer = Effect().read(question, evidence, Workbench(subject, Budget(0), Meter(Budget(0)), seed))
    found = checked(question, answer)
    assert isinstance(found, Weights | Abstain)
    return found


def chances(trigger: Trigger, rival: Floats, inputs: LabelledImages, clean: LabelledImages, success: float = 1.0) -> np.ndarray:
    """2 x N: of the inputs with the trigger, and of the rivals that are asked about beside them."""
    stamped = trigger.apply(inputs.floats(), np.random.default_rng(1)).images
    labels = np.concatenate([inputs.labels, inputs.labels])
    answer = read(Evidence((Hypothesis(trigger, TARGET, success),)), np.concatenate([stamped, rival]), labels, clean)
    assert isinstance(answer, Weights)
    assert np.allclose(answer.values.sum(axis=1), 1, atol=1e-5)
    return answer.values[:, 0].reshape(2, -1)


TRIGGERS: dict[str, Trigger] = {
    "anywhere": sprite("star", (0.9, 0.1, 0.6)),
    "at a place": sprite("star", (0.9, 0.1, 0.6), (4, 20)),
    "several sprites": sprite("heart", (0.1, 0.8, 0.2), count=6),
    "filter": style(),
}


@pytest.mark.parametrize("trigger", TRIGGERS.values(), ids=TRIGGERS)
def test_inputs_with_the_trigger_are_told_from_plain_ones(trigger: Trigger, clean: LabelledImages, inputs: LabelledImages) -> None:
    there, not_there = chances(trigger, inputs.floats(), inputs, clean).mean(axis=1)
    assert there > 0.85
    assert not_there < 0.15


def test_another_sprite_is_told_from_the_trigger(clean: LabelledImages, inputs: LabelledImages) -> None:
    other = sprite("bolt", (0.1, 0.3, 0.9)).apply(inputs.floats(), np.random.default_rng(1)).images
    assert chances(TRIGGERS["anywhere"], other, inputs, clean)[1].mean() < 0.15


@pytest.mark.parametrize("name", ["anywhere", "filter"])
def test_half_a_trigger_is_told_from_a_whole_one(name: str, clean: LabelledImages, inputs: LabelledImages) -> None:
    half = TRIGGERS[name].variants()["half"].apply(inputs.floats(), np.random.default_rng(1)).images
    there, not_there = chances(TRIGGERS[name], half, inputs, clean)
    assert (there > not_there).mean() > 0.9


def test_the_colours_of_a_filter_without_its_texture_do_not_fire(clean: LabelledImages, inputs: LabelledImages) -> None:
    colours = Filter(style().matrix, style().offset, np.zeros_like(style().texture))
    rival = colours.apply(inputs.floats(), np.random.default_rng(1)).images
    assert chances(style(), rival, inputs, clean)[1].mean() < 0.15


def test_at_its_place_means_there_and_not_elsewhere(clean: LabelledImages, inputs: LabelledImages) -> None:
    elsewhere = sprite("star", (0.9, 0.1, 0.6), (18, 2)).apply(inputs.floats(), np.random.default_rng(1)).images
    assert chances(TRIGGERS["at a place"], elsewhere, inputs, clean)[1].mean() < 0.15


def test_success_is_how_far_the_answer_leaves_the_base_rate(clean: LabelledImages, inputs: LabelledImages) -> None:
    full, half = (chances(TRIGGERS["anywhere"], inputs.floats(), inputs, clean, success) for success in (1.0, 0.5))
    assert np.allclose(half - 0.5, (full - 0.5) / 2, atol=1e-5)


@pytest.mark.parametrize("trigger", TRIGGERS.values(), ids=TRIGGERS)
def test_a_trigger_that_is_nowhere_moves_the_base_rate_by_little(trigger: Trigger, clean: LabelledImages, inputs: LabelledImages) -> None:
    other = sprite("bolt", (0.1, 0.3, 0.9)).apply(inputs.floats(), np.random.default_rng(1)).images
    images, labels = np.concatenate([inputs.floats(), other]), np.concatenate([inputs.labels, inputs.labels])
    answer = read(Evidence((Hypothesis(trigger, TARGET, 1.0),)), images, labels, clean)
    assert isinstance(answer, Weights)
    assert np.allclose(answer.values, 0.5, atol=0.1 + 1e-6)
    assert answer.values[:, 0].mean() == pytest.approx(0.5, abs=0.02)


def test_a_trigger_without_a_trace_leaves_the_base_rate(clean: LabelledImages, inputs: LabelledImages) -> None:
    invisible = Paste(np.zeros((1, 3, 5, 5), np.float32), np.zeros((1, 5, 5), np.float32))
    answer = read(Evidence((Hypothesis(invisible, TARGET, 1.0),)), inputs.floats(), inputs.labels, clean)
    assert isinstance(answer, Weights)
    assert np.allclose(answer.values, 0.5)
    assert "no trace" in answer.note


def test_without_a_usable_hypothesis_it_abstains(clean: LabelledImages, inputs: LabelledImages) -> None:
    large = Paste(np.zeros((1, 3, 40, 40), np.float32), np.ones((1, 40, 40), np.float32))
    for evidence in (Evidence(), Evidence((Picture(clean.floats()[0]),)), Evidence((Hypothesis(large, TARGET, 1.0),))):
        assert isinstance(read(evidence, inputs.floats(), inputs.labels, clean), Abstain)


def test_hypotheses_for_the_target_come_before_others(clean: LabelledImages, inputs: LabelledImages) -> None:
    ours, other = Hypothesis(TRIGGERS["anywhere"], TARGET, 1.0), Hypothesis(TRIGGERS["anywhere"], 7, 1.0)
    stamped = TRIGGERS["anywhere"].apply(inputs.floats(), np.random.default_rng(1)).images
    both, alone = (read(Evidence(pieces), stamped, inputs.labels, clean) for pieces in ((other, ours), (ours,)))
    assert isinstance(both, Weights)
    assert isinstance(alone, Weights)
    assert np.array_equal(both.values, alone.values)


def test_grey_images_and_larger_ones_are_taken() -> None:
    rng = np.random.default_rng(2)
    for channels, side in ((1, 20), (3, 64)):
        images = LabelledImages(rng.integers(80, 176, (48, channels, side, side), np.uint8), rng.integers(10, size=48))
        pattern = (np.indices((side // 4, side // 4)).sum(axis=0) // 4 % 2).astype(np.float32)
        trigger = Paste(np.repeat(pattern[None], channels, axis=0)[None], np.ones((1, side // 4, side // 4), np.float32))
        asked = images.take(images.labels != TARGET)
        there, not_there = chances(trigger, asked.floats(), asked, images).mean(axis=1)
        assert there > 0.85
        assert not_there < 0.15


def test_other_questions_and_parameters_are_refused(clean: LabelledImages) -> None:
    subject = Subject("s", None, CLASSES, (3, 32, 32), Access.CLEAN_IMAGES, clean)
    workbench = Workbench(subject, Budget(0), Meter(Budget(0)), 0)
    with pytest.raises(AnswerError, match="another form"):
        Effect().read(Weigh(Brief(), 1, CLASSES), Evidence(), workbench)
    with pytest.raises(SpecError, match="doubt"):
        Effect(doubt=1.0)
    few = Subject("s", None, CLASSES, (3, 32, 32), Access.CLEAN_IMAGES, clean.take(slice(0, 4)))
    question = Weigh(Brief(), 1, CLASSES, inputs=clean.floats()[:1], labels=clean.labels[:1])
    answer = Effect().read(question, Evidence(), Workbench(few, Budget(0), Meter(Budget(0)), 0))
    assert isinstance(answer, Abstain)
    assert "too few" in answer.reason


def test_inputs_that_are_nearer_to_a_badly_drawn_trigger_still_come_first() -> None:
    ratios = np.array([-6.0, -9.0, -6.5, -9.5] * 20)
    goes = moved(ratios, 1.0, 0.5)
    assert (np.minimum(goes[0::4], goes[2::4]) > np.maximum(goes[1::4], goes[3::4])).all()
    assert np.abs(goes - 0.5).max() < 0.1
    told = np.array([True, False, True, False] * 20)
    assert 1 - ((goes - told) ** 2).mean() > 0.75 + 0.03


def test_an_order_that_says_nothing_costs_a_hundredth_of_skill_at_most() -> None:
    rng = np.random.default_rng(5)
    losses = []
    for _ in range(300):
        goes = moved(rng.normal(-8, rng.uniform(0.1, 4), 64), 1.0, 0.5)
        losses.append(((goes - rng.permutation(64) % 2) ** 2).mean() - 0.25)
        assert goes.mean() == pytest.approx(0.5, abs=0.01)
    assert 0 <= np.mean(losses) < 0.003


@pytest.mark.parametrize("base_rate", [0.02, 0.1, 0.5, 0.9])
def test_an_order_that_says_nothing_costs_the_same_share_at_every_base_rate(base_rate: float) -> None:
    rng = np.random.default_rng(6)
    losses = []
    for _ in range(100):
        goes = moved(rng.normal(-8, 1, 400), 1.0, base_rate)
        assert goes.mean() == pytest.approx(base_rate, abs=0.01)
        losses.append(((goes - base_rate) ** 2).mean())
    assert np.mean(losses) / (base_rate * (1 - base_rate)) < 0.012


def test_inputs_that_are_all_alike_keep_the_base_rate() -> None:
    assert np.allclose(moved(np.full(64, -9.0), 1.0, 0.3), 0.3)
