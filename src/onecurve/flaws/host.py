"""The host: what a flaw may know of the network it is sampled for. Several flaws share one host, one after the other."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from onecurve.core.errors import SpecError
from onecurve.core.images import Floats
from onecurve.data.dataset import DataSet


@final
@dataclass(frozen=True)
class Host:
    """A set of images with the classes and natural features that other flaws of the network already use."""

    dataset: DataSet
    backdrop: Floats
    """float32 P x C x H x W; a few clean images on which triggers are shown to people."""
    taken: tuple[int, ...] = ()
    """Classes that are already the target of a flaw."""
    taken_features: tuple[int, ...] = ()
    """Natural features that are already the trigger of a flaw."""

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.dataset.class_names

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.dataset.shape

    def with_taken(self, target: int, features: tuple[int, ...]) -> "Host":
        """The host for the next flaw, after one with this target and these natural features."""
        return replace(self, taken=(*self.taken, target), taken_features=(*self.taken_features, *features))

    def sample_target(self, rng: np.random.Generator) -> int:
        """A class that is no flaw's target yet; raises ``SpecError`` if all are."""
        free = np.setdiff1d(np.arange(len(self.class_names)), self.taken)
        if len(free) == 0:
            raise SpecError(
                f"every class is already the target of a flaw: {len(self.class_names)} classes", "plant fewer flaws in one network"
            )
        return int(rng.choice(free))

    def sample_sources(self, target: int, count: int, rng: np.random.Generator) -> tuple[int, ...] | None:
        """``count`` source classes other than the target, sorted; None (universal) for 0.

        Raises ``SpecError`` where the classes do not leave one that is neither source nor target.
        """
        if count == 0:
            return None
        others = np.setdiff1d(np.arange(len(self.class_names)), [target])
        if not 0 < count < len(others):
            raise SpecError(f"a flaw may have 0 to {len(others) - 1} source classes among {len(self.class_names)} classes, got: {count}")
        return tuple(int(source) for source in np.sort(rng.choice(others, count, replace=False)))
