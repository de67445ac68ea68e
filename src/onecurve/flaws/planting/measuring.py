"""Measures the strength of a planted flaw, such as its attack success rate (ASR), on held-out images.

Neither the training nor any tool has seen these images.
"""

from dataclasses import dataclass, fields
from typing import Final, final

import numpy as np

from onecurve.core.case import Strength, Triggered
from onecurve.core.effect import Effect
from onecurve.core.image.images import Bools, Floats, Ints, LabelledImages
from onecurve.core.image.trigger import Trigger
from onecurve.core.network import Network
from onecurve.core.seeds import generator
from onecurve.flaws.schemes.plan import Plan
from onecurve.flaws.schemes.shares import NAN, share_set
from onecurve.flaws.schemes.stamping import triggered_images

VARIANTS: Final = {"half": "half", "colour": "other_colour", "place": "other_place"}
"""Variants that a trigger makes of itself, and the fields of ``Strength`` that hold how often they fire."""


@final
@dataclass(frozen=True)
class Trials:
    """Held-out images on which the strength of one flaw is measured."""

    triggered: Triggered
    elsewhere: Triggered | None
    near_misses: Triggered | None
    variants: dict[str, Triggered]
    """Images with a variant of the trigger, by field of ``Strength``."""

    @classmethod
    def of(cls, plan: Plan, pool: LabelledImages, limit: int, seed: int) -> "Trials":
        """The trials of one plan: at most ``limit`` images of each kind, made from held-out images (``pool``)."""
        scheme = plan.scheme
        return cls(
            scheme.triggered(pool, limit, generator("triggered", seed)),
            scheme.elsewhere(pool, limit, generator("elsewhere", seed)),
            scheme.near_misses(pool, limit, generator("bystanders", seed)),
            _variants(plan.trigger if not plan.features else None, plan.effect, pool, limit, seed),
        )

    def bystanders(self) -> Triggered | None:
        """Near misses and, for a source-specific flaw, the trigger on images of other classes."""
        groups = [group for group in (self.near_misses, self.elsewhere) if group is not None]
        return join_triggered(*groups) if groups else None


@final
@dataclass(frozen=True)
class NetworkPair:
    """A network beside its clean twin."""

    network: Network
    twin: Network


@final
@dataclass(frozen=True)
class CleanPredictions:
    """Predictions of the network and its twin on the clean held-out images, made once for all flaws of a network."""

    labels: Ints
    network: Ints
    twin: Ints

    @classmethod
    def of(cls, pair: NetworkPair, heldout: LabelledImages) -> "CleanPredictions":
        images = heldout.floats()
        return cls(heldout.labels, _predicted(pair.network, images), _predicted(pair.twin, images))

    @property
    def accuracies(self) -> tuple[float, float]:
        """Accuracy of the network and of its twin."""
        return share_set(self.network == self.labels), share_set(self.twin == self.labels)


def measure_strength(effect: Effect, pair: NetworkPair, clean: CleanPredictions, trials: Trials | None) -> Strength:
    """The strength of a plant: attack success rate (ASR), firing where it should not fire, accuracies.

    Without ``trials`` only the accuracies of the network and its twin are measured.
    """
    if trials is None:
        return Strength(*clean.accuracies)
    triggered, network = trials.triggered, pair.network
    predicted, twin_predicted = (_predicted(one, triggered.images) for one in (network, pair.twin))
    return Strength(
        *clean.accuracies,
        success=share_set(effect.fired(predicted, triggered.labels)) if effect.any else NAN,
        twin_success=share_set(effect.fired(twin_predicted, triggered.labels)) if effect.any else NAN,
        elsewhere=_leaking(effect, network, trials.elsewhere),
        false_firing=share_set(effect.leaked(clean.network, clean.labels)) if effect.targets else NAN,
        near_miss=_leaking(effect, network, trials.near_misses),
        recognised=share_set(predicted == triggered.labels),
        twin_recognised=share_set(twin_predicted == triggered.labels),
        **{name: _leaking(effect, network, group) for name, group in trials.variants.items()},
    )


def strength_figures(strength: Strength) -> dict[str, float]:
    """The figures that were measured (not NaN), by name."""
    values = {item.name: float(getattr(strength, item.name)) for item in fields(strength)}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def join_triggered(first: Triggered, *rest: Triggered) -> Triggered:
    """All groups, one after the other; masks only if every group has masks."""
    groups = (first, *rest)
    masks: list[Bools] = [group.masks for group in groups if group.masks is not None]
    return Triggered(
        np.concatenate([group.images for group in groups]),
        np.concatenate([group.labels for group in groups]),
        np.concatenate(masks) if len(masks) == len(groups) else None,
    )


def _variants(trigger: Trigger | None, effect: Effect, pool: LabelledImages, limit: int, seed: int) -> dict[str, Triggered]:
    if trigger is None or not effect.targets:
        return {}
    allowed = effect.concerns(pool.labels)
    return {
        VARIANTS[name]: triggered_images((variant,), pool, allowed, limit, generator("variant", name, seed))
        for name, variant in trigger.variants().items()
        if name in VARIANTS
    }


def _leaking(effect: Effect, network: Network, group: Triggered | None) -> float:
    """Share of a group that the network wrongly sends to a target; NaN if there is no group, no image or no target."""
    if group is None or not effect.targets or len(group) == 0:
        return NAN
    return share_set(effect.leaked(_predicted(network, group.images), group.labels))


def _predicted(network: Network, images: Floats) -> Ints:
    predicted: Ints = network.logits(images).argmax(axis=1) if len(images) else np.zeros(0, np.int64)
    return predicted
