"""Sprites pasted on images at random places, scales and angles, differentiable with respect to the sprites.

Sides are in pixels of the image; a canvas of any resolution is stretched to the side that is asked for.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from onecurve.core.validate import require_within


@final
@dataclass(frozen=True)
class Jitter:
    """How far a patch is varied each time it is pasted, so that it works in more than one position."""

    scale: float = 0.1
    """Largest relative change of the side."""
    degrees: float = 10.0
    """Largest rotation either way."""
    colour: float = 0.05
    """Standard deviation of a shift of each channel."""

    def __post_init__(self) -> None:
        require_within("scale", self.scale, 0, 0.9)
        require_within("degrees", self.degrees, 0, 180)
        require_within("colour", self.colour, 0, 1)


def soft_square(side: int) -> Tensor:
    """float32 side x side: opaque inside, falling to a third over the outermost pixel; explicit transparency for a patch."""
    distance = torch.minimum(torch.arange(side), torch.arange(side).flip(0)).float()
    ramp = ((distance + 0.5) / 1.5).clamp(max=1)
    return torch.minimum(ramp[:, None], ramp[None, :])


def placed(sprites: Tensor, alphas: Tensor, sides: np.ndarray, shape: tuple[int, int], jitter: Jitter, rng: np.random.Generator) -> Tensor:
    """Sprites N x C x S x S with alphas N x 1 x S x S, drawn in frames of ``shape``: N x (C + 1) x H x W, premultiplied, alpha last.

    ``sides`` (N) are the sides in pixels. The unrotated patch lies inside the frame.
    """
    height, width = shape
    count = len(sprites)
    scaled = np.minimum(sides * rng.uniform(1 - jitter.scale, 1 + jitter.scale, count), min(shape))
    angle = np.deg2rad(rng.uniform(-jitter.degrees, jitter.degrees, count))
    across, down = (_centres(sides, scaled, length, rng) * 2 / length - 1 for length in (width, height))
    cosine, sine = np.cos(angle) / scaled, np.sin(angle) / scaled
    # Frame coordinates run from -1 to 1 over H and W pixels, canvas coordinates over the side of the patch.
    matrix = np.stack([np.stack([cosine * width, sine * height], -1), np.stack([-sine * width, cosine * height], -1)], 1)
    shift = -(matrix @ np.stack([across, down], -1)[:, :, None])
    theta = torch.from_numpy(np.concatenate([matrix, shift], -1).astype(np.float32)).to(sprites.device)
    colours = sprites
    if jitter.colour > 0:
        noise = rng.normal(0, jitter.colour, (count, sprites.shape[1], 1, 1)).astype(np.float32)
        colours = (sprites + torch.from_numpy(noise).to(sprites.device)).clamp(0, 1)
    layers = torch.cat([colours * alphas, alphas], dim=1)
    grid = functional.affine_grid(theta, [count, layers.shape[1], height, width], align_corners=False)
    return functional.grid_sample(layers, grid, align_corners=False)


def _centres(sides: np.ndarray, scaled: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    # The corner of an unscaled patch falls between pixels: at other places sampling would blur the finest patterns away.
    corners = rng.integers(length - sides + 1)
    return np.clip(corners + sides / 2, scaled / 2, length - scaled / 2)


def stretched(sprites: Tensor, side: int) -> Tensor:
    """Canvases N x C x S x S at ``side`` pixels: N x C x side x side, the same sampling as in ``placed``."""
    return functional.interpolate(sprites, size=(side, side), mode="bilinear", align_corners=False)


def total_variation(sprites: Tensor) -> Tensor:
    """N: mean absolute difference of neighbouring pixels of N x C x S x S, both directions added; 0 where there are no neighbours."""
    if sprites.shape[-1] == 1:
        return sprites.sum(dim=(1, 2, 3)) * 0
    down = (sprites[:, :, 1:] - sprites[:, :, :-1]).abs().mean(dim=(1, 2, 3))
    return down + (sprites[..., 1:] - sprites[..., :-1]).abs().mean(dim=(1, 2, 3))
