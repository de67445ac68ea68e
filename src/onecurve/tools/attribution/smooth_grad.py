"""SmoothGrad: the gradient averaged over noisy copies of the input."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from onecurve.core.evidence import Evidence
from onecurve.core.question import Brief
from onecurve.core.validate import require_among, require_within
from onecurve.core.workbench import Workbench
from onecurve.tools.attribution.machinery.facts import GradientMaps
from onecurve.tools.attribution.machinery.gradients import Sampler, Sampling
from onecurve.tools.attribution.machinery.map_checks import SIGNS, Sign, halves_shown
from onecurve.tools.attribution.machinery.sanity_checks import examined


@final
@dataclass(frozen=True)
class SmoothGrad(GradientMaps):
    """Mean gradient of the target logit over copies with Gaussian noise (Smilkov et al., arXiv 1706.03825).

    Signs are dropped after averaging. The budget decides how many copies are drawn, at most ``samples``. The paper recommends noise of 10
    to 20 per cent of the input range.
    """

    name: ClassVar[str] = "smooth-grad"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "gradient averaged over noisy copies of the input"
    source: ClassVar[str] = "arXiv 1706.03825"

    samples: int = 50
    """The most copies per suspect, at least 1."""
    noise: float = 0.15
    """Standard deviation of the noise, in units of the pixel range, 0..1."""
    sign: Sign = "absolute"

    def __post_init__(self) -> None:
        require_within("samples", self.samples, 1)
        require_within("noise", self.noise, 0, 1)
        require_among("sign", self.sign, SIGNS)

    @examined
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        paid = Sampling.of(brief, workbench, self.samples)
        if paid is None:
            return Evidence()
        halves = paid.halves(noisy(paid.suspects.images, self.noise, workbench.rng))
        return halves_shown(halves, paid.samples, self.sign, f"SmoothGrad with {paid.samples} samples")


def noisy(images: Tensor, noise: float, rng: np.random.Generator) -> Sampler:
    """Copies of the images with noise that is drawn as the samples are asked for, in their order."""

    def sampled(rows: Tensor, numbers: Tensor) -> tuple[Tensor, float]:
        given = images[rows]
        return given + noise * torch.from_numpy(rng.standard_normal(tuple(given.shape), np.float32)).to(images.device), 1.0

    return sampled
