"""Gradient SHAP: integrated gradients from many baselines at once, one random point of one random path per sample."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from onecurve.core.evidence import Evidence
from onecurve.core.question import Brief
from onecurve.core.validate import require_among, require_within
from onecurve.core.workbench import Workbench
from onecurve.tools.attribution.machinery.baseline_image import clean_baselines
from onecurve.tools.attribution.machinery.facts import GradientMaps
from onecurve.tools.attribution.machinery.gradients import Sampler, Sampling
from onecurve.tools.attribution.machinery.map_checks import SIGNS, Sign, halves_shown
from onecurve.tools.attribution.machinery.sanity_checks import examined


@final
@dataclass(frozen=True)
class GradientShap(GradientMaps):
    """Mean of ``(x - x0) * gradient`` at a random point between a random baseline x0 and the input x (arXiv 1705.07874, 1906.10670).

    Baselines are clean images (one-colour images where none are granted). Points are stratified: of n samples each has its own
    n-th of the path, and baselines come in turn, so that few samples repeat well. As many samples as the budget pays for, at most
    ``samples``. ``noise`` is added to the input as in the library that made the method known, which is 0 there and here by default.
    """

    name: ClassVar[str] = "gradient-shap"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "gradients at random points between clean images and the input"
    source: ClassVar[str] = "arXiv 1705.07874"

    samples: int = 64
    """The most samples per suspect, at least 1."""
    baselines: int = 32
    """The most baselines, at least 1."""
    noise: float = 0.0
    """Standard deviation of Gaussian noise on the input, in units of the pixel range, 0..1."""
    sign: Sign = "absolute"

    def __post_init__(self) -> None:
        require_within("samples", self.samples, 1)
        require_within("baselines", self.baselines, 1)
        require_within("noise", self.noise, 0, 1)
        require_among("sign", self.sign, SIGNS)

    @examined
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        paid = Sampling.of(brief, workbench, self.samples)
        if brief.suspects is None or paid is None:
            return Evidence()
        images = clean_baselines(min(paid.samples, self.baselines), workbench, brief.suspects)
        baselines = torch.from_numpy(images).to(workbench.device)
        halves = paid.halves(between(paid.suspects.images, baselines, paid.samples, self.noise, workbench.rng))
        return halves_shown(halves, paid.samples, self.sign, f"gradient SHAP with {paid.samples} samples, {len(baselines)} baselines")


def between(images: Tensor, baselines: Tensor, samples: int, noise: float, rng: np.random.Generator) -> Sampler:
    """Stratified random points between each image and the baselines, with the differences as factors."""
    count = len(images)
    strata = np.argsort(rng.random((count, samples)), axis=1)
    shares = torch.from_numpy(((strata + rng.random((count, samples))) / samples).astype(np.float32)).to(images.device)
    chosen = torch.from_numpy((np.arange(samples) + rng.integers(len(baselines), size=(count, 1))) % len(baselines)).to(images.device)

    def sampled(rows: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        ends = images[rows]
        if noise > 0:
            ends = ends + noise * torch.from_numpy(rng.standard_normal(tuple(ends.shape), np.float32)).to(images.device)
        starts = baselines[chosen[rows, numbers]]
        return torch.lerp(starts, ends, shares[rows, numbers][:, None, None, None]), ends - starts

    return sampled
