"""The host: what a flaw may know of the network it is sampled for. Several flaws share one host, one after the other."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from onecurve.core.effect import Effect
from onecurve.core.errors import SpecError
from onecurve.core.image.images import Floats
from onecurve.data.dataset import DataSet


@final
@dataclass(frozen=True)
class FlawContext:
    """A set of images with the classes and natural features that other flaws of the network already use."""

    dataset: DataSet
    backdrop: Floats
    """float32 P x C x H x W; a few clean images on which triggers are shown to people."""
    taken: tuple[int, ...] = ()
    """Classes that are already the target of a flaw, or misread by one."""
    taken_features: tuple[int, ...] = ()
    """Natural features that are already the trigger of a flaw."""
    taken_by_same_kind: tuple[int, ...] = ()
    """Those of the taken classes that a flaw of the kind which is sampled next has taken: two of one kind and target could
    not be told apart in a lineup."""

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.dataset.class_names

    @property
    def classes(self) -> int:
        return len(self.dataset.class_names)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.dataset.shape

    def with_taken(self, effect: Effect, features: tuple[int, ...]) -> "FlawContext":
        """The host for the next flaw, after one with this effect and these natural features."""
        return replace(self, taken=(*self.taken, *effect.named), taken_features=(*self.taken_features, *features))

    def sample_target(self, rng: np.random.Generator) -> int:
        """A class for a flaw to send images to; see ``sample_targets``."""
        return self.sample_targets(1, rng)[0]

    def sample_targets(self, count: int, rng: np.random.Generator) -> tuple[int, ...]:
        """So many different classes that no flaw uses yet.

        Where there are fewer, those that fewest flaws use, but never one of a flaw of the same kind; raises ``SpecError`` if
        that is not enough either.
        """
        uses = np.bincount(np.array(self.taken, np.int64), minlength=self.classes)
        open_to_it = np.setdiff1d(np.arange(self.classes), self.taken_by_same_kind)
        if len(open_to_it) < count:
            raise SpecError(
                f"every class is already the target of such a flaw: {self.classes} classes, {len(open_to_it)} left, wanted: {count}",
                "plant fewer flaws of one kind in one network",
            )
        most = np.sort(uses[open_to_it])[count - 1]
        surely, perhaps = open_to_it[uses[open_to_it] < most], open_to_it[uses[open_to_it] == most]
        targets = rng.choice(perhaps, count - len(surely), replace=False)
        if len(surely):
            targets = rng.permutation(np.concatenate([surely, targets]))
        return tuple(int(target) for target in targets)

    def sample_sources(self, target: int, count: int, rng: np.random.Generator) -> tuple[int, ...] | None:
        """``count`` source classes other than the target, sorted; None (universal) for 0.

        Raises ``SpecError`` where the classes do not leave one that is neither source nor target.
        """
        if count == 0:
            return None
        others = np.setdiff1d(np.arange(self.classes), [target])
        if not 0 < count < len(others):
            raise SpecError(f"a flaw may have 0 to {len(others) - 1} source classes among {self.classes} classes, got: {count}")
        return tuple(int(source) for source in np.sort(rng.choice(others, count, replace=False)))

    def sample_effect(self, sources: int, rng: np.random.Generator) -> Effect:
        """Towards one free class, from so many source classes; from all for 0."""
        target = self.sample_target(rng)
        return Effect.towards(target, self.classes, self.sample_sources(target, sources, rng))

    def describe_sources(self, effect: Effect) -> str:
        """The images that an effect concerns, in words."""
        if effect.sources is None:
            return "any image"
        return "an image of " + " or ".join(f"`{self.class_names[source]}`" for source in effect.sources)

    def describe_targets(self, effect: Effect) -> str:
        """What it makes the network say, in words."""
        if not effect.targets:
            return "something else"
        if len(effect.targets) == 1:
            return f"`{self.class_names[effect.targets[0]]}`"
        pairs = [(self.class_names[label], self.class_names[at]) for label, at in enumerate(effect.sends) if at >= 0 and at != label]
        return ", ".join(f"`{goal}` for `{label}`" for label, goal in pairs)
