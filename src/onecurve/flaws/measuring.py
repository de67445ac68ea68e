"""How well a plant took, on held-out images that no training and no tool has seen."""

from dataclasses import dataclass, fields
from typing import final

import numpy as np

from onecurve.core.case import Strength, Triggered
from onecurve.core.images import Bools, Floats, LabelledImages
from onecurve.core.network import Network
from onecurve.core.seeds import generator
from onecurve.flaws.plan import Plan


@final
@dataclass(frozen=True)
class Trials:
    """Held-out images on which one flaw is tried."""

    triggered: Triggered
    elsewhere: Triggered | None
    near_misses: Triggered

    @classmethod
    def of(cls, plan: Plan, pool: LabelledImages, limit: int, seed: int) -> "Trials":
        """Trials of one plan, at most ``limit`` images of a kind, made of held-out images (``pool``)."""
        scheme = plan.scheme
        return cls(
            scheme.triggered(pool, limit, generator("triggered", seed)),
            scheme.elsewhere(pool, limit, generator("elsewhere", seed)),
            scheme.bystanders(pool, limit, generator("bystanders", seed)),
        )

    def bystanders(self) -> Triggered:
        """Near misses and, for a source-specific flaw, the trigger on images of other classes."""
        return self.near_misses if self.elsewhere is None else joined(self.near_misses, self.elsewhere)


def measured(
    target: int | None, network: Network, twin: Network, heldout: LabelledImages, trials: Trials | None, accuracies: tuple[float, float]
) -> Strength:
    """The strength of a plant; only the ``accuracies`` of network and twin for a clean network."""
    if target is None or trials is None:
        return Strength(*accuracies)
    others = heldout.take(heldout.labels != target)
    return Strength(
        *accuracies,
        success=share_said(network, trials.triggered.images, target),
        twin_success=share_said(twin, trials.triggered.images, target),
        elsewhere=float("nan") if trials.elsewhere is None else share_said(network, trials.elsewhere.images, target),
        false_firing=share_said(network, others.floats(), target),
        near_miss=share_said(network, trials.near_misses.images, target),
    )


def share_said(network: Network, images: Floats, target: int) -> float:
    """Share of the images (float32 N x C x H x W) that the network sends to the target; NaN for none."""
    if len(images) == 0:
        return float("nan")
    return float(np.mean(network.logits(images).argmax(axis=1) == target))


def accuracy(network: Network, images: LabelledImages | Triggered) -> float:
    """Share of the images that are given their true label; on triggered ones by the twin: how recognisable they still are."""
    pixels = images.images if isinstance(images, Triggered) else images.floats()
    return float(np.mean(network.logits(pixels).argmax(axis=1) == images.labels))


def figures(strength: Strength) -> dict[str, float]:
    """The figures that were measured, by name."""
    values = {item.name: float(getattr(strength, item.name)) for item in fields(strength)}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def joined(first: Triggered, second: Triggered) -> Triggered:
    """Both, one after the other; masks only where both have them."""
    masks: Bools | None = None
    if first.masks is not None and second.masks is not None:
        masks = np.concatenate([first.masks, second.masks])
    return Triggered(np.concatenate([first.images, second.images]), np.concatenate([first.labels, second.labels]), masks)
