"""The interface of every data set, whether drawn, bundled or a user's own.

The three parts never share a source (a scan, a crop of a photograph, a file), so the images that are granted to a tool tell nothing
about the images on which it is graded. Never mix up CLEAN and HELDOUT.
"""

from enum import StrEnum
from typing import Protocol, runtime_checkable

from onecurve.core.errors import DataError
from onecurve.core.image.images import Floats, LabelledImages
from onecurve.core.image.trigger import Paste
from onecurve.core.roles import Named


class Part(StrEnum):
    """The part of a data set to which an image belongs: it decides who may see the image."""

    TRAIN = "train"
    """Networks are trained on it."""
    CLEAN = "clean"
    """The small set that the threat model grants to tools."""
    HELDOUT = "heldout"
    """Only the grader sees it."""


@runtime_checkable
class DataSet(Named, Protocol):
    """A source of labelled images of one shape; a frozen dataclass with class-level facts."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name per class, in the order of the labels."""
        ...

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        ...

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the natural features that images may hold; () if the set has none."""
        ...

    @property
    def key(self) -> str:
        """Content key: changes with the parameters and, for a user's own images, with the images."""
        ...

    def held(self, part: Part) -> int | None:
        """How many images that part holds; None if any number can be drawn."""
        ...

    def draw(self, part: Part, count: int, seed: int) -> LabelledImages:
        """``count`` images of that part, determined by part, count and seed; classes are as balanced as possible.

        Raises ``DataError`` if the part holds fewer than ``count``.
        """
        ...

    def cutouts(self, feature: int, count: int, seed: int) -> Paste:
        """Sprites of that natural feature, ready to be pasted on images of this set."""
        ...

    def feature_pictures(self, feature: int, count: int, seed: int) -> Floats:
        """float32 count x C x h x w in [0, 1]: pictures that show the feature to a person."""
        ...


def at_most_held(dataset: DataSet, part: Part, count: int) -> int:
    """``count``, or the number of images in that part if it is smaller."""
    held = dataset.held(part)
    return count if held is None else min(count, held)


def require_count(count: int) -> None:
    """Raises ``DataError`` for a negative count."""
    if count < 0:
        raise DataError(f"a count of images must not be negative, got: {count}")


def require_feature(feature: int, features: tuple[str, ...]) -> None:
    """Raises ``DataError`` for an index that is no natural feature of the set."""
    if not 0 <= feature < len(features):
        raise DataError(f"there are {len(features)} natural features, none has the index: {feature}", f"they are: {', '.join(features)}")
