"""Markers of charts: eight shapes, so that no line is told apart by its colour alone."""

from markupsafe import Markup

SHAPES = 8
COLOURS = 8
"""Colours s0 to s7 of the style sheet; further lines repeat the colour with another shape."""


def marker(style: int, x: float, y: float, radius: float) -> Markup:
    """The SVG shape of that style, centred on (x, y)."""
    shape = (style + style // COLOURS) % SHAPES
    if shape == 0:
        return Markup('<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"/>').format(x=x, y=y, r=radius)
    path = "L".join(f"{x + radius * dx:.1f} {y + radius * dy:.1f}" for dx, dy in _CORNERS[shape])
    return Markup('<path class="mark" d="M{p}Z"/>').format(p=path)


_CORNERS: dict[int, tuple[tuple[float, float], ...]] = {
    1: ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    2: ((0, -1.2), (1.1, 0.8), (-1.1, 0.8)),
    3: ((0, -1.3), (1.1, 0), (0, 1.3), (-1.1, 0)),
    4: ((0, 1.2), (1.1, -0.8), (-1.1, -0.8)),
    5: (
        (-0.4, -1.2),
        (0.4, -1.2),
        (0.4, -0.4),
        (1.2, -0.4),
        (1.2, 0.4),
        (0.4, 0.4),
        (0.4, 1.2),
        (-0.4, 1.2),
        (-0.4, 0.4),
        (-1.2, 0.4),
        (-1.2, -0.4),
        (-0.4, -0.4),
    ),
    6: ((0, -1.2), (1.15, -0.35), (0.7, 1), (-0.7, 1), (-1.15, -0.35)),
    7: ((-1.2, -0.5), (1.2, -0.5), (1.2, 0.5), (-1.2, 0.5)),
}
