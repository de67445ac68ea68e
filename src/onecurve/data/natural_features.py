"""The natural features that the images of a set hold: computed from the pixels by a rule, or annotated."""

import hashlib
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np

from onecurve.core.image.images import Bools, Bytes, Ints
from onecurve.data.surroundings import FeatureRule, FoundFeatures, border_features, colours_for


class NaturalFeatures(Protocol):
    """The natural features of N images."""

    @property
    def names(self) -> tuple[str, ...]:
        """One name per feature."""
        ...

    @property
    def content(self) -> str:
        """A digest of everything that does not follow from the pixels; empty if everything does."""
        ...

    def found(self, rows: Ints, images: Bytes) -> FoundFeatures:
        """The features of the images of these rows, given their pixels (uint8 n x C x H x W)."""
        ...


@final
@dataclass(frozen=True)
class BorderColourFeatures:
    """The dominant colour of the border, by a rule."""

    rule: FeatureRule
    channels: int

    @property
    def names(self) -> tuple[str, ...]:
        kinds = colours_for(self.channels)
        return tuple(f"{kinds[kind]} surroundings" for kind in self.rule.kinds)

    @property
    def content(self) -> str:
        return ""

    def found(self, rows: Ints, images: Bytes) -> FoundFeatures:
        return border_features(images, self.rule)


class FeaturePlaces(Protocol):
    """Where the features of N images are."""

    @property
    def values(self) -> np.ndarray:
        """The annotation, one entry per image."""
        ...

    def masks(self, rows: Ints, height: int, width: int) -> Bools:
        """bool n x height x width for the images of these rows."""
        ...


@final
@dataclass(frozen=True, eq=False)
class Masks:
    """Pixel masks."""

    values: Bools
    """bool N x H x W."""

    def masks(self, rows: Ints, height: int, width: int) -> Bools:
        return self.values[rows]


@final
@dataclass(frozen=True, eq=False)
class Boxes:
    """Bounding boxes, as detectors give them."""

    values: Ints
    """int64 N x 4: top, left, bottom, right; the last two lie outside."""

    def masks(self, rows: Ints, height: int, width: int) -> Bools:
        top, left, bottom, right = (side[:, None] for side in self.values[rows].T)
        down, across = np.arange(height), np.arange(width)
        inside: Bools = ((down >= top) & (down < bottom))[:, :, None] & ((across >= left) & (across < right))[:, None]
        return inside


@final
@dataclass(frozen=True, eq=False)
class Annotated:
    """Annotated objects, at most one per image, as the benchmark (2302.10894) gets them from a detector."""

    names: tuple[str, ...]
    features: Ints
    """int64 N: index into ``names``, -1 for none."""
    places: FeaturePlaces

    @property
    def content(self) -> str:
        summary = hashlib.sha256("\x1f".join(self.names).encode())
        for array in (self.features, self.places.values):
            summary.update(np.ascontiguousarray(array).tobytes())
        return summary.hexdigest()

    def found(self, rows: Ints, images: Bytes) -> FoundFeatures:
        features = self.features[rows]
        return FoundFeatures(features, self.places.masks(rows, *images.shape[2:]) & (features >= 0)[:, None, None])
