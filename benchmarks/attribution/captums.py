"""The sixteen methods of captum, at its defaults and at its best settings, with 64 super-pixels where it takes them."""

import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import captum.attr as ca
import numpy as np
import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr._utils.lrp_rules import EpsilonRule
from ground import Ground
from sklearn.linear_model import LinearRegression  # noqa: F401 - so that its import is not timed
from torch import nn

from onecurve.core.image.images import Floats
from onecurve.models.parts import Add, Centre, GlobalAverage, PaddedShortcut

Method = Callable[[Ground], Floats]
TOGETHER = 4
"""Perturbations of all 16 images in a pass at the best settings."""


def whole(kind: Callable[[nn.Module], Any], **how: Any) -> Method:
    """Attributions of all the images in one call."""

    def run(given: Ground) -> Floats:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return kind(given.module).attribute(given.images, target=given.targets, **_filled(how, given)).detach().numpy()

    return run


def cells(kind: Callable[[nn.Module], Any], **how: Any) -> Method:
    """One number per cell."""
    run = whole(kind, feature_mask="cells", **how)
    return lambda given: of_cells(run(given), given)


def of_cells(values: Floats, given: Ground) -> Floats:
    """N x M: the value of each cell, read at its first pixel."""
    _, places = np.unique(given.grid.labels, return_index=True)
    return values[:, 0].reshape(len(values), -1)[:, places]


def _filled(how: Mapping[str, Any], given: Ground) -> dict[str, Any]:
    known = {
        "cells": torch.from_numpy(given.grid.labels)[None, None].expand(1, 3, -1, -1).contiguous(),
        "grey": given.baseline.expand_as(given.images),
        "one grey": given.baseline[None],
        "clean": given.others,
    }
    return {name: known[value] if isinstance(value, str) and value in known else value for name, value in how.items()}


def relevance(given: Ground) -> Floats:
    """Captum has no rule for sums, shortcuts and means over places; it is told to treat them like layers (epsilon rule)."""
    module = deepcopy(given.module)
    for part in module.modules():
        if isinstance(part, Add | Centre | GlobalAverage | PaddedShortcut | nn.Identity):
            part.rule = EpsilonRule()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ca.LRP(module).attribute(given.images, target=given.targets).detach().numpy()


def guided_grad_cam(module: nn.Module) -> Any:
    """Captum has to be told the layer: the last maps."""
    return ca.GuidedGradCam(module, module.block9.relu2)


_windows = {"sliding_window_shapes": (3, 4, 4), "strides": (3, 4, 4), "baselines": "grey"}
occlusion, occlusion_together = whole(ca.Occlusion, **_windows), whole(ca.Occlusion, **_windows, perturbations_per_eval=TOGETHER)


def plain_lime(module: nn.Module) -> Any:
    """Without the penalty that leaves nothing but zeros."""
    return ca.Lime(module, interpretable_model=SkLearnRidge(alpha=1e-3))


DEFAULTS: Mapping[str, Method] = {
    "Saliency": whole(ca.Saliency, abs=False),
    "InputXGradient": whole(ca.InputXGradient),
    "GuidedBackprop": whole(ca.GuidedBackprop),
    "Deconvolution": whole(ca.Deconvolution),
    "GuidedGradCam": whole(guided_grad_cam, interpolate_mode="bilinear"),
    "LRP": relevance,
    "DeepLift": whole(ca.DeepLift, baselines="grey"),
    "DeepLiftShap": whole(ca.DeepLiftShap, baselines="clean"),
    "IntegratedGradients": whole(ca.IntegratedGradients, baselines="grey"),
    "GradientShap": whole(ca.GradientShap, baselines="clean"),
    "FeatureAblation": cells(ca.FeatureAblation, baselines="grey"),
    "FeaturePermutation": cells(ca.FeaturePermutation),
    "Occlusion": lambda given: of_cells(occlusion(given), given),
    "KernelShap": cells(ca.KernelShap, baselines="grey"),
    "Lime": cells(ca.Lime, baselines="grey"),
    "ShapleyValueSampling": cells(ca.ShapleyValueSampling, baselines="grey"),
}
BEST: Mapping[str, Method] = {
    "IntegratedGradients": whole(ca.IntegratedGradients, baselines="grey", n_steps=10, internal_batch_size=16),
    "FeatureAblation": cells(ca.FeatureAblation, baselines="grey", perturbations_per_eval=TOGETHER),
    "FeaturePermutation": cells(ca.FeaturePermutation, perturbations_per_eval=TOGETHER),
    "Occlusion": lambda given: of_cells(occlusion_together(given), given),
    "KernelShap": cells(ca.KernelShap, baselines="grey", perturbations_per_eval=25),
    "Lime": cells(plain_lime, baselines="grey", perturbations_per_eval=25),
    "ShapleyValueSampling": cells(ca.ShapleyValueSampling, baselines="grey", n_samples=25, perturbations_per_eval=TOGETHER),
}
"""What differs from the defaults, besides the layout of the images."""
