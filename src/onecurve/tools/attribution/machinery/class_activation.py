"""Class activation maps from feature maps and their gradients, enlarged to the size of the input."""

from torch import Tensor
from torch.nn import functional


def grad_cam(maps: Tensor, gradient: Tensor, size: tuple[int, int]) -> Tensor:
    """N x 1 x H x W, non-negative, for feature maps and their gradients N x c x h x w."""
    return _enlarged((maps * gradient.mean(dim=(2, 3), keepdim=True)).sum(dim=1, keepdim=True), size)


def hires_cam(maps: Tensor, gradient: Tensor, size: tuple[int, int]) -> Tensor:
    """N x 1 x H x W, non-negative, for feature maps and their gradients N x c x h x w."""
    return _enlarged((maps * gradient).sum(dim=1, keepdim=True), size)


def _enlarged(values: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(values.detach().clamp(min=0), size, mode="bilinear", align_corners=False)
