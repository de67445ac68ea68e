"""The sixteen methods here, as functions of the ground: signed attributions, N x C x H x W or one number per cell, N x M."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from ground import CELLS, KIND, Ground
from torch import Tensor

from onecurve.core.image.images import Floats
from onecurve.tools.attribution.cams import grad_cam
from onecurve.tools.attribution.deep_lift import attributions
from onecurve.tools.attribution.feature_ablation import taken_from
from onecurve.tools.attribution.gradient_shap import between
from onecurve.tools.attribution.integrated_gradients import midpoints
from onecurve.tools.attribution.kernel_shap import RIDGE
from onecurve.tools.attribution.machinery.backward_rules import ForwardPass, RuledNetwork
from onecurve.tools.attribution.machinery.baseline_image import baseline_image
from onecurve.tools.attribution.machinery.coalitions import (
    kernel_coalitions,
    kernel_shap,
    lime,
    lime_coalitions,
    orders,
    prefixes,
    shapley_by_orders,
    shapley_by_surrogate,
)
from onecurve.tools.attribution.machinery.gradients import Suspects, back
from onecurve.tools.attribution.machinery.masking import Asked
from onecurve.tools.attribution.machinery.rule_modules import Rule
from onecurve.tools.attribution.machinery.shared_maps import one_pass_maps, pooled_values
from onecurve.tools.attribution.shapley_sampling import left_out_and_kernel

Method = Callable[[Ground], Floats]
POOL = 512
"""Coalitions per image in the shared pool."""


def saliency(given: Ground) -> Floats:
    """The plain gradient."""
    leaf = given.images.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    return back(given.module(leaf), given.targets, leaf).numpy()


def by_rule(rule: Rule) -> Method:
    """The gradient with another way back."""
    return lambda given: given.network.run(given.images).back(rule, given.targets).numpy()


def guided_grad_cam(given: Ground) -> Floats:
    """Guided backpropagation where Grad-CAM is positive."""
    forward = given.network.run(given.images)
    assert forward.maps
    cam = grad_cam(forward.maps, forward.maps_gradient(given.targets), (32, 32))
    return (forward.back(Rule.GUIDED, given.targets) * cam).numpy()


def lrp(given: Ground) -> Floats:
    """Relevance."""
    return given.network.run(given.images).relevance(given.targets).numpy()


def deep_lift(given: Ground) -> Floats:
    """From one baseline."""
    network = given.network
    network.set_baseline(given.baseline)
    return attributions(network.run(given.images), given.targets, given.baseline).numpy()


def deep_lift_shap(given: Ground) -> Floats:
    """From all the clean images."""
    network = given.network
    return _mean_over(given.others, network, network.run(given.images), given.targets)


def _mean_over(baselines: Tensor, network: RuledNetwork, forward: ForwardPass, targets: Tensor) -> Floats:
    total = torch.zeros_like(forward.images)
    for baseline in baselines:
        network.set_baseline(baseline)
        total += attributions(forward, targets, baseline) / len(baselines)
    return total.detach().numpy()


def integrated(given: Ground, steps: int, baseline: Tensor) -> Floats:
    """By the midpoint rule."""
    suspects = Suspects(given.bench(), given.images.numpy())
    means = suspects.mean_gradients(given.targets, steps, midpoints(suspects.images, baseline, steps)).sum(0)
    return (means * (suspects.images - baseline)).numpy()


def gradient_shap(given: Ground, samples: int) -> Floats:
    """At stratified random points."""
    bench = given.bench()
    suspects = Suspects(bench, given.images.numpy())
    sampler = between(suspects.images, given.others, samples, 0.0, bench.rng)
    return suspects.mean_gradients(given.targets, samples, sampler).sum(0).numpy()


def ablated(given: Ground) -> Floats:
    """Falls without each cell."""
    bench = given.bench()
    asked = Asked(bench, given.images.numpy(), None)
    behind = baseline_image(KIND, bench.subject, given.images.numpy())
    return asked.whole[:, None] - asked.showing(~np.eye(CELLS, dtype=bool), given.grid, behind)


def permuted(given: Ground, mates: int = 1) -> Floats:
    """Falls with each cell from the next images."""
    suspects = given.images.numpy()
    others = np.stack([np.roll(suspects, -step, axis=0) for step in range(1, mates + 1)], axis=1)
    asked = Asked(given.bench(), suspects, None)
    return (asked.whole[:, None, None] - taken_from(asked, others, given.grid)).mean(axis=1)


def kernel(samples: int) -> Method:
    """KernelSHAP."""

    def run(given: Ground) -> Floats:
        bench = given.bench()
        return kernel_shap(given.game(bench).play(kernel_coalitions(CELLS, samples, bench.rng), given.grid))

    return run


def limed(samples: int) -> Method:
    """LIME."""

    def run(given: Ground) -> Floats:
        bench = given.bench()
        return lime(given.game(bench).play(lime_coalitions(CELLS, samples, bench.rng), given.grid), 0.25, RIDGE)

    return run


def surrogate(samples: int) -> Method:
    """Shapley values of a surrogate."""

    def run(given: Ground) -> Floats:
        bench = given.bench()
        return shapley_by_surrogate(given.game(bench).play(left_out_and_kernel(CELLS, samples, bench.rng), given.grid))

    return run


def sampled(pairs: int) -> Method:
    """Shapley values by opposite orders."""

    def run(given: Ground) -> Floats:
        bench = given.bench()
        order = orders(CELLS, pairs, bench.rng)
        return shapley_by_orders(order, given.game(bench).play(prefixes(order), given.grid))

    return run


METHODS: Mapping[str, Method] = {
    "Saliency": saliency,
    "InputXGradient": lambda given: saliency(given) * given.images.numpy(),
    "GuidedBackprop": by_rule(Rule.GUIDED),
    "Deconvolution": by_rule(Rule.DECONVOLUTION),
    "GuidedGradCam": guided_grad_cam,
    "LRP": lrp,
    "DeepLift": deep_lift,
    "DeepLiftShap": deep_lift_shap,
    "IntegratedGradients": lambda given: integrated(given, 10, given.baseline),
    "GradientShap": lambda given: gradient_shap(given, 5),
    "FeatureAblation": ablated,
    "FeaturePermutation": permuted,
    "Occlusion": ablated,
    "KernelShap": kernel(22),
    "Lime": limed(23),
    "ShapleyValueSampling": surrogate(POOL),
}
"""The evaluations that each is given are captum's defaults, but for two, which need fewer to agree as well."""
ONE_PASS = ("Saliency", "InputXGradient", "GuidedBackprop", "Deconvolution", "GuidedGradCam", "LRP", "DeepLift")


def normalised(given: Ground) -> dict[str, Floats]:
    """The network made ready for every way back; nothing is attributed yet."""
    assert replace(given).network.maps_of
    return {}


def family(given: Ground) -> dict[str, Floats]:
    """The seven methods of one pass, sharing it; normalising the network is part of the time."""
    network = replace(given).network
    network.set_baseline(given.baseline)
    return _family(network, given)


def suite(given: Ground) -> dict[str, Floats]:
    """All sixteen, sharing the normalised network, the forward pass and one pool of coalitions."""
    bench = given.bench()
    network = replace(given).network
    network.set_baseline(given.baseline)
    game = given.game(bench)
    pool = pooled_values(game.play(left_out_and_kernel(CELLS, POOL, bench.rng), given.grid))
    return {
        **_family(network, given),
        "DeepLiftShap": _mean_over(given.others, network, network.run(given.images), given.targets),
        "IntegratedGradients": integrated(given, 10, given.baseline),
        "GradientShap": gradient_shap(given, 5),
        "FeaturePermutation": permuted(given),
        "FeatureAblation": pool["feature-ablation"],
        "Occlusion": pool["feature-ablation"],
        "KernelShap": pool["kernel-shap"],
        "Lime": pool["lime"],
        "ShapleyValueSampling": pool["shapley-surrogate"],
    }


def _family(network: RuledNetwork, given: Ground) -> dict[str, Floats]:
    names = {
        "saliency": "Saliency",
        "input-x-gradient": "InputXGradient",
        "guided-backprop": "GuidedBackprop",
        "deconvolution": "Deconvolution",
        "guided-grad-cam": "GuidedGradCam",
        "lrp": "LRP",
        "deep-lift": "DeepLift",
    }
    maps = one_pass_maps(network, given.images, given.targets, given.baseline)
    return {words: maps[name].detach().numpy() for name, words in names.items()}
