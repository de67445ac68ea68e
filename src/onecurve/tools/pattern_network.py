"""Compositional pattern-producing networks (CPPNs): small networks from coordinates to colour, many at once.

Their prior is smooth and sharp at once: edges are cheap, pixel noise is out of reach.
"""

import math
from typing import final

import numpy as np
import torch
from torch import Tensor

CHANNELS = 24
DEPTH = 8


@final
class PatternNetworks:
    """R independent CPPNs, computed together by batched matrix products.

    Layers and activation follow Lucid (Mordvintsev et al., Distill 2018): 8 layers of 24 channels, activation
    (atan(x) / .67, atan(x)^2 / .6), weights N(0, 1 / inputs), last layer zero, so that every picture starts grey.
    """

    def __init__(self, count: int, channels: int, rng: np.random.Generator, device: str) -> None:
        widths = [2, *[2 * CHANNELS] * (DEPTH - 1)]
        drawn = [rng.normal(0, 1 / math.sqrt(width), (count, width, CHANNELS)).astype(np.float32) for width in widths]
        last = np.zeros((count, 2 * CHANNELS, channels), np.float32)
        self.weights = [torch.from_numpy(weight).to(device).requires_grad_() for weight in (*drawn, last)]
        self.biases = [torch.zeros(count, 1, weight.shape[2], device=device, requires_grad=True) for weight in self.weights]

    def pictures(self, height: int, width: int) -> Tensor:
        """float32 R x C x height x width in (0, 1)."""
        values = _coordinates(height, width).to(self.weights[0].device).expand(len(self.weights[0]), -1, -1)
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if number > 0:
                bent = torch.atan(values)
                values = torch.cat([bent, bent * bent], dim=2)
            values = torch.baddbmm(bias, values, weight if number == 0 else _with_activation_scales(weight))
        colours = torch.sigmoid(values)
        return colours.transpose(1, 2).reshape(len(colours), -1, height, width)


def _with_activation_scales(weight: Tensor) -> Tensor:
    # The activation's two factors are put into the weights, which are far smaller than the pictures.
    return torch.cat([weight[:, :CHANNELS] / 0.67, weight[:, CHANNELS:] / 0.6], dim=1)


def _coordinates(height: int, width: int) -> Tensor:
    """1 x (height * width) x 2, each axis from -sqrt 3 to sqrt 3 (unit variance)."""
    down, across = (torch.linspace(-math.sqrt(3), math.sqrt(3), length) for length in (height, width))
    return torch.stack(torch.meshgrid(down, across, indexing="ij"), dim=-1).reshape(1, -1, 2)
