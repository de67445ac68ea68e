"""DeepLift and DeepLiftShap: the rise of the target logit from a baseline, propagated back by the slopes between the two.

The slope of each activation is taken between what it did for the baseline and what it does now. Baselines go forward one by one
and once for all suspects, and the suspects go forward once for all baselines, so memory does not grow with baselines.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor, nn

from onecurve.core.evidence import Evidence
from onecurve.core.question import Brief
from onecurve.core.validate import require_among, require_within
from onecurve.core.workbench import Meter, Workbench
from onecurve.models.network import torch_module
from onecurve.tools.attribution.machinery.backward_rules import RuledNetwork
from onecurve.tools.attribution.machinery.baseline_image import BaselineKind, baseline_image, clean_baselines
from onecurve.tools.attribution.machinery.difference import attributions
from onecurve.tools.attribution.machinery.facts import GradientMaps, require_map_parameters
from onecurve.tools.attribution.machinery.gradients import BACKWARD, FORWARD, GRADIENT, said_or
from onecurve.tools.attribution.machinery.map_checks import SIGNS, Sign, completeness, repeatability, shown, unsigned
from onecurve.tools.attribution.machinery.one_pass import Attribute, Attributions, OnePass
from onecurve.tools.attribution.machinery.sanity_checks import examined
from onecurve.tools.machinery.sizes import chunks, images_per_gradient


@final
@dataclass(frozen=True)
class DeepLift(GradientMaps):
    """Input less baseline times DeepLift's multipliers, by the rescale rule (Shrikumar et al., arXiv 1704.02685).

    Maximum pooling hands back what its maximum rose by to where the maximum is, and what it fell by to where it was. Products
    and softmax keep their gradients, so in transformers attributions need not add up; the caption says what they add up to.
    Raises ``ModelError`` where the network cannot be normalised.
    """

    name: ClassVar[str] = "deep-lift"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "rise of the target logit from a baseline, handed back by slopes"
    source: ClassVar[str] = "arXiv 1704.02685"

    baseline: BaselineKind = "mean"
    sign: Sign = "absolute"

    def __post_init__(self) -> None:
        require_map_parameters(self.sign, self.baseline)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        if brief.suspects is None:
            return Evidence()
        baseline = torch.from_numpy(baseline_image(self.baseline, workbench.subject, brief.suspects)).to(workbench.device)
        one_pass = OnePass(partial(_maker, baseline=baseline), GRADIENT, f"DeepLift from {self.baseline}", self.sign, FORWARD)
        return one_pass.look(brief, workbench)


@final
@dataclass(frozen=True)
class DeepLiftShap(GradientMaps):
    """DeepLift's attributions averaged over baselines from the clean set (Lundberg & Lee, arXiv 1705.07874, section 4.2).

    As many baselines as the budget pays for; without a clean set the one-colour images of ``baseline_image``. Raises ``ModelError``
    where the network cannot be normalised.
    """

    name: ClassVar[str] = "deep-lift-shap"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "DeepLift averaged over clean images as baselines"
    source: ClassVar[str] = "arXiv 1705.07874"

    baselines: int = 32
    """The most baselines, at least 1."""
    sign: Sign = "absolute"

    def __post_init__(self) -> None:
        require_within("baselines", self.baselines, 1)
        require_among("sign", self.sign, SIGNS)

    @examined
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        if brief.suspects is None:
            return Evidence()
        chunk = images_per_gradient(*workbench.subject.input_shape[1:], workbench.device)
        count = _suspects_for(workbench.remaining, chunk, len(brief.suspects))
        if count == 0:
            return Evidence()
        parts = chunks(count, chunk)
        most = int((workbench.remaining - count * FORWARD) / (len(parts) * FORWARD + count * BACKWARD))
        baselines = torch.from_numpy(clean_baselines(min(most, self.baselines), workbench, brief.suspects)).to(workbench.device)
        suspects = torch.from_numpy(np.ascontiguousarray(brief.suspects[:count])).to(workbench.device)
        network = RuledNetwork(torch_module(workbench.subject), workbench.subject.input_shape, workbench.meter, maps=False)
        found = [_averaged(network, suspects[part], baselines, brief.target) for part in parts]
        halves = torch.cat([values for values, _ in found], dim=1)
        whole = halves.sum(dim=0)
        checks = [completeness(whole.flatten(1).sum(dim=1).cpu().numpy(), torch.cat([rises for _, rises in found]).cpu().numpy())]
        if len(baselines) > 1:
            checks.append(repeatability(unsigned(halves[0], self.sign), unsigned(halves[1], self.sign)))
        return shown(unsigned(whole, self.sign), f"DeepLift from {len(baselines)} baselines", *checks)


def _averaged(network: RuledNetwork, suspects: Tensor, baselines: Tensor, target: int | None) -> tuple[Tensor, Tensor]:
    """2 x N x C x H x W from even and odd baselines, which add up to the mean over all; N mean rises of the target logit."""
    forward = network.run(suspects)
    targets = said_or(target, forward.logits)
    halves = torch.zeros((2, *suspects.shape), device=suspects.device)
    rises = forward.chosen(targets).detach().clone()
    for number, baseline in enumerate(baselines):
        logits = network.set_baseline(baseline)
        halves[number % 2] += attributions(forward, targets, baseline) / len(baselines)
        rises -= logits[targets] / len(baselines)
    return halves, rises


def _suspects_for(budget: float, chunk: int, at_most: int) -> int:
    """How many suspects ``budget`` forward-equivalents pay for with one baseline."""
    for count in range(at_most, 0, -1):
        if count * GRADIENT + len(chunks(count, chunk)) * FORWARD <= budget:
            return count
    return 0


def _maker(module: nn.Module, shape: tuple[int, int, int], meter: Meter, *, baseline: Tensor) -> Attribute:
    network = RuledNetwork(module, shape, meter, maps=False)
    logits = network.set_baseline(baseline)

    def attribute(images: Tensor, target: int | None) -> Attributions:
        forward = network.run(images)
        targets = said_or(target, forward.logits)
        return Attributions(attributions(forward, targets, baseline), forward.chosen(targets) - logits[targets])

    return attribute
