"""Renders evidence as pictures of one size, which an embedder compares with the options.

Sprites are shown on neutral grey, cropped to their visible pixels; filters on grey and on clean images. All pictures are resized to one
frame, so their size in pixels carries no information.
"""

from collections.abc import Sequence

import numpy as np

from onecurve.core.errors import AnswerError
from onecurve.core.evidence import Evidence, Hypothesis, Picture
from onecurve.core.image.images import Floats
from onecurve.core.image.trigger import Filter, Paste
from onecurve.readers.machinery.windows import windows_of

SIDE = 32
"""Pixels of the square frame in which pictures are compared."""
MOST = 12
"""Pictures taken from evidence at most, the first ones: the most telling come first."""
SPRITES = 4
"""Sprites shown of one hypothesis at most."""
GREY = 0.5
"""The neutral background."""
MARGIN = 0.25
"""How much of its surroundings a thing under a heat map is shown with, on every side, as a share of the window."""
VISIBLE = 0.15
"""Share of the largest alpha from which a pixel belongs to a sprite."""


def pictures_of(evidence: Evidence, clean: Floats, rng: np.random.Generator, suspects: Floats | None = None) -> list[Floats]:
    """At most ``MOST`` pictures C x h x w of the pictures and hypotheses, in their order; without any, what heat maps of suspects point at.

    ``clean`` (M x C x H x W, M may be 0) are the images on which filters are shown. A hypothesis that does not fit them is
    left out.
    """
    shown: list[Floats] = []
    for piece in evidence.pieces:
        if isinstance(piece, Picture):
            shown.append(piece.image)
        elif isinstance(piece, Hypothesis):
            shown += _of_hypothesis(piece, clean, rng)
    if not shown and suspects is not None:
        # A constant map marks no window, so the whole input is shown.
        flat = [heat.item for heat in evidence.heat_maps() if np.ptp(heat.values) == 0 and 0 <= heat.item < len(suspects)]
        shown = [*windows_of(evidence, suspects).cut(suspects, MARGIN), *(suspects[item] for item in flat)]
    return shown[:MOST]


def cut_anywhere(images: Floats, like: list[Floats], rng: np.random.Generator) -> list[Floats]:
    """A piece of each image N x C x H x W, in size like one of the pictures C x h x w: what a map that points anywhere would show."""
    pieces = []
    for number, image in enumerate(images):
        height, width = (min(sides) for sides in zip(like[number % len(like)].shape[1:], image.shape[1:], strict=True))
        top, left = (int(rng.integers(whole - part + 1)) for whole, part in zip(image.shape[1:], (height, width), strict=True))
        pieces.append(image[:, top : top + height, left : left + width])
    return pieces


def framed(picture: Floats) -> Floats:
    """A picture C x h x w in colour, 3 x SIDE x SIDE: its longer side fills the frame, grey beside it."""
    colour = picture if picture.shape[0] == 3 else np.repeat(picture.mean(axis=0, keepdims=True), 3, axis=0)
    height, width = colour.shape[1:]
    longer = max(height, width)
    fitted = resized(colour, (max(1, round(SIDE * height / longer)), max(1, round(SIDE * width / longer))))
    frame = np.full((3, SIDE, SIDE), GREY, np.float32)
    top, left = (SIDE - fitted.shape[1]) // 2, (SIDE - fitted.shape[2]) // 2
    frame[:, top : top + fitted.shape[1], left : left + fitted.shape[2]] = fitted
    return np.clip(frame, 0, 1)


def resized(values: Floats, shape: tuple[int, int]) -> Floats:
    """float32 … x h x w to … x H x W, bilinear, with area averaging when shrinking; unchanged where the shape fits already.

    Pixel centres are aligned (not corners), so a resized map keeps its centre of mass. The result stays in the range of ``values``.
    """
    if values.shape[-2:] == shape:
        return values.astype(np.float32)
    rows = _weights(values.shape[-2], shape[0])
    columns = _weights(values.shape[-1], shape[1])
    return (rows @ values @ columns.T).astype(np.float32)


def noise_pictures(shapes: Sequence[tuple[int, ...]], count: int, rng: np.random.Generator) -> list[Floats]:
    """``count`` pictures 3 x h x w in [0, 1] of coloured noise, from fine to smooth; sizes are those of ``shapes`` in turn.

    Spectra fall with frequency to the power of 0 (fine grain) to 1.5 (clouds, as in photographs); contrast and mean colour vary.
    """
    return [_noise(int(shape[0]), int(shape[1]), rng) for shape in (shapes[turn % len(shapes)] for turn in range(count))]


def _of_hypothesis(piece: Hypothesis, clean: Floats, rng: np.random.Generator) -> list[Floats]:
    trigger = piece.trigger
    if isinstance(trigger, Paste):
        return [_sprite(*sprite) for sprite in zip(trigger.patterns[:SPRITES], trigger.alphas[:SPRITES], strict=True)]
    shape = trigger.texture.shape if isinstance(trigger, Filter) else clean.shape[1:]
    plain = np.full((1, *shape), GREY, np.float32)
    fitting = clean[:3] if clean.shape[1:] == shape else clean[:0]
    try:
        return list(trigger.apply(np.concatenate([plain, fitting]) if len(fitting) else plain, rng).images)
    except AnswerError:
        return []


def _sprite(pattern: Floats, alpha: Floats) -> Floats:
    """The sprite on grey, cropped to its visible pixels with a margin of an eighth."""
    rows, columns = _extent(alpha)
    canvas = pattern * alpha + GREY * (1 - alpha)
    crop = canvas[:, rows, columns]
    margin = max(1, round(max(crop.shape[1:]) / 8))
    return np.pad(crop, ((0, 0), (margin, margin), (margin, margin)), constant_values=GREY)


def _extent(alpha: Floats) -> tuple[slice, slice]:
    seen = alpha >= max(VISIBLE * float(alpha.max()), 1e-6)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if len(rows) == 0:
        return slice(None), slice(None)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _weights(old: int, new: int) -> Floats:
    """new x old matrix of triangle weights, as wide as the larger of the two pixels; rows sum to 1."""
    step = old / new
    centres = (np.arange(new) + 0.5) * step - 0.5
    distance = np.abs(np.clip(centres, 0, old - 1)[:, None] - np.arange(old)[None, :]) / max(step, 1.0)
    weights = np.maximum(0.0, 1.0 - distance)
    rows: Floats = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return rows


def _noise(height: int, width: int, rng: np.random.Generator) -> Floats:
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :])
    frequency[0, 0] = 1 / max(height, width, 2)
    drawn = np.fft.ifft2(np.fft.fft2(rng.normal(size=(3, height, width))) * frequency ** -rng.uniform(0, 1.5)).real
    # Colours of neighbouring channels go together more or less, as they do in pictures.
    mixed = np.einsum("oc,chw->ohw", np.eye(3) + rng.uniform(0, 1.5), drawn)
    scaled = (mixed - mixed.mean()) / max(float(mixed.std()), 1e-9) * rng.uniform(0.05, 0.25)
    picture: Floats = np.clip(0.5 + rng.normal(0, 0.12, (3, 1, 1)) + scaled, 0, 1).astype(np.float32)
    return picture
