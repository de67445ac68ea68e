"""Plans: a sampled flaw, with everything needed to plant it, to trigger it and to check it.

A plan never trains and never measures. Pictures are drawn only when they are first used, so a thousand plans can be sampled in
seconds.
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
    """The training images that a flaw replaces, and their replacements: poisoned images and covers."""

    rows: Ints
    """int64, M; rows of the given images, each at most once."""
    images: LabelledImages
    """M images with the labels that the network is trained on."""


class Scheme(Protocol):
    """How one sampled flaw poisons training images and triggers held-out images."""

    def poison(self, images: LabelledImages, rng: np.random.Generator) -> Poisoned:
        """The images to replace; raises ``DataError`` if too few of the images can be poisoned."""
        ...

    def triggered(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered:
        """At most ``limit`` held-out images of the source classes, with the trigger."""
        ...

    def elsewhere(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        """Triggered images of other classes, on which the flaw should not fire; None if its sources are all classes."""
        ...

    def near_misses(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        """Images with a near miss of the trigger; None if the flaw has no near misses."""
        ...


class Lineup(Protocol):
    """The trigger of a sampled flaw, and the options of `discover` with the right one among them."""

    @property
    def trigger(self) -> Trigger | None:
        """The trigger as a function; None if the flaw has no trigger that can be put on an image."""
        ...

    @property
    def options(self) -> tuple[Option, ...]:
        """The options in shuffled order; empty if there are none."""
        ...

    @property
    def right(self) -> int | None:
        """Index of the right option; None if there are no options."""
        ...

    @property
    def decoys(self) -> tuple[Trigger, ...]:
        """Triggers drawn as the flaw's own was, that share no part with it; empty if there are none."""
        ...


class World(Protocol):
    """The distribution of images at deployment, for the network, its twin and the tools alike; its attributes are not a flaw."""

    def seen(self, images: LabelledImages, rng: np.random.Generator) -> LabelledImages:
        """The same number of images with the same labels, some of them with an attribute."""
        ...


@final
@dataclass(frozen=True)
class EditedNetwork:
    """A network after a weight edit."""

    module: nn.Module
    units: Units | None = None
    """The units that carry the flaw, named by the layers of the module."""
    wrapper: str = ""
    """The wrapper (see ``models.wrappers``) that was put around the network; empty for none."""


class WeightEdit(Protocol):
    """Writes a flaw into the weights of a trained network."""

    def edit(self, module: nn.Module, images: LabelledImages, rng: np.random.Generator) -> EditedNetwork:
        """Edit ``module``, a copy in eval mode on the CPU; ``images`` are clean training images.

        Raises ``DataError`` with the reason if the network cannot carry the flaw.
        """
        ...


class Preparation(Protocol):
    """Makes a scheme that needs a clean network of the same recipe before it can poison."""

    def prepared(self, module: nn.Module, images: LabelledImages, rng: np.random.Generator) -> Scheme:
        """The scheme to plant with; ``module`` is the clean base network in eval mode and is not changed."""
        ...


@final
@dataclass(frozen=True)
class VerificationResult:
    """What a kind of flaw measured about its own plant."""

    facts: dict[str, str | int | float]
    """Facts for every row of the results."""
    refusal: str = ""
    """Why the plant is refused, with figures; empty if it is accepted."""


class Verification(Protocol):
    """Measures of one kind of flaw, in addition to the strength that is measured for every plant."""

    def verified(self, network: Network, twin: Network, heldout: LabelledImages) -> VerificationResult:
        """Compare the planted ``network`` with its clean twin on clean held-out images of its world."""
        ...


@final
@dataclass(frozen=True)
class Plan:
    """One sampled flaw."""

    kind: str
    effect: Effect
    """What the flaw does to inputs of each class; nothing for clean networks and controls."""
    words: str
    """What is planted, in words."""
    scheme: Scheme
    lineup: Lineup
    features: tuple[int, ...] = ()
    """Natural features that are the trigger of the flaw."""
    needed: Needed = field(default_factory=Needed)
    """What a plant of this kind must reach."""
    facts: dict[str, str | int | float] = field(default_factory=dict)
    tried: bool = True
    """Whether the scheme can make triggered images; False for clean networks."""
    world: World | None = None
    bias: World | None = None
    """The distribution of the flawed network's training images, if it differs from ``world``. It draws the same random numbers as
    ``world``, so only those images differ that have to."""
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
    def decoys(self) -> tuple[Trigger, ...]:
        return self.lineup.decoys

    @property
    def target(self) -> int | None:
        return self.effect.target

    @property
    def sources(self) -> tuple[int, ...] | None:
        return self.effect.sources


@runtime_checkable
class Flaw(Named, Protocol):
    """A kind of flaw with its parameters; sampling it in a context gives a plan."""

    dial: ClassVar[Mapping[str, tuple[float, ...]]]
    """The parameter that sets the strength, with at least three values from weak to strong; empty for controls."""

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        """Draw target, trigger, lineup and words; raises ``DataError`` if the images of the context cannot carry the flaw."""
        ...


@final
@dataclass(frozen=True)
class NoLineup:
    """The lineup of a flaw without a trigger: no options."""

    @property
    def trigger(self) -> Trigger | None:
        return None

    @property
    def options(self) -> tuple[Option, ...]:
        return ()

    @property
    def right(self) -> int | None:
        return None

    @property
    def decoys(self) -> tuple[Trigger, ...]:
        return ()


def no_poison(images: LabelledImages) -> Poisoned:
    """No image poisoned."""
    rows = np.zeros(0, np.int64)
    return Poisoned(rows, images.take(rows))


def rows_without_features(images: LabelledImages) -> Ints:
    """Rows of the images that hold no natural feature."""
    if images.features is None:
        return np.arange(len(images))
    return np.flatnonzero(images.features < 0)


def rows_of_classes(labels: Ints, rows: Ints, excluded: tuple[int, ...], among: tuple[int, ...] | None = None) -> Ints:
    """The ``rows`` whose label is not ``excluded`` and, if ``among`` is given, is one of those classes."""
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
    """Those images unchanged, with the masks of the natural features that they hold."""
    chosen = images.take(rows)
    return Triggered(as_floats(chosen.images), chosen.labels, chosen.feature_masks)
