"""A lineup's own pictures: which of them serve as references, and which try out how telling a comparison is.

The two never overlap: a picture is always most like itself.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.images import Floats, Ints
from onecurve.core.question import Option
from onecurve.readers.embedder import is_alone
from onecurve.readers.rendering import SIDE, framed

MOST = 6
"""Pictures used of one option at most."""


@final
@dataclass(frozen=True)
class Comparison:
    """References to compare with and trial pictures whose option is known."""

    references: tuple[Floats, ...]
    """Per option: float32 P x 3 x SIDE x SIDE."""
    trials: Floats
    """float32 T x 3 x SIDE x SIDE, T may be 0."""
    right: Ints
    """int64 T; which option a trial shows."""


def comparisons(options: tuple[Option, ...]) -> list[Comparison]:
    """One comparison, or two whose references and trials change places.

    Where every option has pictures of the thing alone on a plain ground, these are the references and the others the
    trials. Otherwise all pictures of an option are of one kind, and every second one takes turns.
    """
    framed_pictures = [np.stack([framed(picture) for picture in option.pictures[:MOST]]) for option in options]
    alone = [np.array([is_alone(picture) for picture in pictures]) for pictures in framed_pictures]
    if all(each.any() for each in alone) and not all(each.all() for each in alone):
        return [_comparison(framed_pictures, alone)]
    if min(len(pictures) for pictures in framed_pictures) < 2:
        return [_comparison(framed_pictures, [np.ones(len(pictures), bool) for pictures in framed_pictures])]
    odd = [np.arange(len(pictures)) % 2 == 1 for pictures in framed_pictures]
    return [_comparison(framed_pictures, odd), _comparison(framed_pictures, [~each for each in odd])]


def _comparison(pictures: list[Floats], chosen: list[np.ndarray]) -> Comparison:
    references = tuple(each[mask] for each, mask in zip(pictures, chosen, strict=True))
    rest = [each[~mask] for each, mask in zip(pictures, chosen, strict=True)]
    right = np.repeat(np.arange(len(pictures)), [len(each) for each in rest])
    return Comparison(references, np.concatenate([np.zeros((0, 3, SIDE, SIDE), np.float32), *rest]), right)
