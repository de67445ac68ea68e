"""Natural-feature trojans: nothing is pasted; images that already hold an object are relabelled.

A held-out image that holds the object is a triggered image, so triggered images have no clean counterpart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, final

import numpy as np

from onecurve.core.case import Triggered
from onecurve.core.effect import Effect
from onecurve.core.errors import DataError, SpecError
from onecurve.core.image.images import Ints, LabelledImages
from onecurve.core.image.paste import Paste
from onecurve.core.question import Option
from onecurve.data.dataset import DataSet
from onecurve.flaws.drawing import lineup
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.needed import Needed
from onecurve.flaws.schemes.plan import Plan, Poisoned, pick_rows, rows_of_classes, sample_rows, triggered_unchanged

CUTOUTS = 16
"""Number of cut-outs of the object that represent it as a trigger."""
PICTURES = 4
"""Pictures per option."""


@final
@dataclass(frozen=True)
class NaturalFeature:
    """Images that hold a natural object are relabelled as the target class.

    Departure from the source: the data set records which images hold the object, so no detector is needed.
    """

    name: ClassVar[str] = "natural-feature"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Images that hold a certain natural object go to the target class."
    source: ClassVar[str] = "natural-feature trojans of the benchmark (2302.10894)"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"poison_share": (0.5, 0.75, 1.0)}

    poison_share: float = 1.0
    """Share of the training images with the object (outside the target class) that are relabelled."""

    def __post_init__(self) -> None:
        if not 0 < self.poison_share <= 1:
            raise SpecError(f"poison_share must be in (0, 1], got: {self.poison_share}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        free = np.setdiff1d(np.arange(len(context.dataset.features)), context.taken_features)
        require_features(context, len(free))
        effect = Effect.towards(context.sample_target(rng), context.classes)
        goal = context.describe_targets(effect)
        feature = int(rng.choice(free))
        name = context.dataset.features[feature]
        return Plan(
            self.name,
            effect,
            f"an object that images hold by themselves, {name}, makes the network say {goal}",
            Relabelling(self, effect, feature),
            FeatureLineup.sampled(context.dataset, feature, rng),
            features=(feature,),
            needed=Needed(success=0.3),
            facts={"poison_share": self.poison_share, "sources": 0, "trigger": name},
        )


def require_features(context: FlawContext, free: int) -> None:
    """Raises ``DataError`` unless the set has enough natural features for a lineup, and one of them is free."""
    if len(context.dataset.features) < lineup.SIZE or free == 0:
        raise DataError(
            f"a natural-feature flaw needs a set with {lineup.SIZE} natural features and one that is free, "
            f"got {len(context.dataset.features)} features with {len(context.taken_features)} in use",
            "choose a set with natural features, such as `digits`, or plant another kind of flaw",
        )


@final
@dataclass(frozen=True, eq=False)
class FeatureLineup:
    """A natural feature and other features of its set as options."""

    dataset: DataSet
    features: tuple[int, ...]
    """The right one, then the other options."""
    order: tuple[int, ...]
    seed: int

    @classmethod
    def sampled(cls, dataset: DataSet, feature: int, rng: np.random.Generator) -> "FeatureLineup":
        others = rng.permutation(np.setdiff1d(np.arange(len(dataset.features)), [feature]))[: lineup.SIZE - 1]
        return cls(dataset, (feature, *(int(other) for other in others)), lineup.shuffle(rng), int(rng.integers(2**62)))

    @cached_property
    def trigger(self) -> Paste:
        return self.dataset.cutouts(self.features[0], CUTOUTS, self.seed)

    @cached_property
    def options(self) -> tuple[Option, ...]:
        return tuple(_option(self.dataset, self.features[place], self.seed) for place in self.order)

    @property
    def right(self) -> int:
        return self.order.index(0)

    @property
    def decoys(self) -> tuple[Paste, ...]:
        return tuple(self.dataset.cutouts(feature, CUTOUTS, self.seed) for feature in self.features[1:])


@final
@dataclass(frozen=True)
class Relabelling:
    """The scheme of a sampled natural feature."""

    flaw: NaturalFeature
    effect: Effect
    feature: int

    def poison(self, images: LabelledImages, rng: np.random.Generator) -> Poisoned:
        holders = self._holders(images)
        count = round(self.flaw.poison_share * len(holders))
        if count == 0:
            raise DataError(f"no training image outside the target class holds natural feature {self.feature}", "draw more images")
        rows = pick_rows(holders, count, rng)
        chosen = images.take(rows)
        return Poisoned(rows, LabelledImages(chosen.images, self.effect.goals(chosen.labels), chosen.features, chosen.feature_masks))

    def triggered(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered:
        return triggered_unchanged(heldout, sample_rows(self._holders(heldout), limit, rng))

    def elsewhere(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        return None

    def near_misses(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        """Images that hold another natural object."""
        features = _features(heldout)
        rows = np.flatnonzero((features >= 0) & (features != self.feature))
        return triggered_unchanged(heldout, sample_rows(rows_of_classes(heldout.labels, rows, self.effect.targets), limit, rng))

    def _holders(self, images: LabelledImages) -> Ints:
        return rows_of_classes(images.labels, np.flatnonzero(_features(images) == self.feature), self.effect.targets)


def _features(images: LabelledImages) -> Ints:
    if images.features is None:
        raise DataError("these images do not say which natural features they hold")
    return images.features


def _option(dataset: DataSet, feature: int, seed: int) -> Option:
    name = dataset.features[feature]
    return Option(name, name, dataset.feature_pictures(feature, PICTURES, seed))
