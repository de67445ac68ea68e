"""Integrated gradients: the gradient of the target logit, averaged on the way from a baseline to the input."""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from onecurve.core.evidence import Evidence
from onecurve.core.question import Brief
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.tools.attribution.machinery.baseline_image import BaselineKind, baseline_image
from onecurve.tools.attribution.machinery.facts import GradientMaps, require_map_parameters
from onecurve.tools.attribution.machinery.gradients import Sampler, Sampling
from onecurve.tools.attribution.machinery.map_checks import Sign, completeness, shown, unsigned
from onecurve.tools.attribution.machinery.sanity_checks import examined

FEWEST_STEPS = 2
"""Where the budget does not pay for them, fewer suspects are mapped."""


@final
@dataclass(frozen=True)
class IntegratedGradients(GradientMaps):
    """``(x - x0) * mean gradient`` on the straight way from baseline x0 to input x (Sundararajan et al., arXiv 1703.01365).

    The path is cut by the midpoint rule, in as many equal steps as the budget pays for and at most ``steps``. Without a
    target in the brief, each suspect's own top class is explained, at one more forward pass each.
    """

    name: ClassVar[str] = "integrated-gradients"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "attribution by gradients integrated from a baseline image to the input"
    source: ClassVar[str] = "arXiv 1703.01365"

    steps: int = 50
    """The most steps on the path, at least 2."""
    baseline: BaselineKind = "mean"
    sign: Sign = "absolute"

    def __post_init__(self) -> None:
        require_within("steps", self.steps, FEWEST_STEPS)
        require_map_parameters(self.sign, self.baseline)

    @examined
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        paid = Sampling.of(brief, workbench, self.steps, FEWEST_STEPS)
        if brief.suspects is None or paid is None:
            return Evidence()
        suspects, steps = paid.suspects, paid.samples
        baseline = torch.from_numpy(baseline_image(self.baseline, workbench.subject, brief.suspects)).to(workbench.device)
        gradient = paid.halves(midpoints(suspects.images, baseline, steps)).sum(dim=0)
        values = gradient * (suspects.images - baseline)
        checks = []
        if workbench.remaining >= len(suspects.images) + 1:
            checks.append(completeness(values.flatten(1).sum(dim=1).cpu().numpy(), suspects.rises(paid.targets, baseline)))
        return shown(unsigned(values, self.sign), f"integrated gradients in {steps} steps from {self.baseline}", *checks)


def midpoints(images: Tensor, baseline: Tensor, steps: int) -> Sampler:
    """Samples at the middle of each of ``steps`` equal parts of the way from the baseline to each image."""

    def sampled(rows: Tensor, numbers: Tensor) -> tuple[Tensor, float]:
        share = ((numbers + 0.5) / steps)[:, None, None, None]
        return torch.lerp(baseline.expand_as(images[rows]), images[rows], share), 1.0

    return sampled
