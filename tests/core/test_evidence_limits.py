"""Evidence is small enough to be looked at, and too small for a network to travel in."""

import numpy as np
import pytest

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError
from onecurve.core.evidence import (
    Check,
    ClassScores,
    Confusion,
    DataRows,
    Evidence,
    HeatMap,
    Hypothesis,
    Picture,
    SliceHypothesis,
    Text,
    Units,
)
from onecurve.core.evidence_limits import most_bytes, require_within_limits
from onecurve.core.image.images import LabelledImages
from onecurve.core.image.paste import Paste
from onecurve.core.image.predicate import Resembles
from onecurve.core.question import Brief

SHAPE = (3, 16, 16)
CLEAN = LabelledImages(np.zeros((10, *SHAPE), np.uint8), np.zeros(10, np.int64))
SUBJECT = Subject("net", None, ("a", "b"), SHAPE, Access.NONE, CLEAN)
BRIEF = Brief(1, np.zeros((2, *SHAPE), np.float32))


def picture(height, width, channels=3):
    return Picture(np.zeros((channels, height, width), np.float32))


def units(count):
    return Units("conv", np.arange(count), np.ones(count, np.float32))


def paste(side, sprites=1):
    return Hypothesis(Paste(np.zeros((sprites, 3, side, side), np.float32), np.ones((sprites, side, side), np.float32)), 1, 0.5)


ALLOWED = [
    (picture(16, 16),) * 12,
    (picture(4, 4),) * 64,
    (*(paste(16),) * 2, *(picture(16, 16),) * 12),
    (Confusion(np.full((2, 2), 2)),),
    (HeatMap(np.ones((16, 16), np.float32), 0), HeatMap(np.ones((16, 16), np.float32), 1)),
    (Text("x" * 4000),),
    (units(4096),),
    (DataRows(np.arange(10), np.ones(10, np.float32)),),
    (paste(16, sprites=4),),
    (ClassScores(np.ones(2, np.float32)),),
    (),
]
REFUSED = [
    ((picture(1, 94_000, 1),), "a Picture may be at most 16 x 16, as an input is, got: 1 x 94000"),
    ((picture(16, 17),), "a Picture may be at most 16 x 16"),
    ((picture(4, 4),) * 65, "at most 64 pictures, got: 65"),
    ((HeatMap(np.ones((17, 16), np.float32), 0),), "a HeatMap may be at most 16 x 16"),
    (tuple(HeatMap(np.ones((16, 16), np.float32), 0) for _ in range(3)), "at most 2 heat maps, got: 3"),
    ((Text("x" * 3990), Text("", "y" * 11)), "at most 4000 characters of text, got: 4001"),
    ((units(4000), units(97)), "at most 4096 units, got: 4097"),
    ((DataRows(np.zeros(11, np.int64), np.ones(11, np.float32)),), "at most 10 rows of the clean set, got: 11"),
    ((paste(16, sprites=13),), "a Hypothesis may hold at most 16 inputs' worth of numbers"),
    ((SliceHypothesis(Resembles(np.zeros((17, *SHAPE), np.float32), 0.5), 1, 0.5),), "a SliceHypothesis may hold at most 16 inputs'"),
    ((ClassScores(np.ones(2, np.float32)),) * 2, "at most 1 class scores, got: 2"),
    ((picture(16, 16),) * 40, "evidence may hold at most 61440 bytes in all, got: 122880"),
    ((Confusion(np.full((2, 2), 3)),), "a Confusion may count at most the 10 clean images, got: 12"),
    ((Confusion(np.zeros((3, 3), np.int64)),), "a Confusion must be of the network's 2 classes, got: 3"),
    ((Confusion(np.zeros((2, 2), np.int64)),) * 2, "at most 1 confusion matrices, got: 2"),
    ((DataRows(np.arange(2), np.ones(2).astype(object)),), "a DataRows holds an array that is not of numbers"),
]


@pytest.mark.parametrize("pieces", ALLOWED, ids=lambda pieces: str(len(pieces)))
def test_what_a_person_can_look_at_passes(pieces):
    require_within_limits(Evidence(pieces), SUBJECT, BRIEF)


@pytest.mark.parametrize(("pieces", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_is_larger_is_refused_with_the_limit(pieces, message):
    with pytest.raises(AnswerError) as caught:
        require_within_limits(Evidence(pieces), SUBJECT, BRIEF)
    assert message in caught.value.message


def test_without_suspects_there_are_no_heat_maps():
    with pytest.raises(AnswerError, match="at most 0 heat maps"):
        require_within_limits(Evidence((HeatMap(np.ones((4, 4), np.float32), 0),)), SUBJECT, Brief(1))


WEIGHTS = 94_122
"""About as many parameters as the networks of the suite `quick` have, with inputs of 3 x 32 x 32 and ten classes."""
LARGE = (3, 32, 32)
STUDIED = Subject(
    "net", None, tuple("abcdefghij"), LARGE, Access.NONE, LabelledImages(np.zeros((500, *LARGE), np.uint8), np.zeros(500, np.int64))
)


def smuggled():
    """The weights of a network in every kind of piece, by name."""
    weights = np.random.default_rng(0).random(WEIGHTS).astype(np.float32)
    inputs = np.resize(weights, (31, *LARGE))
    sprites = np.resize(weights, (24, 4, 32, 32))
    words = weights.tobytes().hex()
    number = int.from_bytes(weights.tobytes(), "big")
    return {
        "one picture": (Picture(weights[None, None]),),
        "many pictures": tuple(Picture(image) for image in inputs),
        "triggers": tuple(Hypothesis(Paste(half[:, :3], half[:, 3]), 0, 1.0) for half in (sprites[:12], sprites[12:])),
        "examples": tuple(SliceHypothesis(Resembles(part, 0.5), 0, 1.0) for part in (inputs[:16], inputs[15:])),
        "words": (Text(words),),
        "a caption": (Picture(inputs[0], words),),
        "a layer's name": (Units(words, np.arange(1), np.ones(1, np.float32)),),
        "class scores": (ClassScores(weights),),
        "scores of rows": (DataRows(np.arange(1), weights),),
        "weights of units": (Units("conv", np.arange(1), weights),),
        "a class": (Hypothesis(Paste(inputs[:1], np.ones((1, 32, 32), np.float32)), number, 1.0),),
        "counts": (Confusion(np.resize(weights.view(np.uint32).astype(np.int64), (10, 10))),),
    }


@pytest.mark.parametrize("place", smuggled())
def test_the_weights_of_a_small_network_do_not_fit_into_any_kind_of_piece(place):
    with pytest.raises(AnswerError):
        require_within_limits(Evidence(smuggled()[place]), STUDIED, Brief(1))


def test_nor_into_sanity_checks_nor_into_all_pieces_together():
    with pytest.raises(AnswerError, match="at most 4000 bytes of sanity checks"):
        require_within_limits(Evidence((), (Check("sound", 1.0, True, "x" * 4000),)), STUDIED, Brief(1))
    assert most_bytes(STUDIED, Brief(1)) < 4 * WEIGHTS


def test_a_trigger_for_each_class_with_its_pictures_fits():
    triggers = tuple(Hypothesis(Paste(np.zeros((1, *LARGE), np.float32), np.ones((1, 32, 32), np.float32)), at, 0.5) for at in range(10))
    require_within_limits(Evidence((*triggers, *(Picture(np.zeros(LARGE, np.float32), "a caption"),) * 11)), STUDIED, Brief())


@pytest.mark.parametrize(
    ("pieces", "checks"),
    [
        ((5,), ()),
        ([Text("a list")], ()),
        ((Text(b"bytes"),), ()),
        ((Text("words", None),), ()),
        ((), "text"),
        ((), ("text",)),
        ((), (Check("sound", 0.5, "yes"),)),
        ((), (Check(5, 0.5, True),)),
    ],
)
def test_what_is_no_piece_or_no_check_is_refused_when_the_evidence_is_made(pieces, checks):
    with pytest.raises(AnswerError):
        Evidence(pieces, checks)


FLOATS = np.ones(1, np.float32)
NOT_PLAIN = {
    "a suspect by name": lambda: HeatMap(np.ones((2, 2), np.float32), "first"),
    "half a suspect": lambda: HeatMap(np.ones((2, 2), np.float32), 0.5),
    "no trigger": lambda: Hypothesis(None, 1, 0.5),
    "a class by name": lambda: Hypothesis(Paste(np.zeros((1, 3, 2, 2), np.float32), np.ones((1, 2, 2), np.float32)), "b", 0.5),
    "a class of many digits": lambda: Hypothesis(Paste(np.zeros((1, 3, 2, 2), np.float32), np.ones((1, 2, 2), np.float32)), 10**5000, 0.5),
    "no predicate": lambda: SliceHypothesis(None, 1, 0.5),
    "a unit that is not a number": lambda: Units("conv", np.array([np.nan]), FLOATS),
    "a table of units": lambda: Units("conv", np.ones((2, 2), np.int64), FLOATS),
    "no units": lambda: Units("conv", None, FLOATS),
    "one row that is no list": lambda: DataRows(np.array(3), FLOATS),
    "words that no file holds": lambda: Text("\ud800"),
}


@pytest.mark.parametrize("piece", NOT_PLAIN.values(), ids=list(NOT_PLAIN))
def test_what_a_page_could_not_show_is_no_evidence(piece):
    with pytest.raises(AnswerError):
        Evidence((piece(),))
