"""Predicates over images as data: groups of inputs that a hypothesis may be about instead of an added trigger.

Like a trigger, a predicate is a small record of numbers and not code, so that it can be stored, shown and applied.
"""

from dataclasses import dataclass
from typing import Union, final

import numpy as np

from onecurve.core.errors import AnswerError
from onecurve.core.image.images import Bools, Floats


@final
@dataclass(frozen=True)
class ColourRule:
    """Holds where a weighted sum of the image's mean channel values lies above a threshold."""

    weights: Floats
    """float32, one per channel; finite, not all 0."""
    threshold: float

    def __post_init__(self) -> None:
        if self.weights.ndim != 1 or not np.isfinite(self.weights).all() or not self.weights.any() or not np.isfinite(self.threshold):
            raise AnswerError("a ColourRule needs one finite weight per channel, not all 0, and a finite threshold")

    def holds(self, images: Floats) -> Bools:
        """N, for images float32 N x C x H x W in [0, 1]; raises ``AnswerError`` for another number of channels."""
        if images.shape[1] != len(self.weights):
            raise AnswerError(f"a ColourRule of {len(self.weights)} channels cannot be applied to images of {images.shape[1]}")
        found: Bools = images.mean(axis=(2, 3)) @ self.weights > self.threshold
        return found


@final
@dataclass(frozen=True)
class Resembles:
    """Holds where the image correlates with one of the examples, pixel by pixel, at least as much as the threshold."""

    examples: Floats
    """float32 P x C x H x W in [0, 1]; at least one."""
    threshold: float
    """Least Pearson correlation with an example, in [-1, 1]."""

    def __post_init__(self) -> None:
        if self.examples.ndim != 4 or len(self.examples) == 0 or not np.isfinite(self.examples).all():
            raise AnswerError(f"the examples of Resembles must be finite images P x C x H x W, at least one, got: {self.examples.shape}")
        if not -1 <= self.threshold <= 1:
            raise AnswerError(f"the threshold of Resembles must be in [-1, 1], got: {self.threshold}")

    def holds(self, images: Floats) -> Bools:
        """N, for images float32 N x C x H x W; raises ``AnswerError`` where they have another shape than the examples."""
        if images.shape[1:] != self.examples.shape[1:]:
            raise AnswerError(f"the examples have shape {self.examples.shape[1:]}, the images {images.shape[1:]}")
        found: Bools = (_standardised(images) @ _standardised(self.examples).T).max(axis=1) >= self.threshold
        return found


@final
@dataclass(frozen=True)
class AllOf:
    """Holds where every part holds."""

    parts: tuple["Predicate", ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise AnswerError("AllOf needs at least one predicate")

    def holds(self, images: Floats) -> Bools:
        """N, for images float32 N x C x H x W."""
        found: Bools = np.logical_and.reduce([part.holds(images) for part in self.parts])
        return found


@final
@dataclass(frozen=True)
class NoneOf:
    """Holds where no part holds."""

    parts: tuple["Predicate", ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise AnswerError("NoneOf needs at least one predicate")

    def holds(self, images: Floats) -> Bools:
        """N, for images float32 N x C x H x W."""
        found: Bools = ~np.logical_or.reduce([part.holds(images) for part in self.parts])
        return found


def _standardised(images: Floats) -> Floats:
    """N x P with mean 0 and length 1 per image; a constant image is all 0."""
    flat = images.reshape(len(images), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    found: Floats = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    return found


Predicate = Union[ColourRule, Resembles, AllOf, NoneOf]  # noqa: UP007 - AllOf names it before it is there
KINDS = (ColourRule, Resembles, AllOf, NoneOf)

__all__ = ["KINDS", "AllOf", "ColourRule", "NoneOf", "Predicate", "Resembles"]
