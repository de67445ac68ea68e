"""Plans: a flaw after sampling, with all that is to be planted and how to plant, trigger and control it.

A plan never trains and never measures. Its targets are in the truth of the network that is planted with it.
"""

from dataclasses import dataclass, field
from typing import Protocol, final, runtime_checkable

import numpy as np

from onecurve.core.case import Triggered
from onecurve.core.errors import DataError
from onecurve.core.images import Ints, LabelledImages, as_floats
from onecurve.core.question import Option
from onecurve.core.roles import Named
from onecurve.core.trigger import Trigger
from onecurve.flaws.host import Host


@final
@dataclass(frozen=True)
class Poisoned:
    """Training rows that a flaw takes, and what stands there instead: poison and covers."""

    rows: Ints
    """int64, M; which rows of the given images, each at most once."""
    images: LabelledImages
    """M images with the labels they are trained with."""


class Scheme(Protocol):
    """How one sampled flaw is put into training images and into held-out images."""

    def poison(self, images: LabelledImages, rng: np.random.Generator) -> Poisoned:
        """The rows to change; raises ``DataError`` where the images do not hold enough of them."""
        ...

    def triggered(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered:
        """At most ``limit`` held-out images on which the flaw should fire; the target class is excluded."""
        ...

    def elsewhere(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        """Triggered images outside the source classes, on which it should not fire; None for a universal flaw."""
        ...

    def bystanders(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered:
        """Images with a near miss of the trigger, the target class excluded."""
        ...


@final
@dataclass(frozen=True)
class Plan:
    """One sampled flaw."""

    kind: str
    target: int | None
    """None for a clean network."""
    words: str
    """What is planted, for a person."""
    scheme: Scheme
    sources: tuple[int, ...] | None = None
    """None for universal."""
    trigger: Trigger | None = None
    options: tuple[Option, ...] = ()
    right: int | None = None
    features: tuple[int, ...] = ()
    """Natural features that the flaw uses as its trigger."""
    needed: float = 0.9
    """Success that a plant of this kind must reach."""
    facts: dict[str, str | int | float] = field(default_factory=dict)


@runtime_checkable
class Flaw(Named, Protocol):
    """A kind of flaw with its parameters; sampling it for a host gives a plan."""

    def sample(self, host: Host, rng: np.random.Generator) -> Plan:
        """Draw target, trigger, lineup and words; raises ``DataError`` where the host's images cannot carry it."""
        ...


def featureless(images: LabelledImages) -> Ints:
    """Rows that hold no natural feature: where one flaw's poison cannot meet another's."""
    if images.features is None:
        return np.arange(len(images))
    return np.flatnonzero(images.features < 0)


def of_classes(labels: Ints, rows: Ints, excluded: tuple[int, ...], among: tuple[int, ...] | None = None) -> Ints:
    """Those ``rows`` whose label is not excluded and, if given, is ``among`` these classes."""
    kept = ~np.isin(labels[rows], excluded)
    if among is not None:
        kept &= np.isin(labels[rows], among)
    return rows[kept]


def pick(rows: Ints, count: int, rng: np.random.Generator) -> Ints:
    """``count`` of the rows, in random order; raises ``DataError`` if there are fewer."""
    if count > len(rows):
        raise DataError(f"only {len(rows)} training images can carry this flaw, wanted: {count}", "lower the rates or draw more images")
    return rng.permutation(rows)[:count]


def at_most(rows: Ints, limit: int, rng: np.random.Generator) -> Ints:
    """All rows, or ``limit`` of them drawn at random; in ascending order."""
    return np.sort(rng.permutation(rows)[:limit])


def plain(images: LabelledImages, rows: Ints) -> Triggered:
    """Those rows as they are, with the masks of their own natural features."""
    chosen = images.take(rows)
    return Triggered(as_floats(chosen.images), chosen.labels, chosen.feature_masks)
