"""Validates all pictures of a set once: reports all faults in one message and keeps a digest of every picture.

Small sets are kept in memory. The pictures of large sets are decoded again whenever they are drawn, so memory stays bounded.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.errors import DataError, SpecError
from onecurve.core.image.images import Bytes, Ints
from onecurve.data.pictures import WHITE, Sources, UnusablePictureError, decoded, fit_to_square, header_of, highest_grey

SIDES = (8, 1024)
"""Least and largest side of an image in pixels."""
LARGE, SMALL = 224, 32
"""Sides to which pictures of different sizes are fitted: for photographs, and for thumbnails of at most 64 pixels."""
KEPT_BYTES = 512 * 1024 * 1024
"""Bytes; larger sets are not kept in memory."""
SHOWN = 10
"""Number of faults that a message lists."""

Digests = NDArray[np.uint64]


class Pixels(Protocol):
    """Images by row."""

    def read(self, rows: Ints) -> Bytes:
        """uint8 N x C x H x W."""
        ...


@final
@dataclass(frozen=True)
class InMemory:
    """Images in memory."""

    images: Bytes

    def read(self, rows: Ints) -> Bytes:
        return self.images[rows]


@final
@dataclass(frozen=True)
class OnDisk:
    """Pictures that are decoded whenever they are read."""

    sources: Sources
    height: int
    width: int
    white: int = WHITE
    """What 16-bit greys are scaled by."""

    def read(self, rows: Ints) -> Bytes:
        images = np.empty((len(rows), 3, self.height, self.width), np.uint8)
        for at, row in enumerate(rows):
            try:
                images[at] = decoded(self.sources, int(row), self.height, self.width, self.white)
            except UnusablePictureError as error:
                raise DataError(f"{self.sources.title(int(row))} could be read before and no longer can: {error}") from error
        return images


@final
@dataclass(frozen=True)
class ValidatedImages:
    """The validated images of a set."""

    pixels: Pixels
    digests: Digests
    """uint64 N; equal for equal pixels."""
    shape: tuple[int, int, int]


def validate_pictures(sources: Sources, size: int | None, place: str) -> ValidatedImages:
    """Validate all pictures. ``size`` is the side to fit them to; None for the rule of ``common_size``.

    Raises one ``DataError`` that lists the pictures at ``place`` that cannot be used.
    """
    faults: dict[int, str] = {}
    sizes: list[tuple[int, int]] = []
    deep: list[int] = []
    for row in range(len(sources)):
        try:
            header = header_of(sources, row)
        except UnusablePictureError as error:
            faults[row] = str(error)
            continue
        sizes.append((header.height, header.width))
        if header.sixteen_bits:
            deep.append(row)
    height, width = common_size(sizes, size, place)
    white = highest_grey(sources, deep)
    kept = np.empty((len(sources), 3, height, width), np.uint8) if len(sources) * 3 * height * width <= KEPT_BYTES else None
    digests = np.zeros(len(sources), np.uint64)
    for row in range(len(sources)):
        if row in faults:
            continue
        try:
            image = decoded(sources, row, height, width, white)
        except UnusablePictureError as error:
            faults[row] = str(error)
            continue
        digests[row] = digest_of(image)
        if kept is not None:
            kept[row] = image
    if faults:
        lines = (f"{sources.title(row)}: {faults[row]}" for row in sorted(faults))
        raise error_listing(f"{len(faults)} of {len(sources)} pictures cannot be used: {place}", lines, "mend or remove them")
    return ValidatedImages(OnDisk(sources, height, width, white) if kept is None else InMemory(kept), digests, (3, height, width))


def validate_arrays(images: Bytes, size: int | None, place: str) -> ValidatedImages:
    """The same for decoded images N x C x H x W; with ``size`` None they keep their size."""
    _, channels, height, width = images.shape
    if images.size and images.max() <= 1:
        raise DataError(
            f"the pixels hold only {' and '.join(map(str, np.unique(images)))}, of 0 to 255: {place}",
            "of floats in [0, 1] save (255 * images).round().astype('uint8'), of masks 255 * images",
        )
    if size is None and not SIDES[0] <= min(height, width) <= max(height, width) <= SIDES[1]:
        raise DataError(
            f"images of {height} x {width} pixels, sides must be within {SIDES[0]}..{SIDES[1]}: {place}", "add [size=224] or another size"
        )
    if size is not None and (height, width) != (size, size):
        images = np.stack([fit_to_square(image, size) for image in images])
    return ValidatedImages(InMemory(images), np.array([digest_of(image) for image in images], np.uint64), (channels, *images.shape[2:]))


def common_size(sizes: Sequence[tuple[int, int]], size: int | None, place: str) -> tuple[int, int]:
    """Height and width to which pictures of these sizes are fitted.

    ``size`` x ``size`` if it is given (32 x 32 if no size is known at all); their own size if all have the same size of at most 512
    pixels a side; otherwise 32 if the longer side of the median picture is at most 64, else 224. Raises ``DataError`` if all have the
    same size and it is below ``SIDES``.
    """
    if size is not None or not sizes:
        return size or SMALL, size or SMALL
    only = sizes[0]
    if len(set(sizes)) > 1 or max(only) > 512:
        side = SMALL if np.median([max(pair) for pair in sizes]) <= 64 else LARGE
        return side, side
    if min(only) < SIDES[0]:
        raise DataError(f"the images are only {only[0]} x {only[1]} pixels: {place}", f"add [size={SMALL}] to enlarge them")
    return only


def require_size(size: int | None) -> None:
    """Raises ``SpecError`` unless the side is a whole number within ``SIDES``."""
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or not SIDES[0] <= size <= SIDES[1]):
        raise SpecError(f"`size` must be a whole number within {SIDES[0]}..{SIDES[1]}, got: {size}")


def digest_of(image: Bytes) -> int:
    """A 64-bit digest of the pixels."""
    return int.from_bytes(hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=8).digest(), "big")


def error_listing(message: str, lines: Iterable[str], hint: str) -> DataError:
    """One error for many faults: it lists the first ten and counts the rest."""
    faults = list(lines)
    more = [f"… and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
    return DataError("\n  ".join([message, *faults[:SHOWN], *more]), hint)
