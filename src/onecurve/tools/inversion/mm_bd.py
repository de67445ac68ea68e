"""MM-BD: how far can any image push a class above all others? A backdoor makes its target class's margin unusually large.

Data-free, and blind to what the trigger looks like.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor, nn

from onecurve.core.access import Access
from onecurve.core.evidence import ClassScores, Evidence, Pieces
from onecurve.core.image.images import Floats
from onecurve.core.question import Brief
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.models.network import evaluating, torch_module
from onecurve.tools.machinery.sizes import images_per_pass

COST = 3
"""Forward-equivalents of an image in one step."""
STEPS_WANTED = 150
"""The budget pays for so many steps first; what is left pays for more starts."""
FEWEST_STARTS, FEWEST_STEPS = 4, 20
"""With less, the margins of clean classes differ by chance alone, and the tool does not start."""


@final
@dataclass(frozen=True)
class MmBd:
    """The largest margin of each class over images of noise that are optimised for it (Wang et al., arXiv 2205.06900).

    Departures from the paper: Adam in place of plain gradient ascent, so that one learning rate serves all networks; the margin is the best
    on the way and not the last; and the reader judges what counts as an outlier, where the authors fit a gamma distribution.
    """

    name: ClassVar[str] = "mm-bd"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "largest margin that an optimised image gives to each class, without data"
    source: ClassVar[str] = "arXiv 2205.06900"
    needs: ClassVar[Access] = Access.WEIGHTS
    shows: ClassVar[Pieces] = (ClassScores,)

    starts: int = 30
    """Images of noise per class, at most; the authors' number."""
    steps: int = 300
    """The most steps; the authors' number."""
    learning_rate: float = 0.05

    def __post_init__(self) -> None:
        require_within("starts", self.starts, FEWEST_STARTS)
        require_within("steps", self.steps, FEWEST_STEPS)
        require_within("learning_rate", self.learning_rate, 1e-6, 10)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """Class scores where no target is given; nothing without budget for 4 starts and 20 steps of every class."""
        subject = workbench.subject
        each = workbench.remaining / (COST * subject.classes)
        if brief.target is not None or each < FEWEST_STARTS * FEWEST_STEPS:
            return Evidence()
        starts = int(np.clip(each / STEPS_WANTED, FEWEST_STARTS, self.starts))
        steps = int(np.clip(each / starts, FEWEST_STEPS, self.steps))
        targets = np.repeat(np.arange(subject.classes), starts)
        noise = workbench.rng.random((len(targets), *subject.input_shape), dtype=np.float32)
        module, chunk = torch_module(subject), images_per_pass(*subject.input_shape[1:])
        with evaluating(module):
            parts = [
                self._margins(module, noise[at : at + chunk], targets[at : at + chunk], steps, workbench.device)
                for at in range(0, len(targets), chunk)
            ]
        best = np.concatenate(parts).reshape(subject.classes, starts).max(axis=1)
        return Evidence((ClassScores(best.astype(np.float32), f"largest margin of {starts} starts and {steps} steps"),))

    def _margins(self, module: nn.Module, noise: Floats, targets: np.ndarray, steps: int, device: str) -> Floats:
        """The largest margin that each image reached, float32 N."""
        images = torch.tensor(noise, device=device, requires_grad=True)
        wanted = torch.tensor(targets, device=device)
        optimiser = torch.optim.Adam([images], self.learning_rate)
        best = torch.full((len(targets),), -torch.inf, device=device)
        for _ in range(steps):
            margins = _margin(module(images), wanted)
            best = torch.maximum(best, margins.detach())
            (images.grad,) = torch.autograd.grad(-margins.sum(), [images])
            optimiser.step()
            with torch.no_grad():
                images.clamp_(0, 1)
        found: Floats = best.cpu().numpy()
        return found


def _margin(logits: Tensor, wanted: Tensor) -> Tensor:
    """The logit of the class that is wanted less the largest other, of N x K logits."""
    own = logits.gather(1, wanted[:, None])[:, 0]
    others = logits.scatter(1, wanted[:, None], -torch.inf).amax(dim=1)
    return own - others
