"""Small drawn faces with different expressions, which people recognise at a glance.

To add one, add an entry to ``FACES``. Its features must be coarse, because a face may be only eight pixels wide.
"""

from collections.abc import Mapping

import numpy as np

from onecurve.core.errors import DataError, UnknownNameError
from onecurve.core.image.images import Floats
from onecurve.data.colours import luminance
from onecurve.data.motifs import Ink, Motif, layered
from onecurve.data.outlines import Figure, box, common, disc, ellipse, ring, stroke, union, without
from onecurve.data.sprites import SMALLEST, paint_motif, palettes_of

_DARK_SKIN = 0.25
"""Luminance of the fill below which dark features would be invisible and are drawn light."""


def draw_face(expression: str, size: int, rng: np.random.Generator, fill: tuple[float, float, float]) -> tuple[Floats, Floats]:
    """One face in the colour ``fill``: pattern float32 3 x size x size and alpha float32 size x size, both in [0, 1].

    Raises ``UnknownNameError`` for an expression that is not in ``EXPRESSIONS``, ``DataError`` for a size below 4.
    """
    if expression not in FACES:
        raise UnknownNameError.among("expression", expression, EXPRESSIONS)
    if size < SMALLEST:
        raise DataError(f"a face needs at least {SMALLEST} pixels, got: {size}")
    fills = np.array([fill], np.float32)
    palettes = palettes_of(fills, rng)
    if luminance(fills)[0] < _DARK_SKIN:
        palettes[:, [Ink.LIGHT, Ink.DARK]] = palettes[:, [Ink.DARK, Ink.LIGHT]]
    centre = np.full((1, 2), size / 2, np.float32)
    turn = rng.uniform(-0.03, 0.03, 1).astype(np.float32)
    patterns, alphas = paint_motif(FACES[expression], size, centre, np.full(1, size, np.float32), turn, palettes)
    return patterns[0], alphas[0]


def _face(*layers: tuple[Figure, Ink]) -> Motif:
    return layered(disc(0, 0, 1), *layers)


def _eyes(radius: float = 0.17, down: float = -0.25) -> Figure:
    return union(disc(-0.36, down, radius), disc(0.36, down, radius))


def _closed(down: float = -0.22, at: tuple[float, ...] = (-0.38, 0.38)) -> Figure:
    return union(*(box(x, down, 0.22, 0.09) for x in at))


def _arcs(*, up: bool) -> Figure:
    """Eyes drawn as arcs; laughing eyes curve upwards."""
    centre = -0.12 if up else -0.42
    half = box(0, centre - 0.25 if up else centre + 0.25, 1, 0.25)
    return common(union(ring(-0.38, centre, 0.2, 0.09), ring(0.38, centre, 0.2, 0.09)), half)


def _smile() -> Figure:
    return common(ring(0, 0.0, 0.56, 0.16), box(0, 0.62, 0.7, 0.42))


def _frown() -> Figure:
    return common(ring(0, 0.85, 0.46, 0.12), box(0, 0.42, 0.5, 0.3))


def _grin() -> Figure:
    return common(disc(0, 0.1, 0.62), box(0, 0.5, 0.7, 0.4))


def _lips() -> Figure:
    return without(_grin(), common(disc(0, 0.1, 0.5), box(0, 0.45, 1, 0.26)))


def _crosses() -> Figure:
    return union(*(stroke(x - 0.17, -0.25 - s * 0.17, x + 0.17, -0.25 + s * 0.17, 0.08) for x in (-0.38, 0.38) for s in (-1, 1)))


def _hearts() -> Figure:
    return union(*(union(disc(x - 0.13, -0.34, 0.17), disc(x + 0.13, -0.34, 0.17), stroke(x, -0.28, x, -0.1, 0.13)) for x in (-0.38, 0.38)))


def _brows() -> Figure:
    return union(stroke(-0.62, -0.55, -0.14, -0.25, 0.11), stroke(0.62, -0.55, 0.14, -0.25, 0.11))


def _tears() -> Figure:
    return union(ellipse(-0.4, 0.3, 0.16, 0.42), ellipse(0.4, 0.3, 0.16, 0.42))


def _glasses() -> Figure:
    return union(box(-0.4, -0.2, 0.33, 0.24), box(0.4, -0.2, 0.33, 0.24), box(0, -0.34, 0.9, 0.09))


FACES: Mapping[str, Motif] = {
    "smiling": _face((_eyes(), Ink.DARK), (_smile(), Ink.DARK)),
    "sad": _face((_eyes(), Ink.DARK), (_frown(), Ink.DARK)),
    "laughing": _face((_arcs(up=True), Ink.DARK), (_grin(), Ink.DARK)),
    "grinning": _face((_eyes(), Ink.DARK), (_grin(), Ink.LIGHT), (_lips(), Ink.DARK)),
    "surprised": _face((_eyes(0.24, -0.3), Ink.LIGHT), (_eyes(0.12, -0.3), Ink.DARK), (ellipse(0, 0.45, 0.26, 0.34), Ink.DARK)),
    "angry": _face((_brows(), Ink.DARK), (_eyes(0.15, -0.1), Ink.DARK), (_frown(), Ink.DARK)),
    "winking": _face((disc(-0.36, -0.25, 0.2), Ink.DARK), (_closed(at=(0.4,)), Ink.DARK), (_grin(), Ink.ACCENT)),
    "neutral": _face((_eyes(), Ink.DARK), (box(0, 0.42, 0.5, 0.11), Ink.DARK)),
    "sleeping": _face((_arcs(up=False), Ink.DARK), (disc(0.12, 0.45, 0.17), Ink.DARK)),
    "crying": _face((_tears(), Ink.ACCENT), (_closed(), Ink.DARK), (_frown(), Ink.DARK)),
    "dizzy": _face((_crosses(), Ink.DARK), (ellipse(0, 0.5, 0.3, 0.2), Ink.DARK)),
    "loving": _face((_hearts(), Ink.ACCENT), (_smile(), Ink.DARK)),
    "cool": _face((_glasses(), Ink.DARK), (_smile(), Ink.DARK)),
    "teasing": _face((_eyes(), Ink.DARK), (box(0, 0.3, 0.55, 0.1), Ink.DARK), (ellipse(0.1, 0.58, 0.24, 0.32), Ink.ACCENT)),
    "masked": _face((_eyes(0.16, -0.35), Ink.DARK), (box(0, 0.42, 1, 0.34), Ink.LIGHT)),
    "one-eyed": _face((disc(0, -0.2, 0.38), Ink.LIGHT), (disc(0, -0.2, 0.18), Ink.DARK), (box(0, 0.55, 0.36, 0.1), Ink.DARK)),
}
EXPRESSIONS: tuple[str, ...] = tuple(FACES)
