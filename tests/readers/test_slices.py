"""Slices of inputs read where the right answer is known: clean images that hold a sprite, and a rule about colour."""

from dataclasses import replace

import numpy as np
import pytest

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Weights, checked
from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError, SpecError
from onecurve.core.evidence import DataRows, Evidence, Hypothesis, Piece, SliceHypothesis, Text
from onecurve.core.image.images import LabelledImages, as_bytes
from onecurve.core.image.paste import Paste
from onecurve.core.image.predicate import ColourRule, NoneOf, Resembles
from onecurve.core.question import Brief, Option, Rebuild, Weigh
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part
from onecurve.data.sprites import draw_sprite
from onecurve.readers.data_rows.slices import Slices
from onecurve.readers.triggers.effect import Effect

THINGS = (("star", (0.9, 0.2, 0.1)), ("heart", (0.1, 0.8, 0.2)), ("bolt", (0.2, 0.3, 0.9)), ("diamond", (0.9, 0.8, 0.1)))
CLASSES = tuple("0123456789")
TARGET = 3
EACH = 10
"""Clean images that hold each thing; the rest hold none."""


def sprites(thing: int, side: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    shape, fill = THINGS[thing]
    drawn = [draw_sprite(shape, side, np.random.default_rng(seed), fill=fill) for seed in range(count)]
    return np.stack([pattern for pattern, _ in drawn]), np.stack([alpha for _, alpha in drawn])


@pytest.fixture(scope="module")
def clean() -> LabelledImages:
    """Rows 0..9 hold the first thing, 10..19 the second, and so on; 40..119 hold none."""
    images = open_data("digits[clutter=0.0]").draw(Part.CLEAN, 120, 0)
    floats = images.floats()
    for thing in range(len(THINGS)):
        rows = slice(EACH * thing, EACH * (thing + 1))
        floats[rows] = Paste(*sprites(thing, 10, 6)).apply(floats[rows], np.random.default_rng(thing)).images
    return replace(images, images=as_bytes(floats))


def options() -> tuple[Option, ...]:
    found = []
    for thing, (name, _) in enumerate(THINGS):
        patterns, alphas = sprites(thing, 32, 4)
        found.append(Option(name, name, (0.5 + alphas[:, None] * (patterns - 0.5)).astype(np.float32)))
    return tuple(found)


def lineup() -> Weigh:
    return Weigh(Brief(target=TARGET), 1, tuple(name for name, _ in THINGS), options())


def workbench(clean: LabelledImages | None) -> Workbench:
    subject = Subject("s", None, CLASSES, (3, 32, 32), Access.CLEAN_IMAGES, clean)
    return Workbench(subject, Budget(0), Meter(Budget(0)), 0)


def rows(numbers: range | list[int], scores: list[float] | None = None) -> DataRows:
    chosen = np.array(list(numbers), np.int64)
    return DataRows(chosen, np.ones(len(chosen), np.float32) if scores is None else np.array(scores, np.float32))


def shares(clean: LabelledImages, *pieces: Piece) -> np.ndarray:
    answer = checked(lineup(), Slices().read(lineup(), Evidence(pieces), workbench(clean)))
    assert isinstance(answer, Weights)
    return answer.values[0]


@pytest.mark.parametrize("thing", range(len(THINGS)))
def test_the_thing_that_the_rows_share_gets_most_of_the_mass(clean: LabelledImages, thing: int) -> None:
    found = shares(clean, rows(range(EACH * thing, EACH * (thing + 1))))
    assert found.argmax() == thing
    assert found[thing] > 0.6


def test_rows_that_share_nothing_name_nothing(clean: LabelledImages) -> None:
    found = [shares(clean, rows(range(first, first + 8))) for first in range(40, 112, 12)]
    assert np.mean(found, axis=0).max() < 0.5


def test_scores_weigh_the_rows(clean: LabelledImages) -> None:
    both = [*range(4), *range(10, 14)]
    first = shares(clean, rows(both, [9.0] * 4 + [1.0] * 4))
    second = shares(clean, rows(both, [1.0] * 4 + [9.0] * 4))
    assert first.argmax() == 0
    assert second.argmax() == 1


def test_log_probabilities_weigh_rows_by_their_distance_from_the_lowest(clean: LabelledImages) -> None:
    both = [*range(4), *range(10, 14)]
    assert shares(clean, rows(both, [-0.1] * 4 + [-9.0] * 4)).argmax() == 0
    assert np.array_equal(shares(clean, rows(range(4), [-2.0] * 4)), shares(clean, rows(range(4))))


def test_the_other_clean_images_are_the_null(clean: LabelledImages) -> None:
    # Stars are everywhere else too, so stars in the rows say little.
    stars = clean.take(np.concatenate([np.arange(8), np.tile(np.arange(8, 10), 20)]))
    assert shares(stars, rows(range(8)))[0] < shares(clean, rows(range(8)))[0] - 0.2


def test_a_slice_points_at_the_clean_images_on_which_it_holds(clean: LabelledImages) -> None:
    like_first = SliceHypothesis(Resembles(clean.take(slice(0, EACH)).floats(), 0.999), TARGET, 0.8)
    assert np.allclose(shares(clean, like_first), shares(clean, rows(range(EACH))))


def test_rows_that_do_not_exist_are_left_out_and_no_row_is_an_abstention(clean: LabelledImages) -> None:
    assert np.array_equal(shares(clean, rows([0, 1, 2, 3, -1, 500])), shares(clean, rows(range(4))))
    everywhere = SliceHypothesis(NoneOf((ColourRule(np.ones(3, np.float32), 99.0),)), TARGET, 1.0)
    for pieces in ((), (rows([500]),), (Text("a star"),), (everywhere,)):
        answer = Slices().read(lineup(), Evidence(pieces), workbench(clean))
        assert isinstance(answer, Abstain)
        assert "no clean image" in answer.reason


RED = ColourRule(np.array([1.0, -1.0, 0.0], np.float32), 0.3)


def reddened(clean: LabelledImages) -> tuple[np.ndarray, np.ndarray]:
    """Twenty inputs of classes other than the target, every second one red."""
    inputs = clean.take(np.flatnonzero(clean.labels != TARGET)[-20:])
    floats = inputs.floats()
    floats[::2, 0], floats[::2, 1] = 0.9, 0.3
    return floats, inputs.labels


def outcomes(reader: Slices | Effect, clean: LabelledImages, *pieces: Piece, target: int | None = TARGET) -> Weights | Abstain:
    images, labels = reddened(clean)
    question = Weigh(Brief(target=target), len(images), ("goes", "stays"), inputs=images, labels=labels, base_rate=0.5)
    answer = checked(question, reader.read(question, Evidence(pieces), workbench(clean)))
    assert isinstance(answer, Weights | Abstain)
    return answer


def goes(answer: Weights | Abstain) -> np.ndarray:
    assert isinstance(answer, Weights)
    assert np.allclose(answer.values.sum(axis=1), 1, atol=1e-5)
    return answer.values[:, 0]


@pytest.mark.parametrize("reader", [Slices(), Effect()])
def test_inputs_of_the_slice_go_where_it_says_as_far_as_it_works(reader: Slices | Effect, clean: LabelledImages) -> None:
    sure, less = (outcomes(reader, clean, SliceHypothesis(RED, TARGET, success)) for success in (1.0, 0.6))
    assert (goes(sure)[::2] > 0.9).all()
    assert (goes(sure)[1::2] < 0.1).all()
    assert np.allclose(goes(less) - 0.5, 0.6 * (goes(sure) - 0.5), atol=1e-5)
    assert isinstance(sure, Weights)
    assert "10 of 20" in sure.note


@pytest.mark.parametrize("reader", [Slices(), Effect()])
def test_a_slice_that_is_as_common_among_clean_images_says_little(reader: Slices | Effect, clean: LabelledImages) -> None:
    anyhow = ColourRule(np.array([1.0, 0.0, 0.0], np.float32), float(np.median(clean.floats()[:, 0].mean(axis=(1, 2)))))
    images = clean.take(np.arange(40)).floats()
    question = Weigh(Brief(target=TARGET), 40, ("goes", "stays"), inputs=images, labels=clean.labels[:40], base_rate=0.5)
    answer = checked(question, reader.read(question, Evidence((SliceHypothesis(anyhow, TARGET, 1.0),)), workbench(clean)))
    assert isinstance(answer, Weights)
    assert np.abs(goes(answer) - 0.5).max() < 0.1


@pytest.mark.parametrize("reader", [Slices(), Effect()])
def test_slices_for_the_told_target_come_before_others(reader: Slices | Effect, clean: LabelledImages) -> None:
    other, ours = SliceHypothesis(RED, 5, 0.9), SliceHypothesis(RED, TARGET, 0.5)
    both, alone = (goes(outcomes(reader, clean, *pieces)) for pieces in ((other, ours), (ours,)))
    assert np.array_equal(both, alone)
    assert (goes(outcomes(reader, clean, other))[::2] > 0.85).all()


def test_an_effect_reader_takes_triggers_and_slices_together(clean: LabelledImages) -> None:
    trigger = Hypothesis(Paste(*sprites(0, 10, 6)), 7, 1.0)
    answer = outcomes(Effect(), clean, trigger, SliceHypothesis(RED, TARGET, 0.6), target=None)
    assert (goes(answer)[::2] > 0.7).all()
    assert isinstance(answer, Weights)
    assert "hypothesis 1" in answer.note
    assert "slice" in answer.note


def test_an_effect_reader_needs_few_clean_images_for_slices_alone(clean: LabelledImages) -> None:
    images, labels = reddened(clean)
    question = Weigh(Brief(target=TARGET), len(images), ("goes", "stays"), inputs=images, labels=labels)
    few = workbench(clean.take(slice(0, 4)))
    assert isinstance(Effect().read(question, Evidence((SliceHypothesis(RED, TARGET, 0.9),)), few), Weights)
    assert isinstance(Effect().read(question, Evidence(), few), Abstain)


@pytest.mark.parametrize("reader", [Slices(), Effect()])
def test_slices_that_cannot_be_applied_are_no_slices(reader: Slices | Effect, clean: LabelledImages) -> None:
    grey = SliceHypothesis(ColourRule(np.ones(1, np.float32), 0.5), TARGET, 0.9)
    elsewhere = SliceHypothesis(RED, len(CLASSES), 0.9)
    for pieces in ((), (grey,), (elsewhere,), (rows(range(4)),)):
        assert isinstance(outcomes(reader, clean, *pieces), Abstain)


def test_other_questions_are_refused(clean: LabelledImages) -> None:
    for question in (Rebuild(Brief()), Weigh(Brief(), 1, (*CLASSES, "none"))):
        with pytest.raises(AnswerError, match="another form"):
            Slices().read(question, Evidence((rows(range(4)),)), workbench(clean))
    images, _ = reddened(clean)
    with pytest.raises(AnswerError, match="labels"):
        Slices().read(Weigh(Brief(), len(images), CLASSES, inputs=images), Evidence(), workbench(clean))
    with pytest.raises(SpecError, match="sharpness"):
        Slices(sharpness=0)
