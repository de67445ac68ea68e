"""A detector of one trigger, fitted on clean images alone: was the trigger applied to this image?

Sprites that make the templates are never those that are pasted for fitting (where there are several), else the detector
would learn to recognise copies and miss the object in another colour.
"""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from onecurve.core.image.images import Floats
from onecurve.core.image.trigger import Filter, Paste, Trigger
from onecurve.readers.machinery.trigger_features import Described, described

Doubles = NDArray[np.float64]

FLOORS = (0.005, 0.02, 0.05, 0.1, 0.2)
"""Least chances that are tried for an error of the detector."""

GREYISH = 0.15
"""Mean change by exchanging colour channels below which a sprite is too grey for that, and is inverted instead."""


@final
@dataclass(frozen=True)
class Detector:
    """Estimates the probability that the trigger was applied."""

    trigger: Trigger
    """With the sprites that serve as templates."""
    descriptors: str
    """Which set of traces told best on held-back images."""
    model: Pipeline
    floor: float
    """Least chance of either outcome, chosen on held-back images."""
    loss: float
    """Held-back log loss in nats; log 2 for one that tells nothing."""

    def chances(self, images: Described) -> Doubles:
        """N: the chance that the trigger was applied to each image."""
        return _floored(self.model.predict_proba(images.traces(self.trigger)[self.descriptors])[:, 1], self.floor)


@final
@dataclass(frozen=True)
class Examples:
    """Clean images to fit detectors on, several with the same ones."""

    images: Floats
    """float32 N x C x H x W, N at least 8."""
    described: Described

    @classmethod
    def of(cls, images: Floats) -> "Examples":
        return cls(images, described(images))


def fitted(trigger: Trigger, clean: Examples, rng: np.random.Generator) -> Detector:
    """Fit on half of the clean images and choose on the other half.

    Examples: every image with the trigger, against the same image clean, with a near miss of the trigger and with its variants. Of
    the sets of traces the one with the least held-back log loss is kept.
    """
    templates, pasted = _parted(trigger)
    stamped = pasted.apply(clean.images, rng).images
    rivals = {"near miss": near_miss(pasted, rng), **pasted.variants()}
    missed = [rival.apply(clean.images, rng).images for rival in rivals.values()]
    found = [images.traces(templates) for images in (described(stamped), clean.described, *map(described, missed))]
    fitting = np.arange(len(clean.images)) % 2 == 0
    candidates = [_candidate(templates, name, [each[name] for each in found], fitting) for name in found[0]]
    return min(candidates, key=lambda candidate: candidate.loss)


def near_miss(trigger: Trigger, rng: np.random.Generator) -> Trigger:
    """A pattern similar to the trigger, as a negative example: a sprite rotated, mirrored and recoloured; a filter without its texture.

    Of any other kind, the trigger at half its strength.
    """
    if isinstance(trigger, Filter):
        return replace(trigger, texture=np.zeros_like(trigger.texture))
    if not isinstance(trigger, Paste):
        return trigger.variants()["half"]
    patterns, alphas = trigger.patterns[:, :, ::-1], trigger.alphas[:, ::-1]
    if patterns.shape[2] == patterns.shape[3]:
        patterns, alphas = np.swapaxes(patterns, 2, 3), np.swapaxes(alphas, 1, 2)
    coloured = np.roll(patterns, int(rng.integers(1, 3)), axis=1)
    if np.abs(coloured - patterns).mean() < GREYISH:
        coloured = 1 - patterns
    return replace(trigger, patterns=np.ascontiguousarray(coloured), alphas=np.ascontiguousarray(alphas))


def _parted(trigger: Trigger) -> tuple[Trigger, Trigger]:
    """The trigger with the sprites for templates, and with those to paste."""
    if not isinstance(trigger, Paste) or len(trigger.patterns) == 1:
        return trigger, trigger
    return _sprites(trigger, slice(0, None, 2)), _sprites(trigger, slice(1, None, 2))


def _sprites(trigger: Paste, chosen: slice) -> Paste:
    return replace(trigger, patterns=trigger.patterns[chosen], alphas=trigger.alphas[chosen])


def _candidate(trigger: Trigger, name: str, groups: list[Floats], fitting: NDArray[np.bool_]) -> Detector:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=2000))
    model.fit(*_examples(groups, fitting), logisticregression__sample_weight=_weights(groups, fitting))
    rows, applied = _examples(groups, ~fitting)
    chances = model.predict_proba(rows)[:, 1]
    weights = _weights(groups, ~fitting)
    losses = [_log_loss(_floored(chances, floor), applied, weights) for floor in FLOORS]
    best = int(np.argmin(losses))
    return Detector(trigger, name, model, FLOORS[best], losses[best])


def _examples(groups: list[Floats], chosen: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    rows = [group[chosen] for group in groups]
    return np.concatenate(rows), np.arange(len(groups)).repeat(len(rows[0])) == 0


def _weights(groups: list[Floats], chosen: NDArray[np.bool_]) -> Doubles:
    """The trigger counts half, clean and near miss the other half."""
    return np.array([1.0, *[1 / (len(groups) - 1)] * (len(groups) - 1)]).repeat(int(chosen.sum()))


def _floored(chances: Doubles, floor: float) -> Doubles:
    return floor + (1 - 2 * floor) * chances


def _log_loss(chances: Doubles, applied: NDArray[np.bool_], weights: Doubles) -> float:
    return float(-np.average(np.log(np.where(applied, chances, 1 - chances)), weights=weights))
