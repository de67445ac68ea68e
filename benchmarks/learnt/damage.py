"""Damage to pictures on which the reader `embedder` is trained, of random strength, and pictures that show nothing."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

GREY = 0.5


def damaged(pictures: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """N x 3 x S x S in [0, 1], all damaged in the same way or, in about a third of the cases and where ``share`` says so, not at all."""
    kind = int(rng.integers(10)) if rng.random() < share else 0
    if kind < 3:
        return pictures
    ways = (_blurred, _noisy, _halved, _recoloured, _shifted, _mixed, _zoomed)
    return ways[kind - 3](pictures, rng)


def nothing(count: int, rng: np.random.Generator) -> Tensor:
    """``count`` pictures of noise, fine or smooth."""
    found = []
    for fine in torch.rand(count, 3, 32, 32):
        if rng.random() < 0.5:
            found.append(fine)
        else:
            contrast = float(rng.uniform(0.5, 3))
            smooth = blurred(fine[None], float(rng.uniform(0.5, 3)))[0] - 0.5
            found.append((0.5 + contrast * smooth + 0.12 * torch.randn(3, 1, 1)).clamp(0, 1))
    return torch.stack(found)


def blurred(pictures: Tensor, width: float) -> Tensor:
    """By a Gaussian of that deviation in pixels."""
    reach = int(3 * width + 0.5)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / width) ** 2)
    kernel = kernel / kernel.sum()
    channels = pictures.shape[1]
    rows = functional.pad(pictures, (reach, reach, 0, 0), mode="replicate")
    rows = functional.conv2d(rows, kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    columns = functional.pad(rows, (0, 0, reach, reach), mode="replicate")
    return functional.conv2d(columns, kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)


def _blurred(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    return blurred(pictures, float(rng.uniform(0.5, 2.5)))


def _noisy(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    return (pictures + float(rng.uniform(0.03, 0.25)) * torch.randn_like(pictures)).clamp(0, 1)


def _halved(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """One side is grey."""
    left = pictures.clone()
    cut, side = int(rng.integers(10, 22)), int(rng.integers(4))
    part = slice(cut, None) if side % 2 == 0 else slice(None, cut)
    if side < 2:
        left[..., part] = GREY
    else:
        left[..., part, :] = GREY
    return left


def _recoloured(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    return pictures[:, torch.from_numpy(rng.permutation(3))] if rng.random() < 0.7 else 1 - pictures


def _shifted(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    steps = rng.integers(-10, 11, (len(pictures), 2))
    return torch.stack([torch.roll(each, (int(down), int(across)), (1, 2)) for each, (down, across) in zip(pictures, steps, strict=True)])


def _mixed(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """With uniform noise."""
    share = float(rng.uniform(0.3, 0.8))
    return share * pictures + (1 - share) * torch.rand_like(pictures)


def _zoomed(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Smaller on grey, or larger and cropped."""
    side = int(rng.integers(18, 46))
    sized = functional.interpolate(pictures, (side, side), mode="bilinear", antialias=True)
    if side >= 32:
        top, left = rng.integers(0, side - 31, 2)
        return sized[:, :, top : top + 32, left : left + 32]
    ground = torch.full_like(pictures, GREY)
    top, left = rng.integers(0, 33 - side, 2)
    ground[:, :, top : top + side, left : left + side] = sized
    return ground
