"""Layers that the networks share. They are modules, so that hooks and attribution rules can be attached to them."""

from copy import copy
from typing import TypeVar, final

import numpy as np
import torch
from torch import Tensor, nn

Layer = TypeVar("Layer", bound=nn.Module)


def has_fused_optimisers(device: torch.device) -> bool:
    """Whether torch's optimisers can update all parameters in one pass on the device; this speeds up small networks most."""
    return device.type in {"cpu", "cuda"}


@final
class Centre(nn.Module):
    """Pixels in [0, 1] to about zero mean and unit spread: (x - 0.5) / 0.25. No parameters."""

    def forward(self, images: Tensor) -> Tensor:
        return (images - 0.5) * 4.0


@final
class Add(nn.Module):
    """The sum of two branches."""

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left + right


@final
class GlobalAverage(nn.Module):
    """N x C x H x W to N x C: the mean over all places."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean((2, 3))


@final
class PaddedShortcut(nn.Module):
    """Every ``stride``-th place, with channels of zeros added on both sides (option A of 1512.03385). No parameters."""

    def __init__(self, stride: int, added_channels: int) -> None:
        super().__init__()
        self.stride = stride
        self.before = added_channels // 2
        self.after = added_channels - self.before

    def forward(self, maps: Tensor) -> Tensor:
        chosen = maps[:, :, :: self.stride, :: self.stride]
        return nn.functional.pad(chosen, (0, 0, 0, 0, self.before, self.after))


def initialise(module: nn.Module) -> None:
    """He initialisation (1502.01852, fan-out, as in 1512.03385) of every convolution; zero biases of the linear layers.

    It draws from torch's global generator, so call it inside ``randomness.seeded``.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5)
            nn.init.zeros_(part.bias)


def normalised_convolution(channels_in: int, channels_out: int, stride: int) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    """A 3x3 convolution without bias and the batch normalisation that follows it."""
    convolution = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
    return convolution, nn.BatchNorm2d(channels_out)


def without_hooks(part: Layer) -> Layer:
    """A shallow copy with its own tables and no hooks. If the tables were shared, a hook on one module would run for the other."""
    other = copy(part)
    for name, table in vars(part).items():
        if isinstance(table, dict | set):
            vars(other)[name] = type(table)() if "_hooks" in name else copy(table)
    return other


def tensor_of(values: np.ndarray) -> Tensor:
    """The array as a tensor that shares its memory, or a copy if the array is read-only."""
    plain = np.ascontiguousarray(values)
    return torch.from_numpy(plain if plain.flags.writeable else plain.copy())


def is_finite(values: Tensor) -> bool:
    """Whether no number is NaN or infinite; True for integers."""
    return not values.is_floating_point() or bool(torch.isfinite(values).all())
