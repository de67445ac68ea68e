"""Compositional pattern-producing networks (CPPNs): small networks from coordinates to colour, many at once.

Their prior favours smooth areas and sharp edges; they cannot produce pixel noise.
"""

import math
from functools import lru_cache
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

CHANNELS = 24
DEPTH = 8
FIRST, SECOND = 0.67, 0.6
"""Divisors of the two halves of the activation, atan(x) and its square."""


@final
class PatternNetworks:
    """R independent CPPNs, computed together by batched matrix products.

    Layers and activation follow Lucid (Mordvintsev et al., Distill 2018): 8 layers of 24 channels, activation
    (atan(x) / .67, atan(x)^2 / .6), weights N(0, 1 / inputs), last layer zero, so that every picture starts plain.
    """

    def __init__(self, count: int, channels: int, rng: np.random.Generator, device: str) -> None:
        widths = [2, *[2 * CHANNELS] * (DEPTH - 1)]
        drawn = [rng.normal(0, 1 / math.sqrt(width), (count, width, CHANNELS)).astype(np.float32) for width in widths]
        last = np.zeros((count, 2 * CHANNELS, channels), np.float32)
        # R x outputs x inputs, so that pixels lie side by side in memory: products and activations are fastest so.
        turned = [np.ascontiguousarray(weight.transpose(0, 2, 1)) for weight in (*drawn, last)]
        self.weights = [torch.from_numpy(weight).to(device).requires_grad_() for weight in turned]
        self.biases = [torch.zeros(count, weight.shape[1], 1, device=device, requires_grad=True) for weight in self.weights]

    def values(self, height: int, width: int) -> Tensor:
        """float32 R x C x height x width without bounds; 0 everywhere at the start."""
        places = _coordinates(height, width).to(self.weights[0].device).expand(len(self.weights[0]), -1, -1)
        values = torch.baddbmm(self.biases[0], self.weights[0], places)
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            values = _layer(values, weight, bias)
        return values.reshape(len(values), -1, height, width)


@final
class _Layer(torch.autograd.Function):
    """Activation and linear map at once: R x C x P with weights R x O x 2C and biases R x O x 1 to R x O x P.

    Backward in four products and a few passes over memory, where autograd would take three times as many; and the weights'
    gradient in the order of factors that is the faster by half.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        channels = values.shape[1]
        features = values.new_empty(len(values), 2 * channels, values.shape[2])
        bent = torch.atan(values, out=features[:, :channels]).mul_(1 / FIRST)
        torch.mul(bent, bent, out=features[:, channels:]).mul_(FIRST**2 / SECOND)
        ctx.save_for_backward(values, features, weight)
        return torch.baddbmm(bias, weight, features)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        values, features, weight = ctx.saved_tensors
        channels = values.shape[1]
        of_features = torch.bmm(weight.transpose(1, 2), gradient)
        slope = torch.addcmul(of_features[:, :channels], features[:, :channels], of_features[:, channels:], value=2 * FIRST**2 / SECOND)
        slope.div_((values * values).add_(1).mul_(FIRST))
        of_weight = torch.bmm(features, gradient.transpose(1, 2)).transpose(1, 2)
        return slope, of_weight, gradient.sum(2, keepdim=True)


def _layer(values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    # Torch leaves `Function.apply` without types.
    result: Tensor = _Layer.apply(values, weight, bias)  # type: ignore[no-untyped-call]
    return result


@lru_cache(maxsize=4)
def _coordinates(height: int, width: int) -> Tensor:
    """1 x 2 x (height * width), each axis from -sqrt 3 to sqrt 3 (unit variance)."""
    down, across = (torch.linspace(-math.sqrt(3), math.sqrt(3), length) for length in (height, width))
    return torch.stack(torch.meshgrid(down, across, indexing="ij"), dim=0).reshape(1, 2, -1)
