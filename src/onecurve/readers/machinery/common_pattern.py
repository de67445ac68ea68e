"""From heat maps to a trigger hypothesis: do the maps of different inputs mark the same pattern, and what does it look like?

What is pasted on many images recurs where they are cut, what belongs to the images does not. How alike is alike enough is read off
clean images, so that maps which point anywhere propose next to nothing.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from onecurve.core.evidence import Evidence, Hypothesis
from onecurve.core.image.images import Bools, Floats, Ints
from onecurve.core.image.paste import Paste
from onecurve.readers.machinery.windows import Windows, windows_of

Doubles = NDArray[np.float64]

MOST = 24
"""Windows compared at most, the most pronounced ones."""
NULL = 64
"""Windows of clean images that those that are alike must be nearer than, each and all."""
LEAST = 4
"""Windows that must hold the same thing; two or three alike may be chance."""
TIGHTER, SMALLEST = 0.75, 3
"""The side of what is compared as a share of the windows' median, for heat spreads beyond the thing; and its least, in pixels."""
SLACK = 0.5
"""How far a window may miss the thing, as a share of its side."""
STEPS = 8
"""Shifts tried along half the slack, at most."""
PART = 0.5
"""Share of a window's pixels that must agree."""
PIXELS = 16
"""Larger windows are compared at about so many pixels to the side."""
STEADY, LOOSE = 0.35, 0.7
"""Spread of a pixel over aligned windows, as a share of its spread over clean images, up to which it belongs wholly to the thing, and
from which not at all."""


def recurring(evidence: Evidence, suspects: Floats, target: int, clean: Floats, rng: np.random.Generator) -> Hypothesis | None:
    """The thing that recurs under the maps of suspects N x C x H x W, or None; after SentiNet (Chou et al. 2018, arXiv 1812.00292).

    SentiNet pastes the salient region of one input on clean images. Here the regions of all suspects are aligned first and averaged,
    and pixels that differ from one to the other are transparent. ``success`` is not a trial of the network but the share of maps
    under which the thing is seen: nearer than under any of some windows of clean images (M x C x H x W).
    """
    windows = windows_of(evidence, suspects)
    if len(windows) < LEAST or len(clean) < LEAST:
        return None
    windows = windows.first(MOST)
    side = max(SMALLEST, round(TIGHTER * float(np.median(windows.sides))))
    searched = _searched(suspects, windows, side)
    placed = _placed(searched, _searched(clean, _anywhere(clean, side, rng), side), side)
    if placed is None:
        return None
    alpha = _alpha(placed.aligned, clean)
    if alpha.max() <= 0:
        return None
    pattern = placed.aligned.mean(axis=0)
    # The window that the others are like is like itself, which says nothing.
    share = float((placed.alike.sum() - 1) / (len(placed.alike) - 1))
    caption = f"what {int(placed.alike.sum())} of {len(placed.alike)} maps point at"
    return Hypothesis(Paste(pattern[None].astype(np.float32), alpha[None]), target, share, caption)


@final
@dataclass(frozen=True)
class _Placed:
    """Windows that hold the same thing."""

    alike: Bools
    """N: which windows do."""
    aligned: Floats
    """float32 A x C x side x side: those windows, moved onto each other."""


def _searched(images: Floats, windows: Windows, side: int) -> Floats:
    """N x C x S x S about the middle of each window, S = side plus the slack on both sides; held inside the image."""
    reach = min(side + 2 * round(SLACK * side), *images.shape[2:])
    height, width = images.shape[2:]
    cut = []
    for item, top, left, own in zip(windows.items, windows.tops, windows.lefts, windows.sides, strict=True):
        first = int(np.clip(top + (own - reach) // 2, 0, height - reach))
        second = int(np.clip(left + (own - reach) // 2, 0, width - reach))
        cut.append(images[item][:, first : first + reach, second : second + reach])
    return np.stack(cut)


def _anywhere(images: Floats, side: int, rng: np.random.Generator) -> Windows:
    """A window of that side at a random place of each image, at most ``NULL``."""
    count = min(len(images), NULL)
    items = rng.permutation(len(images))[:count].astype(np.int64)
    height, width = images.shape[2:]
    tops, lefts = (rng.integers(max(1, length - side + 1), size=count).astype(np.int64) for length in (height, width))
    return Windows(items, tops, lefts, np.full(count, side, np.int64), np.zeros(count, np.float32))


def _placed(searched: Floats, ordinary: Floats, side: int) -> _Placed | None:
    """The window to which most others are alike, with these; None where fewer than ``LEAST`` are, itself included."""
    middle, every = (searched.shape[2] - side) // 2, slice(None, None, -(-side // PIXELS))
    templates = searched[:, :, middle : middle + side, middle : middle + side][:, :, every, every]
    templates = templates.reshape(*templates.shape[:2], -1)
    distances, shifts = _nearest(templates, _views(searched, side, every))
    limits = _nearest(templates, _views(ordinary, side, every))[0].min(axis=1)
    alike = distances < limits[:, None]
    chief = int(np.lexsort((np.median(distances, axis=1), -alike.sum(axis=1)))[0])
    chosen: Bools = alike[chief]
    if chosen.sum() < LEAST:
        return None
    across = len(range(0, searched.shape[3] - side + 1, _step(side)))
    moves = zip(searched[chosen], shifts[chief, chosen] // across * _step(side), shifts[chief, chosen] % across * _step(side), strict=True)
    return _Placed(chosen, np.stack([image[:, down : down + side, right : right + side] for image, down, right in moves]))


def _step(side: int) -> int:
    """Pixels between neighbouring shifts."""
    return max(1, round(SLACK * side / STEPS))


def _views(searched: Floats, side: int, every: slice) -> Floats:
    """N x shifts x C x P: some pixels of every window of that side inside, row by row of shifts."""
    views = sliding_window_view(searched, (side, side), axis=(2, 3))[:, :, :: _step(side), :: _step(side), every, every]
    seen = np.ascontiguousarray(np.moveaxis(views, 1, 3))
    return seen.reshape(len(searched), seen.shape[1] * seen.shape[2], searched.shape[1], -1)


def _nearest(templates: Floats, views: Floats) -> tuple[Doubles, Ints]:
    """T x N: the least difference between each template (T x C x P) and any view of each image, and which view.

    The difference is the mean squared one over the ``PART`` of the pixels that agree best: a thing need not fill its window.
    """
    part = max(1, round(PART * templates.shape[2]))
    found = []
    for template in templates:  # one at a time, for all together would not fit into memory
        squares = ((views - template) ** 2).mean(axis=2)
        found.append(np.partition(squares, part - 1, axis=2)[:, :, :part].mean(axis=2))
    differences = np.stack(found).astype(np.float64)
    best: Ints = differences.argmin(axis=2)
    return np.take_along_axis(differences, best[:, :, None], axis=2)[:, :, 0], best


def _alpha(aligned: Floats, clean: Floats) -> Floats:
    """float32 side x side in [0, 1]: opaque where the aligned windows agree."""
    usual = float(clean.std(axis=0).mean()) or 1.0
    spread = aligned.std(axis=0).mean(axis=0) / usual
    alpha: Floats = np.clip((LOOSE - spread) / (LOOSE - STEADY), 0, 1).astype(np.float32)
    return alpha
