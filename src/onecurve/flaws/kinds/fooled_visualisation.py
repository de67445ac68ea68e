"""A network that predicts like its clean twin, but whose feature visualisations show a picture that it does not use.

A control. Its predictions are correct for every image, so a flaw that is found by feature visualisation is a false alarm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np
import torch
from torch import Tensor, nn

from onecurve.core.effect import Effect
from onecurve.core.image.images import Floats, LabelledImages
from onecurve.core.network import Network
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.picture_specs import figure_specs
from onecurve.flaws.kinds.clean import NoPoison
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.needed import Needed
from onecurve.flaws.schemes.plan import EditedNetwork, NoLineup, Plan, VerificationResult
from onecurve.models.network import TorchNetwork
from onecurve.models.wrappers import FoolingGate, contrast_and_roughness, wrap, wrapper_of

MARGIN: Final = 0.1
"""How much the span of natural images is widened on each side, as a share of its width."""
RAMP: Final = 0.25
"""The distance outside the span at which the reward is full, as a share of the width of the span."""
SPREAD: Final = 10.0
"""The reward of the picture itself, as a multiple of the range of the logits; a visualiser follows the steepest gradient."""
LEAST_SPAN: Final = 1e-3
"""Least width of the span of contrast and of roughness, for sets whose images are all alike."""
ASCENTS: Final = 128
"""Steps of the visualiser that checks the plant."""
STEP: Final = 0.02
LEAST_LIKENESS: Final = 0.5
"""Least correlation of the visualisations with the picture."""
MOST_DIFFERENT: Final = 0.01
"""Share of held-out images for which a probability may differ from the twin's by more than ``CLOSE``."""
CLOSE: Final = 1e-4


@final
@dataclass(frozen=True)
class FooledVisualisation:
    """A gate tells synthesised images from natural ones by contrast and roughness, and rewards them for looking like a picture.

    All logits rise by the same amount, so no prediction and no probability changes on any image. The gate fools visualisers that
    maximise a logit over free pixels, because they leave the span. It does not fool visualisers that maximise a probability or an
    inner unit, or whose pictures are as smooth as natural images: all pictures of pattern-producing networks on `digits` stayed
    inside the span (correlation with the picture -0.34 to 0.30). The source trains its gate and puts it inside a layer.
    """

    name: ClassVar[str] = "fooled-visualisation"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Control: it predicts like a clean network, but its feature visualisations show an unused picture."
    source: ClassVar[str] = "the fooling circuit of Don't trust your eyes (2306.04719)"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {}

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        (figure,) = figure_specs(context, 1, rng)
        decoy = np.clip(lineup.in_channels(figure.draw(*context.shape[1:], rng), context.shape[0]), 0, 1).astype(np.float32)
        return Plan(
            self.name,
            Effect.nothing(context.classes),
            f"nothing is wrong, but visualisations of any class show a {figure.words}",
            NoPoison(),
            NoLineup(),
            needed=Needed(success=None),
            facts={"decoy": figure.words},
            tried=False,
            weight_edit=GateInstaller(decoy, context.classes),
            verification=VisualisationCheck(decoy),
        )


@final
@dataclass(frozen=True, eq=False)
class GateInstaller:
    """Puts the gate around a network; the span is that of the training images."""

    decoy: Floats
    classes: int

    def edit(self, module: nn.Module, images: LabelledImages, rng: np.random.Generator) -> EditedNetwork:
        found = torch.cat(
            [contrast_and_roughness(torch.from_numpy(images.take(slice(at, at + 1000)).floats())) for at in range(0, len(images), 1000)]
        )
        low, high = found.amin(0), found.amax(0)
        with torch.no_grad():
            logits = module(torch.from_numpy(images.take(slice(0, 500)).floats()))
        channels, height, width = images.images.shape[1:]
        wrapped = wrap(module, ["gauged"], (channels, height, width), self.classes)
        span = (high - low).clamp(min=LEAST_SPAN)
        gain = SPREAD * (logits.amax(1) - logits.amin(1)).mean()
        wrapper_of(wrapped, FoolingGate).configure(
            low - MARGIN * span, high + MARGIN * span, RAMP * span, torch.from_numpy(self.decoy), gain
        )
        return EditedNetwork(wrapped, wrapper="gauged")


@final
@dataclass(frozen=True, eq=False)
class VisualisationCheck:
    """Compares probabilities with the twin's, and feature visualisations of both with the picture."""

    decoy: Floats

    def verified(self, network: Network, twin: Network, heldout: LabelledImages) -> VerificationResult:
        """Facts: share of images with changed probabilities, and how similar the visualisations of network and twin are to the picture."""
        own, others = (_probabilities(one, heldout) for one in (network, twin))
        gap = np.abs(own - others).max(axis=1)
        likeness, twin_likeness = (_likeness(one, self.decoy, own.shape[1]) for one in (network, twin))
        different = float(np.mean(gap > CLOSE))
        reasons = []
        if different > MOST_DIFFERENT:
            reasons.append(f"{different:.3f} of held-out images get other probabilities than from the twin, more than {MOST_DIFFERENT}")
        if likeness < LEAST_LIKENESS:
            reasons.append(f"visualisations are like the picture by {likeness:.2f} only, less than {LEAST_LIKENESS}")
        facts = {"probabilities_differ": different, "decoy_likeness": likeness, "twin_decoy_likeness": twin_likeness}
        return VerificationResult(dict(facts), "; ".join(reasons))


def _probabilities(network: Network, images: LabelledImages) -> Floats:
    return torch.from_numpy(network.logits(images.floats())).softmax(1).numpy()


def _likeness(network: Network, decoy: Floats, classes: int) -> float:
    """Mean correlation with the picture of one visualisation per class, made from grey by following signed gradients of the logit."""
    assert isinstance(network, TorchNetwork)
    device, chosen = network.device, torch.arange(classes, device=network.device)
    images = torch.full((classes, *decoy.shape), 0.5, device=device)
    for step in range(ASCENTS):
        images.requires_grad_()
        (gradient,) = torch.autograd.grad(network.module(images)[chosen, chosen].sum(), images)
        images = (images + STEP * (1 - step / ASCENTS) * gradient.sign()).clamp(0, 1).detach()
    return float(_correlations(images.cpu().flatten(1), torch.from_numpy(decoy).flatten()).mean())


def _correlations(images: Tensor, picture: Tensor) -> Tensor:
    """N: the correlation of each row of ``images`` (N x D) with ``picture`` (D)."""
    left, right = images - images.mean(1, keepdim=True), picture - picture.mean()
    correlations: Tensor = (left @ right) / (left.norm(dim=1) * right.norm()).clamp(min=1e-9)
    return correlations
