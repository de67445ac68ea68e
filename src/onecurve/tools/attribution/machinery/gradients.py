"""Gradients of target logits with respect to images, shared by saliency, integrated gradients and related methods.

The gradients that a network stores for its parameters are not changed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from onecurve.core.image.images import Floats
from onecurve.core.question import Brief
from onecurve.core.workbench import Workbench
from onecurve.models.network import layout_for, torch_module
from onecurve.tools.machinery.sizes import chunks, images_per_gradient

FORWARD, BACKWARD = 1, 2
"""Forward-equivalents of a pass of one example."""
GRADIENT = FORWARD + BACKWARD
"""Forward-equivalents of one gradient of one example."""

Sampler = Callable[[Tensor, Tensor], tuple[Tensor, Tensor | float]]
"""Rows of suspects and numbers of samples (both int64 B) to the points B x C x H x W and what their gradients are multiplied by."""


def affordable_samples(brief: Brief, workbench: Workbench, cost: float, most: int, fewest: int = 1) -> tuple[int, int]:
    """How many of the brief's suspects the rest of the budget pays for with at least ``fewest`` samples of that ``cost``, and how many
    samples of each, at most ``most``; 0, 0 where it pays for none.

    Where the brief names no target, finding out what the network says costs each suspect a forward pass more.
    """
    extra = FORWARD if brief.target is None else 0
    count = workbench.affordable(cost * fewest + extra, 0 if brief.suspects is None else len(brief.suspects))
    return (count, min(most, int((workbench.remaining / count - extra) / cost))) if count else (0, 0)


@final
class Suspects:
    """Suspects on the device of a workbench, and what of them is to be explained."""

    def __init__(self, workbench: Workbench, images: Floats) -> None:
        self.module = torch_module(workbench.subject)
        self.images = torch.from_numpy(np.ascontiguousarray(images)).to(workbench.device)
        self._layout = layout_for(self.module)
        self._chunk = images_per_gradient(images.shape[2], images.shape[3], workbench.device)

    def targets(self, target: int | None) -> Tensor:
        """int64 N: the target, or without one what the network says, at one forward pass each."""
        if target is not None:
            return torch.full((len(self.images),), target, device=self.images.device)
        return self.logits(self.images).argmax(dim=1)

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """N x K."""
        parts = [self.module(images[part].contiguous(memory_format=self._layout)) for part in chunks(len(images), self._chunk)]
        return torch.cat(parts)

    def rises(self, targets: Tensor, baseline: Tensor) -> Floats:
        """N: the target logit of each suspect less that of the baseline C x H x W; one forward pass each, and one more."""
        whole = self.logits(self.images).gather(1, targets[:, None])[:, 0]
        difference: Floats = (whole - self.logits(baseline[None])[0, targets]).cpu().numpy()
        return difference

    def mean_gradients(self, targets: Tensor, samples: int, sampler: Sampler) -> Tensor:
        """2 x N x C x H x W: sums of (gradient times factor) over even and odd samples, divided by the number of all samples.

        The two add up to the mean; apart they show how well it repeats. Samples of all suspects share passes.
        """
        count = len(self.images)
        sums = torch.zeros((2 * count, *self.images.shape[1:]), device=self.images.device)
        for part in chunks(count * samples, self._chunk):
            index = torch.arange(part.start, part.stop, device=self.images.device)
            rows, numbers = index % count, index // count
            points, factors = sampler(rows, numbers)
            moved = gradients(self.module, points.contiguous(memory_format=self._layout), targets[rows]) * factors
            sums.index_add_(0, numbers % 2 * count + rows, moved)
        return sums.view(2, *self.images.shape) / samples


@final
@dataclass(frozen=True, eq=False)
class Sampling:
    """The suspects that the budget pays for, their targets, and how many samples it pays for of each."""

    suspects: Suspects
    targets: Tensor
    samples: int

    @classmethod
    def of(cls, brief: Brief, workbench: Workbench, most: int, fewest: int = 1) -> "Sampling | None":
        """At most ``most`` gradients of each suspect; None where the budget does not pay for ``fewest`` of one."""
        count, samples = affordable_samples(brief, workbench, GRADIENT, most, fewest)
        if brief.suspects is None or count == 0:
            return None
        suspects = Suspects(workbench, brief.suspects[:count])
        return cls(suspects, suspects.targets(brief.target), samples)

    def halves(self, sampler: Sampler) -> Tensor:
        """2 x N x C x H x W: see ``Suspects.mean_gradients``."""
        return self.suspects.mean_gradients(self.targets, self.samples, sampler)


def gradients(module: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """N x C x H x W: the gradient of each image's target logit for the image."""
    leaf = images.detach().requires_grad_()
    with torch.enable_grad():
        return back(module(leaf), targets, leaf)


def back(logits: Tensor, targets: Tensor, leaf: Tensor) -> Tensor:
    """The gradient of the target logits (targets int64 N) for what they were made of."""
    return torch.autograd.grad(logits.gather(1, targets[:, None]).sum(), leaf)[0]


def said_or(target: int | None, logits: Tensor) -> Tensor:
    """int64 N: the target, or the class that each row of logits N x K says."""
    return logits.detach().argmax(dim=1) if target is None else torch.full((len(logits),), target, device=logits.device)
