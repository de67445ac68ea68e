"""A lineup's own pictures: which serve as references, and which test how well a comparison tells the options apart.

The two do not overlap, because a picture is always most similar to itself.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.image.images import Bools, Floats, Ints
from onecurve.core.question import Option
from onecurve.readers.machinery.objects import is_alone
from onecurve.readers.machinery.rendering import framed

MOST = 6
"""Pictures used of one option at most."""


@final
@dataclass(frozen=True)
class Comparison:
    """References to compare with and trial pictures whose option is known."""

    references: tuple[Floats, ...]
    """Per option: float32 P x 3 x SIDE x SIDE."""
    trials: Ints
    """int64 T, T may be 0: which of all options' pictures, one option after the other, are trials."""
    right: Ints
    """int64 T; which option a trial shows."""


@final
@dataclass(frozen=True)
class Lineup:
    """All pictures of all options, framed, and the comparisons to make."""

    pictures: Floats
    """float32 (O P) x 3 x SIDE x SIDE, one option after the other."""
    comparisons: tuple[Comparison, ...]


def lineup_of(options: tuple[Option, ...]) -> Lineup:
    """One comparison, or two whose references and trials change places.

    Where some places of the rows show the thing alone on a plain ground in every option and others do not, the former
    are the references and the latter the trials. Otherwise the pictures are of one kind, and every second one takes turns.
    """
    least = min(MOST, *(len(option.pictures) for option in options))
    pictures = np.stack([[framed(picture) for picture in option.pictures[:least]] for option in options])
    alone: Bools = np.all([[is_alone(picture) for picture in each] for each in pictures], axis=0)
    return Lineup(pictures.reshape(-1, *pictures.shape[2:]), tuple(_comparison(pictures, each) for each in _turns(alone)))


def _turns(alone: Bools) -> list[Bools]:
    """Per comparison, which places of the rows are references."""
    if alone.any() and not alone.all():
        return [alone]
    odd = np.arange(len(alone)) % 2 == 1
    return [~odd] if len(alone) < 2 else [odd, ~odd]


def _comparison(pictures: Floats, chosen: Bools) -> Comparison:
    options, each = pictures.shape[:2]
    trials = np.arange(options * each).reshape(options, each)[:, ~chosen]
    right = np.repeat(np.arange(options), trials.shape[1])
    return Comparison(tuple(pictures[:, chosen]), trials.reshape(-1), right)
