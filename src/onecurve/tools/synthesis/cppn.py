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
from onecurve.core.image.images import Floats, Ints
from onecurve.core.question import Brief
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.models.network import evaluating, layout_for, torch_module
from onecurve.models.parts import has_fused_optimisers
from onecurve.tools.machinery.to_picture import picture_of
from onecurve.tools.synthesis.machinery.colour_space import ColourSpace, ColourStatistics
from onecurve.tools.synthesis.machinery.pattern_network import PatternNetworks

COST = 3
"""Forward-equivalents of one picture and step: one forward, one backward."""
FEWEST_STEPS = 32
"""A small budget reduces the number of pictures before the number of steps: an unfinished picture shows nothing."""
MOST_ROUNDS = 1000
CLEAN = 500
"""Clean images whose colours are counted at most."""


@final
@dataclass(frozen=True)
class Cppn:
    """CPPN feature visualisation of the target logit (Mordvintsev et al., Distill 2018, doi 10.23915/distill.00012).

    Colours are decorrelated as in Lucid, by the colour statistics of the clean images in the place of ImageNet's: a picture that says
    nothing has their mean colour, and pictures whose mean and covariance of colours leave theirs are penalised. Each step sees
    each picture padded with the mean colour, shifted, scaled and rotated at random, the ranges being those of the Lucid library as
    shares of its 128 px. Pictures are synthesised in rounds, ``restarts`` of the target at a time, until the budget is spent; without a
    target, one per class at a time.
    """

    name: ClassVar[str] = "cppn"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "feature visualisation of the target logit by pattern-producing networks"
    source: ClassVar[str] = "Distill 2018, doi 10.23915/distill.00012"
    needs: ClassVar[Access] = Access.WEIGHTS | Access.CLEAN_IMAGES
    shows: ClassVar[Pieces] = (Picture,)

    restarts: int = 4
    """Pictures of a given target in one round."""
    steps: int = 512
    """Steps of a round; where the budget pays for one round more, there is one more, and what is left over makes rounds longer."""
    learning_rate: float = 5e-3
    colours: float = 2.0
    """Weight of the unusual distance from the colour statistics of the clean images, in logits per deviation of theirs; 0 for none."""
    shift: float = 0.09
    """Largest shift as a share of the side."""
    scale: float = 0.1
    """Largest relative change of size."""
    degrees: float = 10.0
    """Largest rotation either way."""
    shown: int = 8
    """How many pictures are shown of a given target."""

    def __post_init__(self) -> None:
        require_within("restarts", self.restarts, 1, 256)
        require_within("steps", self.steps, 1)
        require_within("learning_rate", self.learning_rate, 1e-8, 10)
        require_within("colours", self.colours, 0, 1e6)
        require_within("shift", self.shift, 0, 1)
        require_within("scale", self.scale, 0, 0.9)
        require_within("degrees", self.degrees, 0, 180)
        require_within("shown", self.shown, 1)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """Pictures, the highest target logit first; nothing without budget for one picture."""
        subject = workbench.subject
        wanted = np.arange(subject.classes) if brief.target is None else np.full(self.restarts, brief.target)
        targets = wanted[: workbench.affordable(COST * FEWEST_STEPS + 1, len(wanted))]
        if len(targets) == 0:
            return Evidence()
        rounds = max(1, workbench.affordable(len(targets) * (COST * self.steps + 1), MOST_ROUNDS))
        steps = int((workbench.remaining / (rounds * len(targets)) - 1) / COST)
        statistics = ColourStatistics.of(subject.granted_clean().take(slice(CLEAN)).floats())
        with evaluating(torch_module(subject)):
            made = [self._round(targets, steps, statistics, workbench) for _ in range(rounds)]
        images, reached = (np.concatenate(parts) for parts in zip(*made, strict=True))
        drawn = np.tile(targets, rounds)
        shown = best_of_each(reached, drawn, 1 if brief.target is None else self.shown)
        return Evidence(tuple(picture_of(images[row], f"`{subject.class_names[drawn[row]]}`, logit {reached[row]:.1f}") for row in shown))

    def _round(self, targets: Ints, steps: int, statistics: ColourStatistics, workbench: Workbench) -> tuple[Floats, Floats]:
        """Pictures float32 R x C x H x W of the targets and the target logit that each reaches."""
        shape, module = workbench.subject.input_shape, torch_module(workbench.subject)
        painters = PatternNetworks(len(targets), shape[0], workbench.rng, workbench.device)
        space = ColourSpace(statistics, workbench.device)
        chosen, layout = torch.from_numpy(targets)[:, None].to(workbench.device), layout_for(module)
        parameters = [*painters.weights, *painters.biases]
        optimiser = torch.optim.Adam(parameters, lr=self.learning_rate, fused=has_fused_optimisers(chosen.device))
        for _ in range(steps):
            pictures = space.painted(painters.values(*shape[1:]))
            seen = self._moved(pictures, space.mean, workbench.rng)
            wanted = module(seen.contiguous(memory_format=layout)).gather(1, chosen).sum()
            gradients = torch.autograd.grad(self.colours * space.excess(pictures).sum() - wanted, parameters)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient
            optimiser.step()
        with torch.no_grad():
            pictures = space.painted(painters.values(*shape[1:]))
            reached = module(pictures).gather(1, chosen)[:, 0]
        return pictures.cpu().numpy(), reached.cpu().numpy()

    def _moved(self, pictures: Tensor, ground: Tensor, rng: np.random.Generator) -> Tensor:
        """Each picture shifted, scaled and rotated on a ground of that colour (C x 1 x 1)."""
        count = len(pictures)
        angle = np.deg2rad(rng.uniform(-self.degrees, self.degrees, count))
        size = rng.uniform(1 - self.scale, 1 + self.scale, count)
        shift = rng.uniform(-2 * self.shift, 2 * self.shift, (count, 2, 1))
        ratio = pictures.shape[2] / pictures.shape[3]
        turn = np.stack([np.stack([np.cos(angle), np.sin(angle) * ratio], -1), np.stack([-np.sin(angle) / ratio, np.cos(angle)], -1)], 1)
        theta = np.concatenate([turn / size[:, None, None], shift], -1).astype(np.float32)
        grid = functional.affine_grid(torch.from_numpy(theta).to(pictures.device), list(pictures.shape), align_corners=False)
        return functional.grid_sample(pictures - ground, grid, align_corners=False) + ground


def best_of_each(reached: Floats, targets: Ints, each: int) -> Ints:
    """Rows of at most ``each`` pictures of every target, the highest logit first, all targets together."""
    order = np.argsort(-reached, kind="stable")
    ranks = [int((targets[order[:at]] == targets[row]).sum()) for at, row in enumerate(order)]
    return order[np.array(ranks) < each]
