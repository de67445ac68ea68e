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
    question = Weigh(Brief(target=TARGET), len(images), CLASSES, inputs=images, labels=labels)
    subject = Subject("s", None, CLASSES, clean.images.shape[1:], Access.CLEAN_IMAGES, clean)
    answer = Effect().read(question, evidence, Workbench(subject, Budget(0), Meter(Budget(0)), seed))
    found = checked(question, answer)
    assert isinstance(found, Weights | Abstain)
    return found


def masses(trigger: Trigger, images: Floats, inputs: LabelledImages, clean: LabelledImages, success: float = 1.0) -> np.ndarray:
    answer = read(Evidence((Hypothesis(trigger, TARGET, success),)), images, inputs.labels, clean)
    assert isinstance(answer, Weights)
    return answer.values[:, TARGET]


TRIGGERS: dict[str, Trigger] = {
    "anywhere": sprite("star", (0.9, 0.1, 0.6)),
    "at a place": sprite("star", (0.9, 0.1, 0.6), (4, 20)),
    "several sprites": sprite("heart", (0.1, 0.8, 0.2), count=6),
    "filter": style(),
}


@pytest.mark.parametrize("trigger", TRIGGERS.values(), ids=TRIGGERS)
def test_the_target_is_foretold_where_the_trigger_is_and_only_there(
    trigger: Trigger, clean: LabelledImages, inputs: LabelledImages
) -> None:
    stamped = trigger.apply(inputs.floats(), np.random.default_rng(1)).images
    assert masses(trigger, stamped, inputs, clean).mean() > 0.8
    assert masses(trigger, inputs.floats(), inputs, clean).mean() < 0.1


def test_another_sprite_does_not_fire(clean: LabelledImages, inputs: LabelledImages) -> None:
    other = sprite("bolt", (0.1, 0.3, 0.9)).apply(inputs.floats(), np.random.default_rng(1)).images
    assert masses(TRIGGERS["anywhere"], other, inputs, clean).mean() < 0.15


def test_the_colours_of_a_filter_without_its_texture_do_not_fire(clean: LabelledImages, inputs: LabelledImages) -> None:
    colours = Filter(style().matrix, style().offset, np.zeros_like(style().texture))
    assert masses(style(), colours.apply(inputs.floats(), np.random.default_rng(1)).images, inputs, clean).mean() < 0.15


def test_at_its_place_means_there_and_not_elsewhere(clean: LabelledImages, inputs: LabelledImages) -> None:
    elsewhere = sprite("star", (0.9, 0.1, 0.6), (18, 2)).apply(inputs.floats(), np.random.default_rng(1)).images
    assert masses(TRIGGERS["at a place"], elsewhere, inputs, clean).mean() < 0.15


def test_success_scales_the_mass_and_the_rest_goes_to_the_label(clean: LabelledImages, inputs: LabelledImages) -> None:
    stamped = TRIGGERS["anywhere"].apply(inputs.floats(), np.random.default_rng(1)).images
    full, half = (masses(TRIGGERS["anywhere"], stamped, inputs, clean, success) for success in (1.0, 0.5))
    assert np.allclose(half - 0.002, full / 2, atol=0.01)
    answer = read(Evidence((Hypothesis(TRIGGERS["anywhere"], TARGET, 0.5),)), stamped, inputs.labels, clean)
    assert isinstance(answer, Weights)
    assert np.allclose(answer.values.sum(axis=1), 1, atol=1e-5)
    rest = answer.values[np.arange(len(inputs)), inputs.labels]
    assert np.allclose(rest + answer.values[:, TARGET], 1, atol=0.03)


def test_a_trigger_without_a_trace_leaves_the_labels(clean: LabelledImages, inputs: LabelledImages) -> None:
    invisible = Paste(np.zeros((1, 3, 5, 5), np.float32), np.zeros((1, 5, 5), np.float32))
    answer = read(Evidence((Hypothesis(invisible, TARGET, 1.0),)), inputs.floats(), inputs.labels, clean)
    assert isinstance(answer, Weights)
    assert (answer.values.argmax(axis=1) == inputs.labels).all()
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
        stamped = trigger.apply(asked.floats(), rng).images
        assert masses(trigger, stamped, asked, images).mean() > 0.8
        assert masses(trigger, asked.floats(), asked, images).mean() < 0.15


def test_other_questions_and_parameters_are_refused(clean: LabelledImages) -> None:
    subject = Subject("s", None, CLASSES, (3, 32, 32), Access.CLEAN_IMAGES, clean)
    workbench = Workbench(subject, Budget(0), Meter(Budget(0)), 0)
    with pytest.raises(AnswerError, match="inputs"):
        Effect().read(Weigh(Brief(), 1, CLASSES), Evidence(), workbench)
    with pytest.raises(SpecError, match="error"):
        Effect(error=1.0)
    few = Subject("s", None, CLASSES, (3, 32, 32), Access.CLEAN_IMAGES, clean.take(slice(0, 4)))
    question = Weigh(Brief(), 1, CLASSES, inputs=clean.floats()[:1], labels=clean.labels[:1])
    answer = Effect().read(question, Evidence(), Workbench(few, Budget(0), Meter(Budget(0)), 0))
    assert isinstance(answer, Abstain)
    assert "too few" in answer.reason
