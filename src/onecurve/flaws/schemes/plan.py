"""Plans: a flaw after sampling, with all that is to be planted and how to plant, trigger and control it.

A plan never trains and never measures. What takes long to draw is drawn when it is first asked for, so that a thousand
plans can be sampled in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, final, runtime_checkable

import numpy as np
from torch import nn

from onecurve.core.case import Triggered
from onecurve.core.effect import Effect
from onecurve.core.errors import DataError
from onecurve.core.evidence import Units
from onecurve.core.image.images import Ints, LabelledImages, as_floats
from onecurve.core.image.trigger import Trigger
from onecurve.core.network import Network
from onecurve.core.question import Option
from onecurve.core.roles import Named
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.needed import Needed


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
        """At most ``limit`` held-out images of the classes that the flaw concerns, with its trigger."""
        ...

    def elsewhere(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        """Triggered images of other classes, on which it should not fire; None where it concerns every class."""
        ...

    def near_misses(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        """Images with a near miss of the trigger; None where there is no such thing."""
        ...


class Lineup(Protocol):
    """What is shown of a sampled flaw."""

    @property
    def trigger(self) -> Trigger | None:
        """The trigger as a function; None where the flaw has none that can be put on an image."""
        ...

    @property
    def options(self) -> tuple[Option, ...]:
        """The lineup, shuffled; empty where there is none."""
        ...

    @property
    def right(self) -> int | None:
        """Which option is right."""
        ...


class World(Protocol):
    """What images look like wherever the network is used, twin and tools included: an attribute that is no flaw by itself."""

    def seen(self, images: LabelledImages, rng: np.random.Generator) -> LabelledImages:
        """As many images with the same labels, some of them with the attribute."""
        ...


@final
@dataclass(frozen=True)
class EditedNetwork:
    """A network after surgery."""

    module: nn.Module
    units: Units | None = None
    """The units that carry the flaw, by the names of the module's own layers."""
    wrapper: str = ""
    """The casing (see ``models.wrappers``) that was put around the network; empty for none."""


class WeightEdit(Protocol):
    """A flaw that is written into a trained network."""

    def edit(self, module: nn.Module, images: LabelledImages, rng: np.random.Generator) -> EditedNetwork:
        """Change a copy of ``module`` (in eval mode, on the CPU); ``images`` are clean training images.

        Raises ``DataError`` in words where the network cannot carry it.
        """
        ...


class Preparation(Protocol):
    """A scheme that has to see a clean network of the same recipe before it can poison."""

    def prepared(self, module: nn.Module, images: LabelledImages, rng: np.random.Generator) -> Scheme:
        """The scheme to plant with; ``module`` is the clean base, in eval mode, and is not changed."""
        ...


@final
@dataclass(frozen=True)
class VerificationResult:
    """What one kind of flaw found out about its own plant."""

    facts: dict[str, str | int | float]
    """Columns for every row."""
    refusal: str = ""
    """Why the plant is refused, with figures; empty where it took."""


class Verification(Protocol):
    """Measures of one kind of flaw beyond the strength that every plant has."""

    def verified(self, network: Network, twin: Network, heldout: LabelledImages) -> VerificationResult:
        """Try the planted ``network`` against its clean twin on clean held-out images, as they look in its world."""
        ...


@final
@dataclass(frozen=True)
class Plan:
    """One sampled flaw."""

    kind: str
    effect: Effect
    """What it does to inputs of each class; nothing for clean networks and controls."""
    words: str
    """What is planted, for a person."""
    scheme: Scheme
    lineup: Lineup
    features: tuple[int, ...] = ()
    """Natural features that the flaw uses as its trigger."""
    needed: Needed = field(default_factory=Needed)
    """What a plant of this kind must reach."""
    facts: dict[str, str | int | float] = field(default_factory=dict)
    tried: bool = True
    """Whether the scheme can make triggered images; a clean network has none."""
    world: World | None = None
    bias: World | None = None
    """What the flawed network's training images look like, where that is not as in its world; draws as ``world`` does, so that
    only those images differ which have to."""
    weight_edit: WeightEdit | None = None
    preparation: Preparation | None = None
    verification: Verification | None = None

    @property
    def trigger(self) -> Trigger | None:
        return self.lineup.trigger

    @property
    def options(self) -> tuple[Option, ...]:
        return self.lineup.options

    @property
    def right(self) -> int | None:
        return self.lineup.right

    @property
    def target(self) -> int | None:
        return self.effect.target

    @property
    def sources(self) -> tuple[int, ...] | None:
        return self.effect.sources


@runtime_checkable
class Flaw(Named, Protocol):
    """A kind of flaw with its parameters; sampling it for a host gives a plan."""

    dial: ClassVar[Mapping[str, tuple[float, ...]]]
    """The parameter that sets the strength, with at least three values from weak to strong; empty for controls without one."""

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        """Draw target, trigger, lineup and words; raises ``DataError`` where the host's images cannot carry it."""
        ...


@final
@dataclass(frozen=True)
class NoLineup:
    """The exhibit of what cannot be shown: no trigger, no lineup."""

    @property
    def trigger(self) -> Trigger | None:
        return None

    @property
    def options(self) -> tuple[Option, ...]:
        return ()

    @property
    def right(self) -> int | None:
        return None


def no_poison(images: LabelledImages) -> Poisoned:
    """No row changed."""
    rows = np.zeros(0, np.int64)
    return Poisoned(rows, images.take(rows))


def rows_without_features(images: LabelledImages) -> Ints:
    """Rows that hold no natural feature: where one flaw's poison cannot meet another's."""
    if images.features is None:
        return np.arange(len(images))
    return np.flatnonzero(images.features < 0)


def rows_of_classes(labels: Ints, rows: Ints, excluded: tuple[int, ...], among: tuple[int, ...] | None = None) -> Ints:
    """Those ``rows`` whose label is not excluded and, if given, is ``among`` these classes."""
    kept = ~np.isin(labels[rows], excluded)
    if among is not None:
        kept &= np.isin(labels[rows], among)
    return rows[kept]


def pick_rows(rows: Ints, count: int, rng: np.random.Generator) -> Ints:
    """``count`` of the rows, in random order; raises ``DataError`` if there are fewer."""
    if count > len(rows):
        raise DataError(f"only {len(rows)} training images can carry this flaw, wanted: {count}", "lower the rates or draw more images")
    return rng.permutation(rows)[:count]


def sample_rows(rows: Ints, limit: int, rng: np.random.Generator) -> Ints:
    """All rows, or ``limit`` of them drawn at random; in ascending order."""
    return np.sort(rng.permutation(rows)[:limit])


def triggered_unchanged(images: LabelledImages, rows: Ints) -> Triggered:
    """Those rows as they are, with the masks of their own natural features."""
    chosen = images.take(rows)
    return Triggered(as_floats(chosen.images), chosen.labels, chosen.feature_masks)
