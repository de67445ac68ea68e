"""Classical descriptors of pictures as maps of numbers per pixel: colours, edges, shape, texture.

They carry no semantics: two pictures are similar if they are similar in colour and form at some scale.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torch.nn import functional

COLOUR_BINS = 26
"""Soft bins of colour: 3 x 3 x 3 in RGB, less the middle, which is the neutral background."""
TEXTURE_BANDS = 12
"""Four orientations at three scales."""
LOOKS = 5
SHAPE = 3


def opponents(images: Tensor) -> Tensor:
    """N x 3 x H x W in [0, 1] to lightness, red-green and blue-yellow about neutral grey, in about [-1, 1]."""
    red, green, blue = images.unbind(1)
    lightness = (red + green + blue) / 1.5 - 1
    return torch.stack([lightness, red - green, blue - (red + green) / 2], 1)


def looks(images: Tensor) -> Tensor:
    """N x 5 x H x W: opponent colours, and the signed gradient of lightness."""
    colours = opponents(images)
    down, across = _gradient(colours[:, :1])
    return torch.cat([colours, down, across], 1)


def shape(images: Tensor) -> Tensor:
    """N x 3 x H x W: where edges are and how they run, whatever the colours on either side.

    The structure tensor, summed over the opponent colours, as doubled angles (so that an edge from dark to light equals one from
    light to dark), divided by its mean nearby (so that faint edges count like strong ones).
    """
    down, across = _gradient(opponents(images))
    along, diagonal = (across**2 - down**2).sum(1), (2 * across * down).sum(1)
    energy = (across**2 + down**2).sum(1)
    nearby = _nearby(energy[:, None])[:, 0]
    root = (energy / (nearby + 0.003)).clamp(max=9).sqrt()
    direction = torch.stack([along, diagonal], 1) / (energy[:, None] + 1e-4)
    return torch.cat([direction * root[:, None], root[:, None] - 0.8], 1)


def colours(images: Tensor) -> Tensor:
    """N x 26 x H x W: how near each pixel's colour is to each of a grid of colours; the neutral one is left out."""
    levels = torch.tensor([0.1, 0.5, 0.9])
    nearness = torch.exp(-(((images[:, :, None] - levels[:, None, None]) / 0.22) ** 2))
    nearness = nearness / nearness.sum(2, keepdim=True)
    red, green, blue = nearness.unbind(1)
    joint = (red[:, :, None, None] * green[:, None, :, None] * blue[:, None, None, :]).flatten(1, 3)
    return torch.cat([joint[:, :13], joint[:, 14:]], 1)


def texture(images: Tensor) -> Tensor:
    """N x 12 x H x W: energy of gradients of lightness and colour in four directions at three scales."""
    bands: list[Tensor] = []
    values = opponents(images)
    for step in (1, 2, 4):
        padded = functional.pad(values, (step, step, step, step), mode="replicate")
        size = (values.shape[2], values.shape[3])
        for row, column in ((0, step), (step, 0), (step, step), (step, -step)):
            forward = _window(padded, (step + row, step + column), size)
            backward = _window(padded, (step - row, step - column), size)
            bands.append((forward - backward).pow(2).sum(1))
    return torch.stack(bands, 1)


@final
@dataclass(frozen=True)
class Maps:
    """Descriptors per pixel with their energy, ready to be compared with templates."""

    values: Tensor
    """N x D x H x W."""
    energy: Tensor
    """N x 1 x H x W: the sum of squares over D."""

    @classmethod
    def of(cls, values: Tensor) -> "Maps":
        return cls(values, values.pow(2).sum(1, keepdim=True))


def correlation(maps: Maps, templates: Tensor, near: Tensor) -> Tensor:
    """N x O x places: cosine between maps and templates O x D x h x w under masks O x 1 x h x w.

    Faint windows are held down by a floor of 0.02 per pixel in both energies.
    """
    weighted = templates * near
    dot = functional.conv2d(maps.values, weighted)
    energy = functional.conv2d(maps.energy, near)
    own = (weighted * templates).sum((1, 2, 3))
    floor = 0.02 * near.sum((1, 2, 3))
    return dot / ((energy + floor[:, None, None]) * (own + floor)[:, None, None]).sqrt()


def high_frequencies(images: Tensor) -> Tensor:
    """Opponent colours of N x 3 x H x W less their mean over 9 x 9 pixels."""
    values = opponents(images)
    return values - _nearby(values)


def unit(values: Tensor) -> Tensor:
    """Scaled to about unit energy over the last three axes; near nothing stays near nothing."""
    return values / (values.pow(2).sum((-3, -2, -1), keepdim=True) + 0.1).sqrt()


def _nearby(values: Tensor) -> Tensor:
    """Mean over the 9 x 9 pixels about each, inside the picture; rows first, then columns, which is 4 times as fast."""
    rows = functional.avg_pool2d(values, (9, 1), 1, (4, 0), count_include_pad=False)
    return functional.avg_pool2d(rows, (1, 9), 1, (0, 4), count_include_pad=False)


def _gradient(values: Tensor) -> tuple[Tensor, Tensor]:
    padded = functional.pad(values, (1, 1, 1, 1), mode="replicate")
    return padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1], padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]


def _window(images: Tensor, corner: tuple[int, int], size: tuple[int, int]) -> Tensor:
    return images[:, :, corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]]
