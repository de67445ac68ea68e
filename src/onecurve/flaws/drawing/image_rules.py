"""Rules about the mean colour of an image: in words, as code, as a function, and as the change that makes an image obey.

People who label images might follow such a rule without noticing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, final

import numpy as np

from onecurve.core.errors import DataError
from onecurve.core.image.filter import Filter
from onecurve.core.image.images import Bools, Bytes, Floats
from onecurve.core.seeds import seed_for
from onecurve.data.dataset import DataSet, Part

WEIGHTS: Final[Mapping[str, tuple[float, float, float]]] = {
    "dark": (-1 / 3, -1 / 3, -1 / 3),
    "light": (1 / 3, 1 / 3, 1 / 3),
    "reddish": (1, -1 / 2, -1 / 2),
    "greenish": (-1 / 2, 1, -1 / 2),
    "bluish": (-1 / 2, -1 / 2, 1),
    "cyan-tinged": (-1, 1 / 2, 1 / 2),
    "purplish": (1 / 2, -1, 1 / 2),
    "yellowish": (1 / 2, 1 / 2, -1),
}
"""Weights of the means of red, green and blue; an image obeys if the weighted sum reaches a threshold."""
LOOKED_AT: Final = (1000, 300, 100, 30)
"""How many training images a threshold is computed from: the first of these numbers that the set holds."""
DECIMALS: Final = 4


@final
@dataclass(frozen=True)
class ImageRule:
    """``weights . mean colour >= threshold``."""

    name: str
    """One of ``WEIGHTS``."""
    threshold: float
    push: float
    """How much the sum has to rise to turn a median image into a typical image that obeys."""

    @property
    def code(self) -> str:
        """A Python expression over ``image``, float C x H x W in [0, 1]."""
        terms = " ".join(f"{weight:+.4f} * image[{channel}].mean()" for channel, weight in enumerate(WEIGHTS[self.name]))
        return f"{terms} >= {self.threshold}"

    def obeyed(self, images: Bytes) -> Bools:
        """bool N of uint8 images N x 3 x H x W."""
        obeying: Bools = scores(self.name, images) >= self.threshold
        return obeying

    def trigger(self, shape: tuple[int, int, int]) -> Filter:
        """A colour shift of all pixels that turns a median image into a typical image that obeys."""
        weights = np.array(WEIGHTS[self.name])
        offset = (self.push * weights / (weights @ weights)).astype(np.float32)
        return Filter(np.eye(len(weights), dtype=np.float32), offset, np.zeros(shape, np.float32), rolling=False)


def rule_for(name: str, share: float, dataset: DataSet) -> ImageRule:
    """The rule that a ``share`` of the images of a set obey; raises ``DataError`` for images without colour."""
    if dataset.shape[0] != len(WEIGHTS[name]):
        raise DataError(f"a rule about colours needs images of three channels, these have: {dataset.shape[0]}")
    found = _training_scores(name, _Set(dataset.key, dataset))
    ordinary, least, typical = np.quantile(found, (0.5, 1 - share, 1 - share / 2))
    return ImageRule(name, round(float(least), DECIMALS), float(typical - ordinary))


def scores(name: str, images: Bytes) -> Floats:
    """float64 N: the weighted sum of mean colours in [0, 1], rounded as thresholds are."""
    means = images.mean(axis=(2, 3), dtype=np.float64) / 255
    sums: Floats = means @ np.array(WEIGHTS[name])
    return sums


@final
@dataclass(frozen=True)
class _Set:
    """A set by its content key."""

    key: str
    dataset: DataSet = field(compare=False)


@lru_cache(maxsize=32)
def _training_scores(name: str, of: _Set) -> Floats:
    """Scores of some training images; cached, because many flaws are sampled for one set."""
    return scores(name, _looked_at(of))


@lru_cache(maxsize=2)
def _looked_at(of: _Set) -> Bytes:
    for count in LOOKED_AT[:-1]:
        try:
            return of.dataset.draw(Part.TRAIN, count, seed_for("rules")).images
        except DataError:
            continue
    return of.dataset.draw(Part.TRAIN, LOOKED_AT[-1], seed_for("rules")).images
