"""The object in a picture with a plain background: its mask, and the object at a standard size."""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from onecurve.core.image.images import Floats

TEMPLATE = 12
"""Side of a template in pixels: an object of 10 with a margin of 1."""
PLAIN = 0.6
"""Share of a picture's border that must have one colour where it shows a thing alone on a plain ground."""
NEAR = 0.03
"""Largest difference of a channel between pixels of one colour."""


@final
@dataclass(frozen=True)
class Objects:
    """One thing in P pictures, its longer side 10 pixels."""

    pictures: Tensor
    """P x 3 x (TEMPLATE + 2) squared."""
    cover: Tensor
    """P x TEMPLATE squared in [0, 1]: what belongs to it, without the outermost pixels."""


def is_alone(picture: Floats) -> bool:
    """Whether a picture 3 x h x w shows something on a plain ground, by its border; False for a plain picture."""
    cover = foreground(torch.from_numpy(np.ascontiguousarray(picture, np.float32))[None])
    return bool((cover < 1).any())


def foreground(pictures: Tensor) -> Tensor:
    """P x h x w in [0, 1]: what differs from the usual colour of the border; everything where the border is not plain."""
    border = torch.cat([pictures[:, :, 0], pictures[:, :, -1], pictures[:, :, :, 0], pictures[:, :, :, -1]], 2)
    ground = border.median(2).values
    plain = ((border - ground[:, :, None]).abs().amax(1) < NEAR).float().mean(1) >= PLAIN
    mask = ((pictures - ground[:, :, None, None]).abs().amax(1) / (3 * NEAR)).clamp(max=1)
    alone = plain & (mask.amax((1, 2)) == 1)
    return torch.where(alone[:, None, None], mask, torch.ones_like(mask))


def objects_of(pictures: Tensor, masks: Tensor) -> Objects:
    """Cut what the masks (P x h x w, none empty) cover out of the pictures (P x 3 x h x w) and bring it to standard size."""
    squares = [_square(torch.cat([picture, mask[None]]), mask) for picture, mask in zip(pictures, masks, strict=True)]
    together = torch.stack(squares)
    return Objects(together[:, :3], together[:, 3, 1:-1, 1:-1])


def _square(values: Tensor, mask: Tensor) -> Tensor:
    """C x (TEMPLATE + 2) squared about the mask, area-averaged; beyond the picture's border the border goes on."""
    rows, columns = (torch.nonzero(mask.amax(axis) > 0.5)[:, 0] for axis in (1, 0))
    longer = max(int(rows[-1] - rows[0]), int(columns[-1] - columns[0])) + 1
    side = max(1, round(longer * (TEMPLATE + 2) / (TEMPLATE - 2)))
    padding = max(mask.shape)
    padded = functional.pad(values[None], (padding,) * 4, mode="replicate")[0]
    top, left = (round((int(at[0]) + int(at[-1]) + 1 - side) / 2) + padding for at in (rows, columns))
    crop = padded[:, top : top + side, left : left + side]
    return functional.interpolate(crop[None], (TEMPLATE + 2,) * 2, mode="bilinear", antialias=True)[0]
