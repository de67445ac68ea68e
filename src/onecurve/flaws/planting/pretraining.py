"""Pretraining: a network first learns to name small objects, as networks that were trained on large sets can.

Without pretraining a small network ignores small details that say nothing about the class, and learning a trigger takes several
times as long. Pretraining does not depend on any flaw. Every network has its own, clean ones too; a network and its twin share it.
"""

from typing import Final

import numpy as np
from torch import nn

from onecurve.core.image.images import Bytes, LabelledImages, as_bytes, as_floats
from onecurve.core.image.trigger import Paste
from onecurve.core.seeds import generator
from onecurve.data.dataset import DataSet
from onecurve.data.sprites import SHAPES, draw_sprite
from onecurve.flaws.drawing import lineup
from onecurve.flaws.schemes.plan import rows_without_features

SHARES: Final = (0.3, 0.45, 0.6)
"""Sides of the pasted sprites as shares of the image's side. A network learns large sprites at once and small ones after them; with
small ones only, it learns nothing for half of the training."""
VARIANTS: Final = 8
"""Sprites drawn per shape and side, each in a colour of its own."""


def names_of(dataset: DataSet) -> tuple[str, ...]:
    """The classes of pretraining: the natural features of the set, then the shapes that do not occur by themselves."""
    return (*dataset.features, *(shape for shape in SHAPES if shape not in dataset.features))


def naming_images(dataset: DataSet, drawn: LabelledImages, seed: int) -> LabelledImages:
    """The same images, labelled with the small object in them (an index into ``names_of``).

    Images that hold a natural feature are unchanged; a shape is pasted on each of the others.
    """
    rng = generator("naming", seed)
    first = len(dataset.features)
    shapes = names_of(dataset)[first:]
    bare = rows_without_features(drawn)
    which = rng.integers(len(shapes), size=len(bare))
    pixels, labels = drawn.images.copy(), np.full(len(drawn), -1, np.int64)
    if drawn.features is not None:
        labels[:] = drawn.features
    for number, shape in enumerate(shapes):
        rows = bare[which == number]
        if len(rows):
            pixels[rows] = _pasted(shape, drawn.images[rows], rng)
            labels[rows] = first + number
    return LabelledImages(pixels, labels)


def with_body_of(module: nn.Module, pretrained: nn.Module) -> nn.Module:
    """``module`` with the weights of ``pretrained`` where their shapes agree: in all layers but the last."""
    own = module.state_dict()
    for name, values in pretrained.state_dict().items():
        if name in own and own[name].shape == values.shape:
            own[name].copy_(values)
    return module


def _pasted(shape: str, images: Bytes, rng: np.random.Generator) -> Bytes:
    """A sprite of that shape on each of the images; a third of the images get each size."""
    pixels, turn = images.copy(), rng.integers(len(SHARES), size=len(images))
    for number, share in enumerate(SHARES):
        rows = turn == number
        pixels[rows] = as_bytes(_sprites(shape, share, images.shape, rng).apply(as_floats(images[rows]), rng).images)
    return pixels


def _sprites(shape: str, share: float, like: tuple[int, ...], rng: np.random.Generator) -> Paste:
    size = max(4, round(share * min(like[2:])))
    drawn = [draw_sprite(shape, size, rng, fill=_colour(rng)) for _ in range(VARIANTS)]
    patterns = np.stack([lineup.in_channels(pattern, like[1]) for pattern, _ in drawn])
    return Paste(np.clip(patterns, 0, 1), np.clip(np.stack([alpha for _, alpha in drawn]), 0, 1))


def _colour(rng: np.random.Generator) -> tuple[float, float, float]:
    red, green, blue = rng.random(3)
    return float(red), float(green), float(blue)
