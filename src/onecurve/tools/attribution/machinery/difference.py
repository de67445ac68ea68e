"""DeepLift's attributions from one forward pass: slopes between input and baseline, times their difference."""

from torch import Tensor

from onecurve.tools.attribution.machinery.backward_rules import ForwardPass
from onecurve.tools.attribution.machinery.rule_modules import Rule


def attributions(forward: ForwardPass, targets: Tensor, baseline: Tensor) -> Tensor:
    """N x C x H x W, from the baseline C x H x W that went forward last."""
    return forward.back(Rule.DIFFERENCE, targets) * (forward.images.detach() - baseline)
