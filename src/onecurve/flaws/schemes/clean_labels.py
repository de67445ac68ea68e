"""Clean-label attacks: the trigger is put on training images of the target class only, and every label stays correct."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, final

import numpy as np

from onecurve.core.case import Triggered
from onecurve.core.errors import SpecError
from onecurve.core.image.images import Bytes, Ints, LabelledImages
from onecurve.flaws.schemes.plan import Poisoned, pick_rows
from onecurve.flaws.schemes.stamping import Stamping, stamp, with_covers


class Hardening(Protocol):
    """Makes images hard to recognise by themselves, so that a network has to rely on the trigger."""

    def hardened(self, images: Bytes, labels: Ints) -> Bytes:
        """uint8 N x C x H x W: the same images, hard to recognise but changed only a little."""
        ...


@final
@dataclass(frozen=True)
class Unchanged:
    """Leaves the images unchanged."""

    def hardened(self, images: Bytes, labels: Ints) -> Bytes:
        return images


@final
@dataclass(frozen=True)
class CleanLabelPoisoning:
    """Poisons a share of the target class's images and nothing else. Covers are put on other images; their labels are kept too.

    On held-out images the trigger is tried like any other: images of every class should be classified as the target class.
    """

    stamping: Stamping
    """The trigger, its effect and its covers; its rate is not used."""
    share: float
    """Share of the target class's training images."""
    hardening: Hardening = field(default_factory=Unchanged)

    def poison(self, images: LabelledImages, rng: np.random.Generator) -> Poisoned:
        kit = self.stamping.kit
        own = np.flatnonzero(np.isin(images.labels, self.stamping.effect.targets))
        rows = pick_rows(own, round(self.share * len(own)), rng)
        hard = self.hardening.hardened(images.images[rows], images.labels[rows])
        return with_covers(rows, stamp((kit.trigger,), hard, rng)[0], kit.covers, images, rng)

    def triggered(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered:
        return self.stamping.triggered(heldout, limit, rng)

    def elsewhere(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        return self.stamping.elsewhere(heldout, limit, rng)

    def near_misses(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        return self.stamping.near_misses(heldout, limit, rng)


def clean_label_facts(facts: Mapping[str, str | int | float], share: float) -> dict[str, str | int | float]:
    """The facts of a plan that poisons every class, changed for a clean-label attack: the share of the class replaces the poison rate."""
    return {**{name: value for name, value in facts.items() if name not in {"poison_rate", "sources"}}, "class_share": share}


def require_share(share: float) -> None:
    """Raises ``SpecError`` unless the share leaves some images of the class clean."""
    if not 0 < share < 1:
        raise SpecError(f"the share of the class must be in (0, 1), got: {share}")
