"""The difference between what the network attributes and what a clean network of the same recipe attributes on the same input.

The difference removes what any network of this recipe attends to and leaves what only this network attends to.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch

from onecurve.core.access import Access
from onecurve.core.evidence import Evidence, HeatMap, Pieces
from onecurve.core.question import Brief
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.tools.attribution.integrated_gradients import FEWEST_STEPS, midpoints
from onecurve.tools.attribution.machinery.baseline_image import BaselineKind, baseline_image
from onecurve.tools.attribution.machinery.facts import require_map_parameters
from onecurve.tools.attribution.machinery.gradients import GRADIENT, Suspects, affordable_samples
from onecurve.tools.attribution.machinery.map_checks import Sign, completeness, shown, unsigned
from onecurve.tools.attribution.machinery.sanity_checks import examined


@final
@dataclass(frozen=True)
class ReferenceDifference:
    """Integrated gradients (arXiv 1703.01365) of the network less those of the clean reference, towards the same class.

    The target is the brief's, else what the network under study says. Half of the steps that the budget pays for go through the
    reference. Attributions add up to the rise of the one network's logit less that of the other's.
    """

    name: ClassVar[str] = "reference-difference"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "integrated gradients less those of a clean network of the same recipe"
    source: ClassVar[str] = "after arXiv 1703.01365"
    needs: ClassVar[Access] = Access.WEIGHTS | Access.SUSPECTS | Access.REFERENCE_NETWORK
    shows: ClassVar[Pieces] = (HeatMap,)

    steps: int = 50
    """The most steps on the path in each of the two networks, at least 2."""
    baseline: BaselineKind = "mean"
    sign: Sign = "positive"

    def __post_init__(self) -> None:
        require_within("steps", self.steps, FEWEST_STEPS)
        require_map_parameters(self.sign, self.baseline)

    @examined
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects. Raises ``ModelError`` without a reference."""
        count, steps = affordable_samples(brief, workbench, 2 * GRADIENT, self.steps, FEWEST_STEPS)
        if brief.suspects is None or count == 0:
            return Evidence()
        two = [
            Suspects(replace(workbench, subject=subject), brief.suspects[:count])
            for subject in (workbench.subject, workbench.subject.of_reference())
        ]
        targets, images = two[0].targets(brief.target), two[0].images
        baseline = torch.from_numpy(baseline_image(self.baseline, workbench.subject, brief.suspects)).to(workbench.device)
        means = [each.mean_gradients(targets, steps, midpoints(images, baseline, steps)).sum(dim=0) for each in two]
        values = (means[0] - means[1]) * (images - baseline)
        checks = []
        if workbench.remaining >= 2 * (count + 1):
            rises = two[0].rises(targets, baseline) - two[1].rises(targets, baseline)
            checks.append(completeness(values.flatten(1).sum(dim=1).cpu().numpy(), rises))
        return shown(unsigned(values, self.sign), f"integrated gradients in {steps} steps less the reference's", *checks)
