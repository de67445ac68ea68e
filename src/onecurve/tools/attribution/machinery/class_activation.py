"""Class activation maps from feature maps and their gradients, enlarged to the size of the input.

Where there are several tensors of maps, each adds its part at every place, as if all were channels of one.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def grad_cam(maps: Sequence[Tensor], gradients: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """N x 1 x H x W, non-negative, for feature maps and their gradients, each N x c x h x w."""
    parts = [part * slope.mean(dim=(2, 3), keepdim=True) for part, slope in zip(maps, gradients, strict=True)]
    return _enlarged([part.sum(dim=1, keepdim=True) for part in parts], size)


def hires_cam(maps: Sequence[Tensor], gradients: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """N x 1 x H x W, non-negative, for feature maps and their gradients, each N x c x h x w."""
    return _enlarged([(part * slope).sum(dim=1, keepdim=True) for part, slope in zip(maps, gradients, strict=True)], size)


def _enlarged(parts: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """The sum of maps of one channel, positive part; smaller ones are first enlarged to the largest."""
    most = max((part.shape[2], part.shape[3]) for part in parts)
    alike = [part if part.shape[2:] == most else functional.interpolate(part, most, mode="bilinear", align_corners=False) for part in parts]
    whole = alike[0] if len(alike) == 1 else torch.stack(alike).sum(0)
    return functional.interpolate(whole.detach().clamp(min=0), size, mode="bilinear", align_corners=False)
