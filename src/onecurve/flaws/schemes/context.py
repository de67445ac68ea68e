"""What a flaw may know about the network it is sampled for. The flaws of one network are sampled one after the other."""

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
    """A data set, and the classes and natural features that other flaws of the network already use."""

    dataset: DataSet
    backdrop: Floats
    """float32 P x C x H x W; a few clean images on which triggers are shown to a person."""
    taken: tuple[int, ...] = ()
    """Classes that are already the target of a flaw, or that a flaw makes the network misread."""
    taken_features: tuple[int, ...] = ()
    """Natural features that are already the trigger of a flaw."""
    taken_by_same_kind: tuple[int, ...] = ()
    """The taken classes that belong to flaws of the same kind as the next one. Two flaws of one kind and one target could not be
    told apart in a lineup."""

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
        """The context for the next flaw, after a flaw with this effect and these natural features."""
        return replace(self, taken=(*self.taken, *effect.named), taken_features=(*self.taken_features, *features))

    def sample_target(self, rng: np.random.Generator) -> int:
        """A target class for a flaw; see ``sample_targets``."""
        return self.sample_targets(1, rng)[0]

    def sample_targets(self, count: int, rng: np.random.Generator) -> tuple[int, ...]:
        """``count`` different classes that no flaw uses yet.

        If there are fewer, the classes used by the fewest flaws, but never the target of a flaw of the same kind. Raises
        ``SpecError`` if there are still too few.
        """
        uses = np.bincount(np.array(self.taken, np.int64), minlength=self.classes)
        allowed = np.setdiff1d(np.arange(self.classes), self.taken_by_same_kind)
        if len(allowed) < count:
            raise SpecError(
                f"every class is already the target of such a flaw: {self.classes} classes, {len(allowed)} left, wanted: {count}",
                "plant fewer flaws of one kind in one network",
            )
        most = np.sort(uses[allowed])[count - 1]
        surely, perhaps = allowed[uses[allowed] < most], allowed[uses[allowed] == most]
        targets = rng.choice(perhaps, count - len(surely), replace=False)
        if len(surely):
            targets = rng.permutation(np.concatenate([surely, targets]))
        return tuple(int(target) for target in targets)

    def sample_sources(self, target: int, count: int, rng: np.random.Generator) -> tuple[int, ...] | None:
        """``count`` source classes other than the target, sorted; None (universal) for 0.

        Raises ``SpecError`` unless at least one class is neither a source nor the target.
        """
        if count == 0:
            return None
        others = np.setdiff1d(np.arange(self.classes), [target])
        if not 0 < count < len(others):
            raise SpecError(
                f"a flaw may have 0 to {len(others) - 1} source classes among {self.classes} classes, got: {count}",
                "give fewer, or 0 for images of all classes",
            )
        return tuple(int(source) for source in np.sort(rng.choice(others, count, replace=False)))

    def sample_effect(self, sources: int, rng: np.random.Generator) -> Effect:
        """An effect from ``sources`` source classes (0: from all classes) towards one free target class."""
        target = self.sample_target(rng)
        return Effect.towards(target, self.classes, self.sample_sources(target, sources, rng))

    def describe_sources(self, effect: Effect) -> str:
        """The images that an effect applies to, in words."""
        if effect.sources is None:
            return "any image"
        return "an image of " + " or ".join(f"`{self.class_names[source]}`" for source in effect.sources)

    def describe_targets(self, effect: Effect) -> str:
        """What an effect makes the network predict, in words."""
        if not effect.targets:
            return "something else"
        if len(effect.targets) == 1:
            return f"`{self.class_names[effect.targets[0]]}`"
        pairs = [(self.class_names[label], self.class_names[at]) for label, at in enumerate(effect.sends) if at >= 0 and at != label]
        return ", ".join(f"`{goal}` for `{label}`" for label, goal in pairs)
