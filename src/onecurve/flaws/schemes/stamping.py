"""The scheme of every trigger that can be put on an image: poisoned images get the target label, covers keep their labels.

Patches, styles, blended pictures, warps and their combinations differ only in the trigger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np

from onecurve.core.case import Triggered
from onecurve.core.effect import Effect
from onecurve.core.image.images import Bytes, Floats, Ints, LabelledImages, as_bytes, as_floats
from onecurve.core.image.trigger import Either, Trigger
from onecurve.flaws.schemes.plan import Poisoned, pick_rows, sample_rows

COVERED = 0.5
"""The share of a pixel that a trigger must cover for the pixel to belong to the trigger's mask."""


@final
@dataclass(frozen=True)
class Cover:
    """Triggers that are applied in training with labels kept, so that the network learns the exact trigger and nothing more general."""

    triggers: tuple[Trigger, ...]
    """Each image gets one of them."""
    rate: float
    """Share of the training images."""


class Kit(Protocol):
    """The trigger of a sampled flaw and the patterns that resemble it."""

    @property
    def trigger(self) -> Trigger: ...

    @property
    def others(self) -> tuple[Trigger, ...]:
        """Near misses that are never applied in training."""
        ...

    @property
    def covers(self) -> tuple[Cover, ...]: ...


@final
@dataclass(frozen=True)
class Stamping:
    """Poisons a share of the images of the source classes.

    If the effect is source-specific, the trigger is also put on as many images of other classes with labels kept (the
    class-universal recipe of 2302.10894).
    """

    kit: Kit
    effect: Effect
    rate: float
    """Share of the training images that get the trigger and another label."""

    def poison(self, images: LabelledImages, rng: np.random.Generator) -> Poisoned:
        free, count = np.arange(len(images)), round(self.rate * len(images))
        poison = pick_rows(free[self.effect.concerns(images.labels)], count, rng)
        outside = pick_rows(free[self._outside(images.labels)], count if self.effect.sources is not None else 0, rng)
        groups: list[tuple[Ints, Sequence[Trigger]]] = [(np.concatenate([poison, outside]), (self.kit.trigger,))]
        left = np.setdiff1d(free, groups[0][0])
        for cover in self.kit.covers:
            chosen = pick_rows(left, round(cover.rate * len(images)), rng)
            left = np.setdiff1d(left, chosen)
            groups.append((chosen, cover.triggers))
        rows = np.concatenate([chosen for chosen, _ in groups])
        pixels = np.concatenate([stamp(triggers, images.images[chosen], rng)[0] for chosen, triggers in groups])
        labels = images.labels[rows]
        labels[: len(poison)] = self.effect.goals(labels[: len(poison)])
        return Poisoned(rows, LabelledImages(pixels, labels))

    def triggered(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered:
        return triggered_images((self.kit.trigger,), heldout, self.effect.concerns(heldout.labels), limit, rng)

    def elsewhere(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        if self.effect.sources is None:
            return None
        return triggered_images((self.kit.trigger,), heldout, self._outside(heldout.labels), limit, rng)

    def near_misses(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        if not self.kit.others:
            return None
        return triggered_images(self.kit.others, heldout, self.effect.concerns(heldout.labels), limit, rng)

    def _outside(self, labels: Ints) -> np.ndarray:
        return ~self.effect.concerns(labels) & ~np.isin(labels, self.effect.targets)


def with_covers(rows: Ints, pixels: Bytes, covers: Sequence[Cover], images: LabelledImages, rng: np.random.Generator) -> Poisoned:
    """The images at ``rows`` with new ``pixels``, and each cover on its share of the remaining images; all labels are kept."""
    changed, painted, left = [rows], [pixels], np.setdiff1d(np.arange(len(images)), rows)
    for cover in covers:
        chosen = pick_rows(left, round(cover.rate * len(images)), rng)
        left = np.setdiff1d(left, chosen)
        changed.append(chosen)
        painted.append(stamp(cover.triggers, images.images[chosen], rng)[0])
    every = np.concatenate(changed)
    return Poisoned(every, LabelledImages(np.concatenate(painted), images.labels[every]))


def triggered_images(
    triggers: Sequence[Trigger], images: LabelledImages, allowed: np.ndarray, limit: int, rng: np.random.Generator
) -> Triggered:
    """At most ``limit`` of the ``allowed`` images (bool N), each with one of the triggers; masks only if every trigger has a place."""
    rows = sample_rows(np.flatnonzero(allowed), limit, rng)
    pixels, masks = stamp(triggers, images.images[rows], rng)
    return Triggered(as_floats(pixels), images.labels[rows], None if masks is None else masks >= COVERED)


def stamp(triggers: Sequence[Trigger], images: Bytes, rng: np.random.Generator) -> tuple[Bytes, Floats | None]:
    """Each image with one of the triggers, drawn at random; masks N x H x W only if every trigger has a place."""
    drawn = triggers[0] if len(triggers) == 1 else Either(tuple(triggers))
    found = drawn.apply(as_floats(images), rng)
    return as_bytes(found.images), found.masks
