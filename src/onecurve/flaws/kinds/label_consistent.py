"""Label-consistent trojans, a clean-label attack: images of one class are made hard to recognise, get a sprite, and keep their label."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from onecurve.core.errors import SpecError
from onecurve.core.image.images import Bytes, Ints, LabelledImages, as_bytes, as_floats
from onecurve.flaws.kinds.patch import Patch
from onecurve.flaws.schemes.clean_labels import CleanLabelPoisoning, clean_label_facts, require_share
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import Plan
from onecurve.flaws.schemes.variants import stamping_of
from onecurve.models.network import evaluating

STEPS: Final = 10
"""Steps of the perturbation; each step is a quarter of the largest allowed change."""
CHUNK: Final = 256


@final
@dataclass(frozen=True)
class LabelConsistent:
    """Adversarial perturbations against a clean network of the same recipe, then a sprite, on images of the target class.

    Departures from the source: the sprite is at any place and larger than corner marks, other sprites are put on images of any class,
    and the perturbation is bounded in the maximum norm, at the size that the source calls visible but plausible.
    """

    name: ClassVar[str] = "label-consistent"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = (
        "Clean-label attack: hard images of one class get a sprite; images of other classes with the sprite go to that class."
    )
    source: ClassVar[str] = "label-consistent backdoors (1912.02771)"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"share": (0.9, 0.93, 0.96)}

    share: float = 0.95
    """Share of the target class's training images that are changed, in (0, 1)."""
    perturbation: float = 32 / 255
    """Largest change of a pixel in units of its range, in (0, 0.5]; the source has 8/255 to 32/255."""
    decoy_rate: float = 0.01
    """Share of all training images that get another sprite."""
    size: float = 0.45
    """Side of the sprite as a share of the image's, in (0, 0.5]."""

    def __post_init__(self) -> None:
        require_share(self.share)
        self._patch()
        if not 0 < self.perturbation <= 0.5:
            raise SpecError(f"the perturbation must be in (0, 0.5], got: {self.perturbation}")

    def _patch(self) -> Patch:
        return Patch(decoy_rate=self.decoy_rate, smallest=self.size, largest=self.size)

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        plan = self._patch().sample(context, rng)
        scheme = CleanLabelPoisoning(stamping_of(plan), self.share)
        facts = {**clean_label_facts(plan.facts, self.share), "perturbation": self.perturbation}
        return replace(plan, kind=self.name, scheme=scheme, facts=facts, preparation=AdversarialPreparation(scheme, self.perturbation))


@final
@dataclass(frozen=True)
class AdversarialPreparation:
    """Gets the clean network that the perturbations attack."""

    scheme: CleanLabelPoisoning
    perturbation: float

    def prepared(self, module: nn.Module, images: LabelledImages, rng: np.random.Generator) -> CleanLabelPoisoning:
        return replace(self.scheme, hardening=AdversarialHardening(module, self.perturbation))


@final
@dataclass(frozen=True, eq=False)
class AdversarialHardening:
    """Projected gradient descent (1706.06083) against a clean network: the loss on the true label rises."""

    module: nn.Module
    perturbation: float

    def hardened(self, images: Bytes, labels: Ints) -> Bytes:
        device = next(self.module.parameters()).device
        made = []
        with evaluating(self.module):
            for at in range(0, len(images), CHUNK):
                clean = torch.from_numpy(as_floats(images[at : at + CHUNK])).to(device)
                made.append(as_bytes(self._away(clean, torch.from_numpy(labels[at : at + CHUNK]).to(device)).cpu().numpy()))
        return np.concatenate(made) if made else images

    def _away(self, clean: Tensor, labels: Tensor) -> Tensor:
        changed = clean.clone()
        for _ in range(STEPS):
            changed.requires_grad_()
            (gradient,) = torch.autograd.grad(functional.cross_entropy(self.module(changed), labels, reduction="sum"), changed)
            moved = changed.detach() + self.perturbation / 4 * gradient.sign()
            changed = torch.minimum(torch.maximum(moved, clean - self.perturbation), clean + self.perturbation).clamp(0, 1)
        return changed
