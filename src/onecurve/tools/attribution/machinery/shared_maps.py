"""The attributions of many methods at once: they share one forward pass and one pool of coalitions.

Run one by one, seven methods need about seven forward and seven backward passes, and four games need four sets of coalitions. Together they
need two forward passes, six backward passes, and the pool.
"""

from collections.abc import Mapping

from torch import Tensor

from onecurve.core.image.images import Floats
from onecurve.tools.attribution.machinery.backward_rules import RuledNetwork
from onecurve.tools.attribution.machinery.class_activation import grad_cam
from onecurve.tools.attribution.machinery.coalitions import RIDGE, WIDTH, Played, kernel_shap, lime, shapley_by_surrogate
from onecurve.tools.attribution.machinery.difference import attributions
from onecurve.tools.attribution.machinery.gradients import BACKWARD, FORWARD, said_or
from onecurve.tools.attribution.machinery.rule_modules import Rule

ONE_PASS = 2 * FORWARD + 6 * BACKWARD
"""Forward-equivalents of ``one_pass_maps`` per image; the baseline is one pass more, once."""


def one_pass_maps(network: RuledNetwork, images: Tensor, target: int | Tensor | None, baseline: Tensor) -> Mapping[str, Tensor]:
    """Signed attributions N x C x H x W by name of the tool, for images N x C x H x W and the baseline that went forward last.

    ``target`` is a class, one per image (int64 N), or None for what the network says. Where the network has no feature maps,
    `grad-cam` (one channel) and `guided-grad-cam` are left out.
    """
    forward = network.run(images)
    targets = target if isinstance(target, Tensor) else said_or(target, forward.logits)
    gradient, guided = forward.back(Rule.GRADIENT, targets), forward.back(Rule.GUIDED, targets)
    maps = {
        "saliency": gradient,
        "input-x-gradient": gradient * images,
        "guided-backprop": guided,
        "deconvolution": forward.back(Rule.DECONVOLUTION, targets),
        "deep-lift": attributions(forward, targets, baseline),
        "lrp": forward.relevance(targets),
    }
    if forward.maps:
        cam = grad_cam(forward.maps, forward.maps_gradient(targets), (images.shape[2], images.shape[3]))
        maps |= {"grad-cam": cam, "guided-grad-cam": guided * cam}
    return maps


def pooled_values(played: Played) -> Mapping[str, Floats]:
    """Signed values N x M of the cells by name of the tool, from the pool of ``shapley_sampling.left_out_and_kernel``."""
    cells = played.coalitions.shape[1]
    return {
        "feature-ablation": played.full[:, None] - played.values[:, :cells],
        "kernel-shap": kernel_shap(played.part(slice(cells, None))),
        "lime": lime(played, WIDTH, RIDGE),
        "shapley-surrogate": shapley_by_surrogate(played),
    }
