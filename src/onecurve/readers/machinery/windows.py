"""The window of an image that its heat map marks: what a reader crops if it needs a picture and has a map."""

from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.evidence import Evidence
from onecurve.core.image.images import Floats, Ints

SMALLEST, LARGEST = 0.1, 0.5
"""Sides of windows that are tried, as shares of the image's shorter side."""
SIZES = 8
"""How many of them."""


@final
@dataclass(frozen=True)
class Windows:
    """A square in each of N images, the most pronounced first."""

    items: Ints
    """int64 N; which suspect."""
    tops: Ints
    lefts: Ints
    sides: Ints
    """int64 N, in pixels."""
    excess: Floats
    """float32 N in [0, 1); the window's share of its map less its share of the image. 0 for a map that points nowhere."""

    def __len__(self) -> int:
        return len(self.items)

    def first(self, count: int) -> "Windows":
        """The most pronounced ones."""
        return self._rows(np.arange(min(count, len(self))))

    def _rows(self, rows: Ints) -> "Windows":
        return Windows(self.items[rows], self.tops[rows], self.lefts[rows], self.sides[rows], self.excess[rows])

    def cut(self, suspects: Floats, margin: float = 0.0) -> list[Floats]:
        """C x h x w of each window, grown by ``margin`` of its side on every side where the image goes on."""
        crops = []
        for item, top, left, side in zip(self.items, self.tops, self.lefts, self.sides, strict=True):
            more = round(margin * side)
            crops.append(suspects[item][:, max(0, top - more) : top + side + more, max(0, left - more) : left + side + more])
        return crops


def windows_of(evidence: Evidence, suspects: Floats) -> Windows:
    """The window that each suspect's first map points at; maps that point nowhere or do not fit the suspects are left out.

    Of all squares the one whose share of the map exceeds its share of the image most: a mark of any size is framed closely, for
    a larger frame costs area and a smaller one loses heat. What half of a map's pixels have is taken for its ground and counts nothing.
    """
    maps: dict[int, Floats] = {}
    for heat in evidence.heat_maps():
        if 0 <= heat.item < len(suspects) and heat.values.shape == suspects.shape[2:] and np.ptp(heat.values) > 0:
            maps.setdefault(heat.item, heat.values)
    if not maps:
        nothing = np.zeros(0, np.int64)
        return Windows(nothing, nothing, nothing, nothing, np.zeros(0, np.float32))
    items = np.array(list(maps), np.int64)
    stacked = np.stack(list(maps.values()))
    raised = (stacked - np.median(stacked, axis=(1, 2), keepdims=True)).clip(min=0)
    tops, lefts, sides, excess = _best(np.where(raised.max(axis=(1, 2), keepdims=True) > 0, raised, stacked))
    return Windows(items, tops, lefts, sides, excess)._rows(np.argsort(-excess, kind="stable"))


def _best(maps: Floats) -> tuple[Ints, Ints, Ints, Floats]:
    count, height, width = maps.shape
    shorter = min(height, width)
    summed = np.zeros((count, height + 1, width + 1))
    summed[:, 1:, 1:] = maps.astype(np.float64).cumsum(axis=1).cumsum(axis=2)
    total = summed[:, -1:, -1:]
    sizes = np.unique(np.rint(np.linspace(max(1, SMALLEST * shorter), max(1, LARGEST * shorter), SIZES)).astype(np.int64))
    found = []
    for side in sizes:
        inside = summed[:, side:, side:] - summed[:, :-side, side:] - summed[:, side:, :-side] + summed[:, :-side, :-side]
        excess = (inside / total - side * side / (height * width)).reshape(count, -1)
        at = excess.argmax(axis=1)
        tops, lefts = np.divmod(at, width - side + 1)
        found.append((tops, lefts, np.full(count, side), excess[np.arange(count), at]))
    by_size = [np.stack(each) for each in zip(*found, strict=True)]
    size = by_size[3].argmax(axis=0)
    tops, lefts, sides, best = (each[size, np.arange(count)] for each in by_size)
    return tops.astype(np.int64), lefts.astype(np.int64), sides.astype(np.int64), best.astype(np.float32)
