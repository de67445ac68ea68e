"""Evidence is small enough to be looked at, and too small for a network to travel in."""

import numpy as np
import pytest

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError
from onecurve.core.evidence import ClassScores, DataRows, Evidence, HeatMap, Hypothesis, Picture, SliceHypothesis, Text, Units
from onecurve.core.evidence_limits import require_within_limits
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
    (picture(16, 16),) * 64,
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
