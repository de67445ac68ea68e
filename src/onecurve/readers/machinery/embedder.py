"""How much pictures look like the options of a lineup, by classical descriptors.

`Embedder` is the small protocol that a language-and-image model would implement with one aspect; this one needs no weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from onecurve.core.image.images import Floats
from onecurve.readers.machinery import descriptors
from onecurve.readers.machinery.descriptors import Maps, correlation, high_frequencies, unit
from onecurve.readers.machinery.objects import foreground, objects_of

LEVELS = (38, 32, 27, 22, 17, 14, 12)
"""Sides to which a picture is brought, so that a template of 10 pixels fits objects of 8 to 27 pixels of 32."""
WINDOWS = (8, 16, 32)
"""Sides of the windows in which colours and textures are gathered."""
KINDS = (descriptors.looks, descriptors.shape)
"""What templates are made of."""


def tensor_of(pictures: Floats) -> Tensor:
    """float32 N x 3 x H x W as torch takes it."""
    return torch.from_numpy(np.ascontiguousarray(pictures, np.float32))


class Embedded(Protocol):
    """Pictures made ready to be compared."""

    def likeness(self, references: Sequence[Floats]) -> Floats:
        """float32 N x O x A: how alike each picture is to each reference (P x 3 x SIDE x SIDE, of one or several pictures).

        A aspects, each on a scale of its own, higher for liker; the caller standardises and weighs them.
        """
        ...


class Embedder(Protocol):
    """Makes pictures ready to be compared."""

    def embed(self, pictures: Floats) -> Embedded:
        """From float32 N x 3 x SIDE x SIDE in [0, 1]."""
        ...


@final
@dataclass(frozen=True)
class ClassicalEmbedder:
    """Colours, edges and textures at several places and scales; see ``ClassicalPictures``."""

    def embed(self, pictures: Floats) -> "ClassicalPictures":
        images = tensor_of(pictures)
        windows = (
            _root(_gathered(descriptors.colours(images))),
            _logarithm(_gathered(descriptors.texture(images))),
        )
        return ClassicalPictures(images, windows)


@final
@dataclass(frozen=True)
class ClassicalPictures:
    """Likeness in five aspects: looks and shape of the foreground, colours, texture, overlay.

    Looks and shape: templates, moved over places and scales; normalised correlation of per-pixel descriptors under the
    foreground's mask (references alone on a plain ground only, else 0). Colours and texture: minus the distance of
    means in the best window. Overlay: the peak of the circular correlation of high frequencies, which finds a texture
    at any phase (where templates are not used, else 0).
    """

    images: Tensor
    windows: tuple[Tensor, Tensor]
    """Colours and textures, N x windows x D each."""

    def likeness(self, references: Sequence[Floats]) -> Floats:
        """See ``Embedded``."""
        grounds = [tensor_of(each) for each in references]
        masks = [foreground(each) for each in grounds]
        nothing = torch.zeros(len(self.images), len(grounds))
        if all(bool((mask < 1).any()) for mask in masks):
            first = [*self._template_aspects(grounds, masks), *self._window_aspects(grounds, masks), nothing]
        else:
            first = [nothing, nothing, *self._window_aspects(grounds, masks), _overlay(self.images, grounds)]
        likeness: Floats = torch.stack(first, 2).numpy()
        return likeness

    @cached_property
    def _levels(self) -> list[list[Maps]]:
        """Per size the maps of ``KINDS``; made once, since a lineup may be compared twice, and not at all for textures."""
        sizes = [functional.interpolate(self.images, (side, side), mode="bilinear", antialias=True) for side in LEVELS]
        return [[Maps.of(kind(level)) for kind in KINDS] for level in sizes]

    def _template_aspects(self, grounds: list[Tensor], masks: list[Tensor]) -> list[Tensor]:
        objects = [objects_of(ground, mask) for ground, mask in zip(grounds, masks, strict=True)]
        near = functional.max_pool2d(torch.stack([each.cover.mean(0) for each in objects]), 3, 1, 1)[:, None]
        templates = [torch.stack([_inner(kind(each.pictures)).mean(0) for each in objects]) for kind in KINDS]
        found = [[correlation(maps, own, near).amax((2, 3)) for maps, own in zip(level, templates, strict=True)] for level in self._levels]
        return [torch.stack(scales).amax(0) for scales in zip(*found, strict=True)]

    def _window_aspects(self, grounds: list[Tensor], masks: list[Tensor]) -> list[Tensor]:
        together, cover = torch.cat(grounds), torch.cat(masks)[:, None]
        kinds = ((descriptors.colours, _root), (descriptors.texture, _logarithm))
        aspects = []
        for windows, (gather, finish) in zip(self.windows, kinds, strict=True):
            own = finish((gather(together) * cover).sum((2, 3)) / cover.sum((2, 3)))
            nearest = torch.cdist(windows.flatten(0, 1), own).reshape(*windows.shape[:2], -1).amin(1)
            aspects.append(torch.stack([part.mean(1) for part in torch.split(-nearest, [len(each) for each in grounds], 1)], 1))
        return aspects


def _inner(maps: Tensor) -> Tensor:
    return maps[..., 1:-1, 1:-1]


def _root(means: Tensor) -> Tensor:
    return means.clamp(min=0).sqrt()


def _logarithm(means: Tensor) -> Tensor:
    return (means + 1e-3).log()


def _gathered(maps: Tensor) -> Tensor:
    """N x W x D: means in windows of all sizes, half overlapping."""
    parts = [functional.avg_pool2d(maps, side, side // 2).flatten(2) for side in WINDOWS]
    return torch.cat(parts, 2).transpose(1, 2)


def _overlay(images: Tensor, grounds: list[Tensor]) -> Tensor:
    """N x O: the mean over a reference's pictures of the peak of their circular correlation with the images."""
    least = min(len(ground) for ground in grounds)
    raised = torch.stack([high_frequencies(ground[:least]) for ground in grounds])
    # What all options share at the same place of their rows, such as the photograph behind them, tells none of them apart.
    own = torch.fft.rfft2(unit(raised - raised.mean(0, keepdim=True)))
    seen = torch.fft.rfft2(unit(high_frequencies(images)))
    crossed = [(seen[:, None] * each.conj()[None]).sum(2) for each in own]
    peaks = [torch.fft.irfft2(each, s=images.shape[2:]).amax((2, 3)).mean(1) for each in crossed]
    return torch.stack(peaks, 1)
