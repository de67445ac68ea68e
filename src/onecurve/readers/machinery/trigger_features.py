"""The traces that a trigger leaves in an image, as a few numbers: what a detector of that trigger is fitted on.

The features do not depend on the network. They measure how much an image looks as if the trigger had been applied.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from onecurve.core.image.images import Floats
from onecurve.core.image.trigger import Filter, Paste, Trigger
from onecurve.readers.machinery import descriptors
from onecurve.readers.machinery.descriptors import Maps, correlation, high_frequencies, unit

WORKING_SIDE = 32
"""Larger images are shrunk by a whole number to about this side."""
CHUNK = 64
"""Images described at a time, so that memory does not grow with the set."""
SPRITES = 8
"""Sprites of one hypothesis searched for at most."""
KINDS = (descriptors.looks, descriptors.shape)
"""What templates are made of."""


@final
@dataclass(frozen=True)
class Described:
    """Images in which triggers are looked for. What does not depend on the trigger is computed once, for all of them."""

    chunks: tuple["_Chunk", ...]
    stride: int
    """By how much the images were shrunk."""

    def traces(self, trigger: Trigger) -> dict[str, Floats]:
        """Named sets of descriptors, each float32 N x D; the names depend on the kind of trigger."""
        parts = [_traces(chunk, trigger, self.stride) for chunk in self.chunks]
        return {name: torch.cat([part[name] for part in parts]).numpy() for name in parts[0]}


def described(images: Floats) -> Described:
    """Images N x C x H x W, made ready."""
    stride = max(1, round(min(images.shape[2:]) / WORKING_SIDE))
    return Described(tuple(_Chunk(_working(images[at : at + CHUNK], stride)) for at in range(0, len(images), CHUNK)), stride)


@final
@dataclass(frozen=True, eq=False)
class _Chunk:
    """Some images at working size, N x 3 x h x w, with what was made of them so far."""

    images: Tensor

    @cached_property
    def statistics(self) -> Tensor:
        return _statistics(self.images)

    @cached_property
    def maps(self) -> tuple[Maps, ...]:
        """What templates are compared with, one per kind of descriptor."""
        return tuple(Maps.of(kind(self.images)) for kind in KINDS)

    @cached_property
    def squares(self) -> Tensor:
        return self.images.pow(2).sum(1, keepdim=True)


def _traces(chunk: _Chunk, trigger: Trigger, stride: int) -> dict[str, Tensor]:
    if isinstance(trigger, Paste):
        whole = _sightings(chunk, trigger, stride)
        halves = torch.cat([whole, *(_sightings(chunk, half, stride) for half in _halves(trigger))], 1)
        return {"sightings": whole, "halves": halves, "statistics": chunk.statistics}
    if not isinstance(trigger, Filter):
        return {"statistics": chunk.statistics}
    overlay = _overlay(chunk.images, trigger, stride)
    return {"overlay": overlay, "statistics": chunk.statistics, "both": torch.cat([overlay, chunk.statistics], 1)}


def _halves(trigger: Paste) -> tuple[Paste, Paste]:
    """The left and the right half of the sprites alone, each at its place."""
    middle = trigger.alphas.shape[2] // 2
    left, right = trigger.alphas.copy(), trigger.alphas.copy()
    left[:, :, middle:], right[:, :, :middle] = 0, 0
    return replace(trigger, alphas=left), replace(trigger, alphas=right)


def _working(images: Floats, stride: int) -> Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(images, np.float32))
    if tensor.shape[1] != 3:
        tensor = tensor.mean(1, keepdim=True).repeat(1, 3, 1, 1)
    return tensor if stride == 1 else functional.avg_pool2d(tensor, stride)


def _statistics(images: Tensor) -> Tensor:
    """N x 21: mean, spread and covariance of the opponent colours, and logarithms of texture energies."""
    colours = descriptors.opponents(images).flatten(2)
    centred = colours - colours.mean(2, keepdim=True)
    covariance = centred @ centred.transpose(1, 2) / centred.shape[2]
    upper = torch.triu_indices(3, 3, 1)
    spread = covariance.diagonal(dim1=1, dim2=2).sqrt()
    bands = (descriptors.texture(images).mean((2, 3)) + 1e-3).log()
    return torch.cat([colours.mean(2), spread, covariance[:, upper[0], upper[1]], bands], 1)


def _sightings(chunk: _Chunk, trigger: Paste, stride: int) -> Tensor:
    """N x 6: best and mean over sprites of the closest match, in colours, in looks and in shape."""
    patterns, covers = _sprites(trigger, stride)
    on_grey = patterns * covers + 0.5 * (1 - covers)
    near = functional.max_pool2d(covers, 3, 1, 1) if min(covers.shape[2:]) >= 3 else covers
    likenesses = [correlation(maps, kind(on_grey), near) for maps, kind in zip(chunk.maps, KINDS, strict=True)]
    matches = [-_difference(chunk, patterns, covers), *likenesses]
    best = [_at_place(match, trigger.place, stride) for match in matches]
    return torch.cat([torch.stack([each.amax(1), each.mean(1)], 1) for each in best], 1)


def _sprites(trigger: Paste, stride: int) -> tuple[Tensor, Tensor]:
    """Patterns S x 3 x h x w and alphas S x 1 x h x w at working size."""
    patterns = _working(trigger.patterns[:SPRITES], 1)
    covers = torch.from_numpy(np.ascontiguousarray(trigger.alphas[:SPRITES], np.float32))[:, None]
    if stride > 1:
        size = [max(1, round(side / stride)) for side in covers.shape[2:]]
        patterns, covers = (functional.interpolate(each, size, mode="bilinear", antialias=True) for each in (patterns, covers))
    return patterns, covers + 1e-4


def _difference(chunk: _Chunk, patterns: Tensor, covers: Tensor) -> Tensor:
    """N x S x places: logarithm of the mean squared difference of colours under alpha."""
    weighted = patterns * covers
    squares = functional.conv2d(chunk.squares, covers)
    crossed = functional.conv2d(chunk.images, weighted)
    own = (weighted * patterns).sum((1, 2, 3))[:, None, None]
    area = covers.sum((1, 2, 3))[:, None, None]
    return (((squares - 2 * crossed + own) / area).clamp(min=0) + 1e-3).log()


def _at_place(match: Tensor, place: tuple[int, int] | None, stride: int) -> Tensor:
    """N x S: the best of all places, or of the hypothesised one (give or take one pixel of the working size if shrunk)."""
    if place is None:
        return match.amax((2, 3))
    slack = 0 if stride == 1 else 1
    row, column = (min(at // stride, size - 1) for at, size in zip(place, match.shape[2:], strict=True))
    return match[:, :, max(0, row - slack) : row + slack + 1, max(0, column - slack) : column + slack + 1].amax((2, 3))


def _overlay(images: Tensor, trigger: Filter, stride: int) -> Tensor:
    """N x 2: correlation with the texture, at its own phase and at the best one."""
    texture = _working(trigger.texture[None] + 0.5, stride)
    seen, own = (torch.fft.rfft2(unit(high_frequencies(each))) for each in (images, texture))
    matched = torch.fft.irfft2((seen * own.conj()).sum(1), s=images.shape[2:])
    return torch.stack([matched[:, 0, 0], matched.amax((1, 2))], 1)
