"""What the drawn sets share: balanced labels, drawing in chunks, and masks that are exact by construction.

Chunks are small because the system takes the memory of large arrays back after every step and has to map it again: with more than
512 images of 32 pixels, drawing is several times slower.
"""

from collections.abc import Callable, Sequence

import numpy as np

from onecurve.core.image.images import Bools, Bytes, Floats, Ints, LabelledImages

CHUNK_PIXELS = 512 * 32 * 32
"""Pixels per chunk."""


def balanced_labels(classes: int, count: int, rng: np.random.Generator) -> Ints:
    """int64 count: labels in random order; class counts differ by at most one."""
    # Which classes get one image more is random too; otherwise small draws would always favour the first classes.
    order = rng.permutation(classes)
    return rng.permutation(order[np.arange(count) % classes]).astype(np.int64)


def drawn_in_chunks(labels: Ints, shape: tuple[int, int, int], draw: Callable[[Ints, int], LabelledImages]) -> LabelledImages:
    """Images for all ``labels``, drawn by ``draw(labels of the chunk, number of the chunk)``; features and masks included."""
    count = len(labels)
    step = max(1, CHUNK_PIXELS // (shape[1] * shape[2]))
    images = np.empty((count, *shape), np.uint8)
    features, masks = np.full(count, -1, np.int64), np.zeros((count, *shape[1:]), np.bool_)
    for number, start in enumerate(range(0, count, step)):
        rows = slice(start, start + step)
        chunk = draw(labels[rows], number)
        assert chunk.features is not None
        assert chunk.feature_masks is not None
        images[rows], features[rows], masks[rows] = chunk.images, chunk.features, chunk.feature_masks
    return LabelledImages(images, labels, features, masks)


def chosen_from(pools: Sequence[Ints], labels: Ints, rng: np.random.Generator) -> Ints:
    """int64, one per label: a random entry of that label's pool, with replacement."""
    sizes = np.array([len(pool) for pool in pools])
    starts = np.cumsum(sizes) - sizes
    at = starts[labels] + (rng.random(len(labels)) * sizes[labels]).astype(np.int64)
    chosen: Ints = np.concatenate(pools)[at]
    return chosen


def blend_over(images: Floats, cover: Floats, colours: Floats) -> Floats:
    """``images`` (N x 3 x H x W) with ``colours`` (the same shape, or N x 3 x 1 x 1) blended in with opacity ``cover`` (N x H x W)."""
    share = cover[:, None]
    return images + share * (colours - images)


def changed(images: Bytes, without: Bytes) -> Bools:
    """bool N x H x W: the pixels that differ between images N x C x H x W with an object and the same images without it."""
    pixels: Bools = (images != without).any(1)
    return pixels
