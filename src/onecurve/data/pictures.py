"""Decodes encoded pictures one at a time: checks them, turns them upright, converts them to 8-bit RGB and fits them to a size.

Pictures are untrusted files: nothing is decoded before its header shows a reasonable size, and every error of a decoder becomes
one sentence about that picture.
"""

import io
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, final

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from onecurve.core.image.images import Bytes, Ints

MOST_PIXELS = 50_000_000
"""Pictures with more pixels are refused; they are mistakes or decompression bombs."""
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
WHITE = 65535
_DEPTHS = (8, 10, 12, 14, 16)


class Sources(Protocol):
    """Encoded pictures by row."""

    def __len__(self) -> int: ...

    def open(self, row: int) -> BinaryIO:
        """The encoded picture of that row."""
        ...

    def title(self, row: int) -> str:
        """A name for messages: the file, or its row."""
        ...


@final
@dataclass(frozen=True)
class Files:
    """Pictures in files."""

    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def open(self, row: int) -> BinaryIO:
        return self.paths[row].open("rb")

    def title(self, row: int) -> str:
        return str(self.paths[row])


@final
@dataclass(frozen=True)
class Slices:
    """Pictures one after the other in one array of bytes."""

    buffer: Bytes
    offsets: Ints
    """int64 N + 1: where each picture begins, and where the last one ends."""
    array: str
    """The array's name, for messages."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def open(self, row: int) -> BinaryIO:
        return io.BytesIO(self.buffer[self.offsets[row] : self.offsets[row + 1]].tobytes())

    def title(self, row: int) -> str:
        return f"`{self.array}`, row {row}"


class UnusablePictureError(Exception):
    """Why one picture cannot be used; validation collects these errors and reports them together."""


@final
@dataclass(frozen=True)
class Header:
    """What is known of a picture before its pixels are decoded."""

    height: int
    width: int
    """Of the upright picture."""
    sixteen_bits: bool
    """Whether it holds greys of 16 bits."""


def header_of(sources: Sources, row: int) -> Header:
    """The header of one picture; raises ``UnusablePictureError``."""
    with _opened(sources, row) as image:
        width, height = image.size
        # EXIF orientations 5 to 8 swap height and width.
        turned = image.getexif().get(0x0112, 1) >= 5
        return Header(*((width, height) if turned else (height, width)), image.mode in _SIXTEEN_BITS)


def highest_grey(sources: Sources, rows: Iterable[int]) -> int:
    """The value that stands for white in 16-bit pictures: the largest number of as many bits as the largest value of these takes.

    Cameras and scanners write 10, 12 or 14 bits into such files. Pictures that cannot be decoded are passed over.
    """
    highest = 0
    for row in rows:
        try:
            with _opened(sources, row) as image:
                highest = max(highest, int(np.asarray(image).max()))
        except UnusablePictureError:
            continue
    return next((2**bits - 1 for bits in _DEPTHS if highest < 2**bits), WHITE)


def decoded(sources: Sources, row: int, height: int, width: int, white: int = WHITE) -> Bytes:
    """uint8 3 x height x width: scaled to cover the frame and cropped at the centre; raises ``UnusablePictureError``.

    ``white`` is the value that 16-bit greys are scaled by, see ``highest_grey``.
    """
    with _opened(sources, row) as image:
        # Lets the JPEG decoder skip detail that scaling would remove; other decoders ignore it.
        image.draft(None, (2 * width, 2 * height))
        upright = _in_rgb(ImageOps.exif_transpose(image), white)
        if upright.size != (width, height):
            upright = ImageOps.fit(upright, (width, height), Image.Resampling.BICUBIC)
        return np.ascontiguousarray(np.moveaxis(np.asarray(upright, np.uint8), 2, 0))


def fit_to_square(image: Bytes, size: int) -> Bytes:
    """uint8 C x size x size from uint8 C x H x W with 1 or 3 channels: scaled to cover the frame and cropped at the centre."""
    picture = Image.fromarray(image[0] if len(image) == 1 else np.ascontiguousarray(np.moveaxis(image, 0, 2)))
    pixels = np.asarray(ImageOps.fit(picture, (size, size), Image.Resampling.BICUBIC), np.uint8)
    return np.atleast_3d(pixels).transpose(2, 0, 1)


@contextmanager
def _opened(sources: Sources, row: int) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            # Warnings about metadata are ignored; sizes are checked below.
            warnings.simplefilter("ignore")
            with sources.open(row) as file, Image.open(file) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise UnusablePictureError(f"{image.width} x {image.height} pixels, the most is {MOST_PIXELS:,} in all")
                yield image
    except UnusablePictureError:
        raise
    except Image.DecompressionBombError as error:
        raise UnusablePictureError(f"too many pixels, the most is {MOST_PIXELS:,}") from error
    except UnidentifiedImageError as error:
        raise UnusablePictureError("not an image") from error
    except Exception as error:
        # Decoders raise many kinds of errors for broken files.
        raise UnusablePictureError(str(error) or type(error).__name__) from error


def _in_rgb(image: Image.Image, white: int) -> Image.Image:
    """8-bit RGB: 16-bit grey values are scaled, transparent pixels are blended with white."""
    if image.mode in _SIXTEEN_BITS:
        greys = np.minimum(np.asarray(image).astype(np.uint32) * 255 // white, 255)
        return Image.fromarray(greys.astype(np.uint8)).convert("RGB")
    if image.mode in {"F", "I"}:
        raise UnusablePictureError("32-bit pixels without a known range; save it with 8 bits per channel")
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        clear = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    return image.convert("RGB")
