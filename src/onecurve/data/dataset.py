"""What every set of images offers, whether drawn, bundled or a person's own.

The three parts never share a source (a scan, a crop of a photograph, a file), so that what is granted to a
tool says nothing about the images it is graded on. Mixing up CLEAN and HELDOUT is the one mistake to avoid.
"""

from enum import StrEnum
from typing import Protocol, runtime_checkable

from onecurve.core.errors import DataError
from onecurve.core.image.images import Floats, LabelledImages
from onecurve.core.image.trigger import Paste
from onecurve.core.roles import Named


class Part(StrEnum):
    """Who may see an image."""

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
        """Names of the natural features that an image may hold by itself; () if the set has none."""
        ...

    @property
    def key(self) -> str:
        """Content key: changes with the parameters and, for a person's own images, with the images."""
        ...

    def held(self, part: Part) -> int | None:
        """How many images that part holds; None where they are drawn without end."""
        ...

    def draw(self, part: Part, count: int, seed: int) -> LabelledImages:
        """``count`` images of that part, a function of part, count and seed; classes as balanced as possible.

        Raises ``DataError`` if the part holds fewer than ``count``.
        """
        ...

    def cutouts(self, feature: int, count: int, seed: int) -> Paste:
        """Sprites of that natural feature, ready to be pasted on images of this set."""
        ...

    def feature_pictures(self, feature: int, count: int, seed: int) -> Floats:
        """float32 count x C x h x w in [0, 1]: what that feature looks like to a person."""
        ...


def at_most_held(dataset: DataSet, part: Part, count: int) -> int:
    """The count, or what that part holds where that is fewer."""
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
