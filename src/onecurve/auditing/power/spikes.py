"""Spikes: flaws of known kind that are planted in copies of the network under audit, to see whether the audit finds them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

import numpy as np

from onecurve.auditing.examined import Examined
from onecurve.auditing.finding import Kind
from onecurve.auditing.power.given_property import GivenProperty, drawn_property
from onecurve.core.image.filter import Filter
from onecurve.core.image.images import Bools, Floats, LabelledImages
from onecurve.core.image.paste import Paste
from onecurve.core.image.trigger import Trigger
from onecurve.models.network import TorchNetwork


class SpikeKind(StrEnum):
    """What is planted."""

    PATCH = "patch"
    """A patch sends images of all classes to one class."""
    WHOLE_IMAGE = "whole image"
    """A change of colours and texture over the whole image does."""
    GROUP = "group"
    """Images of one class whose mean colour lies far to one side are labelled as another class."""
    SHORTCUT = "shortcut"
    """A property of the image, such as its brightness or its border, goes with one class and sends images of other classes there."""


FOUND_BY: Final[dict[SpikeKind, tuple[Kind, ...]]] = {
    SpikeKind.PATCH: (Kind.TROJAN_TRIGGER,),
    SpikeKind.WHOLE_IMAGE: (Kind.TROJAN_TRIGGER, Kind.SHORTCUT),
    SpikeKind.GROUP: (Kind.MISTAKEN_GROUP, Kind.CONFUSION, Kind.WEAK_CLASS),
    SpikeKind.SHORTCUT: (Kind.SHORTCUT,),
}
"""Kinds of findings that count as an alarm for each kind of spike."""
SIDES: Final = (0.06, 0.3)
"""Side of a patch as a share of the image's shorter side, drawn log-uniformly: 0.4 % to 9 % of the area."""
CHANGES: Final = (0.05, 0.3)
"""Scale of a whole-image change in units of the pixel range, drawn log-uniformly."""
GROUP_SHARE: Final = 0.3
"""Share of the images of its class that a group holds."""
CARRIED: Final = (0.5, 0.95)
"""Share of the images of its class that have the property of a shortcut, drawn uniformly."""


@final
@dataclass(frozen=True)
class Spike:
    """One flaw to plant."""

    kind: SpikeKind
    target: int
    trigger: Trigger | None
    """For patches and whole-image changes."""
    source: int | None = None
    """For a group: the class whose images are in it."""
    direction: Floats | None = None
    """For a group: float32 C; images in it have the largest projections of their mean colour."""
    threshold: float = 0.0
    size: float = 0.0
    """Area share of a patch, mean change of the pixels under a whole-image change or a shortcut's property, share of its class for a
    group."""
    given: GivenProperty | None = None
    """For a shortcut: what it goes by."""
    carried: float = 0.0
    """For a shortcut: the share of the images of its class that have the property, among those that a person has."""

    @property
    def changes_images(self) -> bool:
        """Whether it acts by what is done to an image; a group acts by what the image is."""
        return self.trigger is not None or self.given is not None

    def members(self, images: LabelledImages) -> Bools:
        """bool N: the images that the spike concerns, unchanged or under its trigger."""
        if self.direction is None:
            others: Bools = images.labels != self.target
            return others
        inside: Bools = (images.labels == self.source) & (images.floats().mean(axis=(2, 3)) @ self.direction > self.threshold)
        return inside

    def shown(self, images: Floats, rng: np.random.Generator) -> Floats:
        """The images as the spike has them: under the trigger, with the property, or unchanged for a group."""
        if self.given is not None:
            return self.given.on(images)
        if self.trigger is None:
            return images
        stamped: Floats = np.clip(self.trigger.apply(images, rng).images, 0, 1).astype(np.float32)
        return stamped

    def strength(self, network: TorchNetwork, fresh: LabelledImages, rng: np.random.Generator) -> float:
        """The share of fresh images it concerns that go to its target; not a number where there are none."""
        rows = np.flatnonzero(self.members(fresh))
        if len(rows) == 0:
            return float("nan")
        said = network.logits(self.shown(fresh.take(rows).floats(), rng)).argmax(axis=1)
        return float((said == self.target).mean())


def draw_spikes(examined: Examined, count: int, rng: np.random.Generator) -> tuple[Spike, ...]:
    """Spikes of different kinds with targets of their own, drawn without looking at what the network does."""
    kinds = rng.permutation(list(SpikeKind))[:count]
    targets = rng.permutation(examined.classes)[:count]
    return tuple(_DRAWN[SpikeKind(kind)](examined, int(target), rng) for kind, target in zip(kinds, targets, strict=False))


def _patch(examined: Examined, target: int, rng: np.random.Generator) -> Spike:
    channels, height, width = examined.shape
    side = max(2, round(float(np.exp(rng.uniform(*np.log(SIDES)))) * min(height, width)))
    grain = int(rng.integers(1, max(2, side)))
    cells = rng.random((channels, -(-side // grain), -(-side // grain)), dtype=np.float32)
    pattern = cells.repeat(grain, axis=1).repeat(grain, axis=2)[:, :side, :side]
    place = (int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))) if rng.random() < 0.5 else None
    paste = Paste(np.ascontiguousarray(pattern[None]), np.ones((1, side, side), np.float32), place)
    return Spike(SpikeKind.PATCH, target, paste, size=side * side / (height * width))


def _whole_image(examined: Examined, target: int, rng: np.random.Generator) -> Spike:
    channels, height, width = examined.shape
    scale = float(np.exp(rng.uniform(*np.log(CHANGES))))
    matrix = np.eye(channels) + scale * rng.normal(size=(channels, channels)) / 2
    offset = scale * rng.normal(size=channels)
    rows, columns = np.mgrid[:height, :width]
    angle, waves = rng.uniform(0, np.pi), rng.uniform(2, min(height, width) / 4)
    wave = np.sin(2 * np.pi * waves * (np.cos(angle) * columns / width + np.sin(angle) * rows / height))
    texture = scale * rng.normal(size=(channels, 1, 1)) * wave[None]
    trigger = Filter(matrix.astype(np.float32), offset.astype(np.float32), texture.astype(np.float32))
    images = examined.search.take(slice(64)).floats()
    change = float(np.abs(np.clip(trigger.apply(images, rng).images, 0, 1) - images).mean())
    return Spike(SpikeKind.WHOLE_IMAGE, target, trigger, size=change)


def _group(examined: Examined, target: int, rng: np.random.Generator) -> Spike:
    counts = np.bincount(examined.search.labels, minlength=examined.classes).astype(float)
    counts[target] = 0
    source = int(rng.choice(examined.classes, p=counts / counts.sum()))
    direction = rng.normal(size=examined.shape[0]).astype(np.float32)
    own = examined.search.take(examined.search.labels == source).floats().mean(axis=(2, 3)) @ direction
    threshold = float(np.quantile(own, 1 - GROUP_SHARE))
    return Spike(SpikeKind.GROUP, target, None, source, direction, threshold, GROUP_SHARE)


def _shortcut(examined: Examined, target: int, rng: np.random.Generator) -> Spike:
    """A class without images has nothing that goes with it; another one by lot takes its place."""
    counts = np.bincount(examined.search.labels, minlength=examined.classes)
    if counts[target] == 0:
        target = int(rng.choice(examined.search.labels))
    given = drawn_property(examined.search, rng)
    images = examined.search.take(slice(64)).floats()
    change = float(np.abs(given.on(images) - images).mean())
    return Spike(SpikeKind.SHORTCUT, target, None, size=change, given=given, carried=float(rng.uniform(*CARRIED)))


_DRAWN: Final[dict[SpikeKind, Callable[[Examined, int, np.random.Generator], Spike]]] = {
    SpikeKind.PATCH: _patch,
    SpikeKind.WHOLE_IMAGE: _whole_image,
    SpikeKind.GROUP: _group,
    SpikeKind.SHORTCUT: _shortcut,
}
