"""Backgrounds and trigger pieces from the two photographs in scikit-learn, which are divided by region between the parts.

Each photograph is cut into blocks, every block belongs to one part, and a crop never leaves its block, so no two parts share a
pixel. Block sides must be even, so that the half-size photographs average pixels within blocks only.
"""

from dataclasses import dataclass
from functools import cache
from typing import final

import numpy as np
from sklearn.datasets import load_sample_images

from onecurve.core.image.images import Bytes, Floats, Ints
from onecurve.core.seeds import generator
from onecurve.data.dataset import Part

NAMES = ("china.jpg", "flower.jpg")
"""The photographs, in scikit-learn's order."""
SIZE = (427, 640)
"""Their rows and columns."""
BLOCK = (106, 80)
"""Rows and columns of a block at full size; both even."""
SHARES = {Part.TRAIN: 0.5, Part.CLEAN: 0.2, Part.HELDOUT: 0.3}
"""Share of the blocks in each part."""


@final
@dataclass(frozen=True)
class Blocks:
    """The blocks of one part: where crops may be taken."""

    photographs: Bytes
    """uint8 4 x H x W x 3: two photographs at full size, then both halved, padded with zeros."""
    places: Ints
    """int64 B x 5: which of the four, top row, left column, height, width of each block."""

    def crops(self, count: int, side: int, rng: np.random.Generator) -> Floats:
        """float32 count x 3 x side x side in [0, 1]: random crops with small changes of brightness and tint, half of them mirrored."""
        which, tops, lefts, heights, widths = self.places[rng.integers(len(self.places), size=count)].T
        tops = tops + (rng.random(count) * (heights - side + 1)).astype(np.int64)
        lefts = lefts + (rng.random(count) * (widths - side + 1)).astype(np.int64)
        columns = np.arange(side) + lefts[:, None]
        columns = np.where((rng.random(count) < 0.5)[:, None], columns[:, ::-1], columns)
        rows = np.arange(side) + tops[:, None]
        found = self.photographs[which[:, None, None], rows[:, :, None], columns[:, None, :]]
        # Channels first in memory too, because the following steps are faster on contiguous arrays.
        crops = np.ascontiguousarray(np.moveaxis(found, 3, 1)).astype(np.float32) / 255
        gain = rng.uniform(0.75, 1.1, (count, 1, 1, 1)).astype(np.float32)
        tint = rng.normal(0, 0.03, (count, 3, 1, 1)).astype(np.float32)
        return np.clip(crops * gain + tint, 0, 1)


@final
@dataclass(frozen=True)
class Piece:
    """A square of one photograph inside one block. Its pixels are loaded on demand."""

    photograph: int
    """Index into ``NAMES``."""
    top: int
    left: int
    side: int
    """In pixels of the photograph."""

    @property
    def words(self) -> str:
        return f"`{NAMES[self.photograph]}` at row {self.top}, column {self.left}"

    def pixels(self) -> Bytes:
        """uint8 3 x side x side."""
        rows, columns = (slice(start, start + self.side) for start in (self.top, self.left))
        return np.ascontiguousarray(np.moveaxis(_photographs()[self.photograph, rows, columns], 2, 0))


def pieces(part: Part, count: int, side: int, rng: np.random.Generator) -> tuple[Piece, ...]:
    """``count`` squares of the part's blocks at full size, from different blocks while there are enough; ``side`` is at most 80."""
    full = [(photo, top, left) for photo, top, left, height, _ in _places()[part] if height == BLOCK[0]]
    order = np.concatenate([rng.permutation(len(full)) for _ in range(-(-count // len(full)))])[:count]
    shifts = (rng.random((count, 2)) * [BLOCK[0] - side + 1, BLOCK[1] - side + 1]).astype(np.int64)
    corners = zip((full[number] for number in order), shifts, strict=True)
    return tuple(Piece(int(photo), int(top + down), int(left + across), side) for (photo, top, left), (down, across) in corners)


@cache
def blocks_of(part: Part) -> Blocks:
    """The blocks of that part."""
    return Blocks(_photographs(), _places()[part])


@cache
def _photographs() -> Bytes:
    full = np.stack(load_sample_images().images)
    _, height, width, _ = full.shape
    assert (len(full), height, width) == (len(NAMES), *SIZE)
    even = full[:, : height // 2 * 2, : width // 2 * 2].astype(np.uint16)
    halved = (even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2] + 2) // 4
    levels = np.zeros((4, height, width, 3), np.uint8)
    levels[:2] = full
    levels[2:, : height // 2, : width // 2] = halved
    levels.flags.writeable = False
    return levels


@cache
def _places() -> dict[Part, Ints]:
    (height, width), (rows, columns) = SIZE, BLOCK
    corners = [
        (photo, top, left)
        for photo in range(len(NAMES))
        for top in range(0, height - rows + 1, rows)
        for left in range(0, width - columns + 1, columns)
    ]
    order = generator("photographs", "blocks").permutation(len(corners))
    bounds = np.rint(np.cumsum([0, *SHARES.values()]) * len(corners)).astype(int)
    return {part: _at_both_sizes([corners[i] for i in order[bounds[k] : bounds[k + 1]]]) for k, part in enumerate(SHARES)}


def _at_both_sizes(corners: list[tuple[int, int, int]]) -> Ints:
    rows, columns = BLOCK
    full = [(photo, top, left, rows, columns) for photo, top, left in corners]
    half = [(photo + 2, top // 2, left // 2, rows // 2, columns // 2) for photo, top, left in corners]
    return np.array([*full, *half], np.int64)
