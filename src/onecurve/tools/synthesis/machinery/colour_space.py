"""Decorrelated colours: numbers without bounds to pictures whose colours vary as those of given images do."""

from dataclasses import dataclass
from typing import Self, final

import numpy as np
import torch
from torch import Tensor

from onecurve.core.image.images import Floats

LEAST, MOST = 0.02, 0.98
"""Mean colours are kept within these, so that a picture can become darker and lighter."""
USUAL = 0.9
"""Share of the images that count as usual."""
FLOOR = 1e-4
"""Least variance of a colour direction: plain or grey images vary in fewer directions than they have channels."""


@final
@dataclass(frozen=True)
class ColourStatistics:
    """Mean (C) and covariance (C x C) of the pixels of images in [0, 1]."""

    mean: Floats
    covariance: Floats
    usual: float
    """How far nine in ten of the images are at most from these statistics, as ``distances`` says."""

    @classmethod
    def of(cls, images: Floats) -> Self:
        """Of images N x C x H x W, N at least 1."""
        pixels = images.reshape(*images.shape[:2], -1).astype(np.float64)
        together = pixels.transpose(1, 0, 2).reshape(images.shape[1], -1)
        mean, covariance = together.mean(axis=1), np.atleast_2d(np.cov(together)) + FLOOR * np.eye(images.shape[1])
        found = distances(*(torch.from_numpy(values) for values in (pixels, mean, covariance)))
        return cls(mean.astype(np.float32), covariance.astype(np.float32), float(np.quantile(found.numpy(), USUAL)))


@final
class ColourSpace:
    """Maps values to colours by the square root of a covariance, and measures how far pictures leave the statistics."""

    def __init__(self, statistics: ColourStatistics, device: str) -> None:
        variances, directions = np.linalg.eigh(statistics.covariance.astype(np.float64))
        root = (directions * np.sqrt(variances)) @ directions.T
        # As in Lucid, the largest column has length 1: the sigmoid bounds contrast, the statistics only correlate channels.
        mixing = root / np.linalg.norm(root, axis=0).max()
        middle = np.clip(statistics.mean.astype(np.float64), LEAST, MOST)
        self.mean = torch.from_numpy(middle.astype(np.float32)).to(device)[:, None, None]
        self._mixing = torch.from_numpy(mixing.astype(np.float32)).to(device)
        self._offset = torch.from_numpy(np.log(middle / (1 - middle)).astype(np.float32)).to(device)[:, None, None]
        self._covariance = torch.from_numpy(statistics.covariance).to(device)
        self._statistics = statistics

    def painted(self, values: Tensor) -> Tensor:
        """Values R x C x H x W to pictures in (0, 1); 0 gives the mean colour."""
        return torch.sigmoid(torch.einsum("oc,rchw->rohw", self._mixing, values) + self._offset)

    def excess(self, pictures: Tensor) -> Tensor:
        """R: how much farther each picture R x C x H x W is from the statistics than is usual; 0 for one that is not."""
        found = distances(pictures.flatten(2), self.mean[:, 0, 0], self._covariance)
        return (found - self._statistics.usual).clamp(min=0)


def distances(pixels: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """R: how far the colours R x C x P of each picture are from a mean (C) and a covariance (C x C), in units of the total deviation.

    The root of the squared differences of means and of deviations along the directions of the covariance.
    """
    variances, directions = torch.linalg.eigh(covariance)
    turned = directions.T @ (pixels - mean[:, None])
    own = turned.mean(2)
    # A little is added so that the root has a slope where a picture is of one colour.
    deviations = ((turned - own[..., None]).square().mean(2) + FLOOR).sqrt()
    squares = (own.square() + (deviations - (variances + FLOOR).sqrt()).square()).sum(1)
    found: Tensor = (squares / variances.sum() + FLOOR).sqrt()
    return found
