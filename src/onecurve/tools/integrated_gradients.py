"""Integrated gradients through captum: the gradient of the target logit, averaged on the way from a baseline to the input.

Signs are dropped by taking absolute values before channels are added: a pixel that argues against the target is marked as well.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from captum.attr import IntegratedGradients as CaptumIntegratedGradients
from torch import nn

from onecurve.core.access import Access
from onecurve.core.evidence import Evidence, HeatMap
from onecurve.core.images import Floats
from onecurve.core.question import Brief
from onecurve.core.workbench import Workbench
from onecurve.models.network import torch_module
from onecurve.tools.baseline_image import BASELINES, BaselineKind, baseline_image
from onecurve.tools.bounds import require_among, require_within

COST = 3
"""Forward-equivalents of one step for one suspect: one forward, one backward."""
FEWEST_STEPS = 2
"""What captum demands; where the budget does not pay for them, fewer suspects are mapped."""
TOGETHER = 16
"""Suspects attributed at once, and images per pass: on a CPU larger batches spill the cache."""


@final
@dataclass(frozen=True)
class IntegratedGradients:
    """Sum over channels of ``|(x - x0) * mean gradient|`` (Sundararajan et al., arXiv 1703.01365), captum 0.9.

    The path is cut by the midpoint rule, in as many equal steps as the budget pays for and at most ``steps``. Without a
    target in the brief, each suspect's own top class is explained, at one more forward pass each.
    """

    name: ClassVar[str] = "integrated-gradients"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "attribution by gradients integrated from a baseline image to the input"
    source: ClassVar[str] = "arXiv 1703.01365"
    needs: ClassVar[Access] = Access.WEIGHTS | Access.SUSPECTS
    tasks: ClassVar[tuple[str, ...]] = ("localise",)

    steps: int = 50
    """The most steps on the path, at least 2."""
    baseline: BaselineKind = "mean"

    def __post_init__(self) -> None:
        require_within("steps", self.steps, FEWEST_STEPS)
        require_among("baseline", self.baseline, BASELINES)

    def look(self, task: str, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects."""
        if brief.suspects is None:
            return Evidence()
        extra = 1 if brief.target is None else 0
        count = workbench.affordable(COST * FEWEST_STEPS + extra, len(brief.suspects))
        if count == 0:
            return Evidence()
        steps = min(self.steps, int((workbench.remaining / count - extra) / COST))
        suspects = brief.suspects[:count]
        module = torch_module(workbench.subject)
        baseline = torch.from_numpy(baseline_image(self.baseline, workbench.subject, suspects)).to(workbench.device)
        parts = [
            _attribution(module, torch.from_numpy(suspects[start : start + TOGETHER]).to(workbench.device), baseline, brief.target, steps)
            for start in range(0, count, TOGETHER)
        ]
        caption = f"integrated gradients in {steps} steps"
        return Evidence(tuple(HeatMap(values, item, caption) for item, values in enumerate(np.concatenate(parts))))


def _attribution(module: nn.Module, inputs: torch.Tensor, baseline: torch.Tensor, target: int | None, steps: int) -> Floats:
    """float32 N x H x W, non-negative."""
    if target is None:
        with torch.no_grad():
            targets = module(inputs).argmax(dim=1)
    else:
        targets = torch.full((len(inputs),), target, device=inputs.device)
    signed = CaptumIntegratedGradients(module).attribute(
        inputs,
        baselines=baseline.expand_as(inputs),
        target=targets,
        n_steps=steps,
        method="riemann_middle",
        internal_batch_size=max(TOGETHER, len(inputs)),
    )
    values: Floats = signed.abs().sum(dim=1).detach().cpu().numpy().astype(np.float32)
    return values
