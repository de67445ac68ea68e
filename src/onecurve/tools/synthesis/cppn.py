"""Feature visualisation: pictures that raise the target logit, painted by CPPNs.

The pictures show what the network would call the target, whether that is the class itself or a trigger.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from onecurve.core.access import Access
from onecurve.core.evidence import Evidence, Picture, Pieces
from onecurve.core.question import Brief
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.models.network import evaluating, layout_for, torch_module
from onecurve.models.parts import has_fused_optimisers
from onecurve.tools.machinery.to_picture import GREY, picture_of
from onecurve.tools.synthesis.machinery.pattern_network import PatternNetworks

COST = 3
"""Forward-equivalents of one picture and step: one forward, one backward."""
FEWEST_STEPS = 32
"""A small budget reduces the number of pictures before the number of steps: an unfinished picture shows nothing."""


@final
@dataclass(frozen=True)
class Cppn:
    """CPPN feature visualisation of the target logit (Mordvintsev et al., Distill 2018, doi 10.23915/distill.00012).

    Each step sees each picture padded with grey, shifted, scaled and rotated at random, the ranges being those of the Lucid library as
    shares of its 128 px; all restarts are synthesised in one batch; without a target, one per class.
    """

    name: ClassVar[str] = "cppn"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "feature visualisation of the target logit by pattern-producing networks"
    source: ClassVar[str] = "Distill 2018, doi 10.23915/distill.00012"
    needs: ClassVar[Access] = Access.WEIGHTS
    shows: ClassVar[Pieces] = (Picture,)

    restarts: int = 4
    """Pictures of a given target."""
    steps: int = 512
    """The most steps."""
    learning_rate: float = 5e-3
    shift: float = 0.09
    """Largest shift as a share of the side."""
    scale: float = 0.1
    """Largest relative change of size."""
    degrees: float = 10.0
    """Largest rotation either way."""

    def __post_init__(self) -> None:
        require_within("restarts", self.restarts, 1, 256)
        require_within("steps", self.steps, 1)
        require_within("learning_rate", self.learning_rate, 1e-8, 10)
        require_within("shift", self.shift, 0, 1)
        require_within("scale", self.scale, 0, 0.9)
        require_within("degrees", self.degrees, 0, 180)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """Pictures, the highest target logit first; nothing without budget for one picture."""
        subject = workbench.subject
        wanted = np.arange(subject.classes) if brief.target is None else np.full(self.restarts, brief.target)
        targets = wanted[: workbench.affordable(COST * FEWEST_STEPS + 1, len(wanted))]
        if len(targets) == 0:
            return Evidence()
        steps = min(self.steps, int((workbench.remaining / len(targets) - 1) / COST))
        module, painters = torch_module(subject), PatternNetworks(len(targets), subject.input_shape[0], workbench.rng, workbench.device)
        chosen, layout = torch.from_numpy(targets)[:, None].to(workbench.device), layout_for(module)
        parameters = [*painters.weights, *painters.biases]
        optimiser = torch.optim.Adam(parameters, lr=self.learning_rate, fused=has_fused_optimisers(chosen.device))
        with evaluating(module):
            for _ in range(steps):
                seen = self._moved(painters.pictures(*subject.input_shape[1:]), workbench.rng)
                gradients = torch.autograd.grad(-module(seen.contiguous(memory_format=layout)).gather(1, chosen).sum(), parameters)
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter.grad = gradient
                optimiser.step()
            with torch.no_grad():
                pictures = painters.pictures(*subject.input_shape[1:])
                reached = module(pictures).gather(1, chosen)[:, 0].cpu().numpy()
        order = np.argsort(-reached, kind="stable")
        images = pictures.cpu().numpy()
        return Evidence(tuple(picture_of(images[row], f"`{subject.class_names[targets[row]]}`, logit {reached[row]:.1f}") for row in order))

    def _moved(self, pictures: Tensor, rng: np.random.Generator) -> Tensor:
        """Each picture shifted, scaled and rotated on a grey ground."""
        count = len(pictures)
        angle = np.deg2rad(rng.uniform(-self.degrees, self.degrees, count))
        size = rng.uniform(1 - self.scale, 1 + self.scale, count)
        shift = rng.uniform(-2 * self.shift, 2 * self.shift, (count, 2, 1))
        ratio = pictures.shape[2] / pictures.shape[3]
        turn = np.stack([np.stack([np.cos(angle), np.sin(angle) * ratio], -1), np.stack([-np.sin(angle) / ratio, np.cos(angle)], -1)], 1)
        theta = np.concatenate([turn / size[:, None, None], shift], -1).astype(np.float32)
        grid = functional.affine_grid(torch.from_numpy(theta).to(pictures.device), list(pictures.shape), align_corners=False)
        return functional.grid_sample(pictures - GREY, grid, align_corners=False) + GREY
