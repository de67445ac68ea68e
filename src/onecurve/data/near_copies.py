"""Finds pictures that are in a set more than once: equal pixels, and copies that were saved, scaled or brightened anew."""

from collections.abc import Iterator
from typing import Final

import imagehash
import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from onecurve.core.image.images import Bytes, Floats, Ints

BITS: Final = 64
APART: Final = 10
"""At most so many bits of the perceptual hashes of near copies differ."""
ALIKE: Final = 0.99
"""Least correlation of the greys of near copies, on thumbnails: the hash alone takes like shapes for copies. All of 300 JPEG copies of
CIFAR-10 images pass, and none of 3,000 different images of CIFAR-10 or MNIST."""
SIDE: Final = 16
"""Side of the thumbnails in pixels."""
ALIKE_COLOURS: Final = 0.98
"""Least correlation of their colours, on thumbnails of ``COARSE`` pixels: drawings of one form in other colours are different pictures.
JPEG blurs colours, so the thumbnails are coarser."""
COARSE: Final = 4
_CHUNK: Final = 2000


def copy_groups(images: Bytes) -> Ints:
    """int64 N: images of one group are copies of each other, directly or by way of others. ``images`` are uint8 N x C x H x W.

    The hash is that of `imagehash`, by the signs of the lowest frequencies; whatever it finds alike is compared pixel by pixel.
    """
    flat = np.ascontiguousarray(images.reshape(len(images), -1))
    _, first, distinct = np.unique(flat.view(f"V{flat.shape[1]}").ravel(), return_index=True, return_inverse=True)
    links = np.array(list(_links(images[first])), np.int64).reshape(-1, 2)
    ones = np.ones(len(links))
    _, groups = connected_components(coo_array((ones, (links[:, 0], links[:, 1])), (len(first), len(first))), directed=False)
    found: Ints = groups[distinct.ravel()].astype(np.int64)
    return found


def _links(images: Bytes) -> Iterator[tuple[int, int]]:
    """Pairs of rows that are near copies."""
    signs = np.stack([_signs(image) for image in images])
    greys = np.stack([_thumbnail(image, "L", SIDE) for image in images])
    colours = np.stack([_thumbnail(image, "RGB", COARSE) for image in images])
    for start in range(0, len(images), _CHUNK):
        # The product of signs is the number of equal bits less that of different ones.
        near = signs[start : start + _CHUNK] @ signs[start:].T >= BITS - 2 * APART
        one, other = np.nonzero(np.triu(near, 1))
        for at, to in zip(one + start, other + start, strict=True):
            if float(greys[at] @ greys[to]) >= ALIKE and float(colours[at] @ colours[to]) >= ALIKE_COLOURS:
                yield int(at), int(to)


def _picture(image: Bytes) -> Image.Image:
    return Image.fromarray(image[0] if len(image) == 1 else np.ascontiguousarray(np.moveaxis(image, 0, 2)))


def _signs(image: Bytes) -> Floats:
    """float32 64: 1 and -1."""
    return np.where(imagehash.phash(_picture(image)).hash.ravel(), 1, -1).astype(np.float32)


def _thumbnail(image: Bytes, mode: str, side: int) -> Floats:
    """float32: the greys or the colours of a thumbnail, centred and of length 1; all 0 for a picture of one grey."""
    pixels = np.asarray(_picture(image).convert(mode).resize((side, side), Image.Resampling.BOX), np.float32).ravel()
    centred = pixels - pixels.mean()
    scaled: Floats = centred / max(float(np.linalg.norm(centred)), 1e-6)
    return scaled
