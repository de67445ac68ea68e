"""How often found triggers send images to their class, measured on images that the search has not seen."""

import numpy as np
import torch
from torch import nn

from onecurve.core.image.images import Floats, Ints, LabelledImages
from onecurve.core.image.trigger import Trigger
from onecurve.core.workbench import Workbench
from onecurve.models.network import layout_for
from onecurve.tools.machinery.sizes import images_per_pass


def share_reaching(
    module: nn.Module, images: LabelledImages, classes: Ints, masks: Floats, patterns: Floats, workbench: Workbench
) -> np.ndarray:
    """float64 F: the share of images of other classes that each of F full-frame triggers sends to its class.

    Masks are F x H x W, patterns F x C x H x W. Uses as many of the images as the budget pays for; 0 where none is of another class.
    """
    images = images.take(slice(workbench.affordable(max(1, len(classes)), len(images))))
    which, image = np.nonzero(classes[:, None] != images.labels[None, :])
    hits = np.zeros(len(classes))
    clean, layout = images.floats(), layout_for(module)
    chunk = images_per_pass(*clean.shape[2:])
    for start in range(0, len(which), chunk):
        trigger, row = which[start : start + chunk], image[start : start + chunk]
        stamped = clean[row] + masks[trigger][:, None] * (patterns[trigger] - clean[row])
        with torch.no_grad():
            said = module(torch.from_numpy(stamped).to(workbench.device).contiguous(memory_format=layout)).argmax(dim=1).cpu().numpy()
        hits += np.bincount(trigger[said == classes[trigger]], minlength=len(classes))
    return hits / np.maximum(np.bincount(which, minlength=len(classes)), 1)


def share_reaching_by(trigger: Trigger, target: int, images: LabelledImages, workbench: Workbench) -> float:
    """The share of images of other classes that one trigger sends to the target; 0 where the budget pays for none."""
    others = images.take(images.labels != target)
    others = others.take(slice(workbench.affordable(1, len(others))))
    if len(others) == 0:
        return 0.0
    stamped = trigger.apply(others.floats(), workbench.rng).images
    return float((workbench.subject.granted_network().logits(stamped).argmax(axis=1) == target).mean())
