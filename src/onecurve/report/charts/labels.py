"""Where a line's name stands: beside its last point where nothing is in the way, else in the right margin."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

STEPS = 24
"""Places along a segment that a label is tested against."""


@final
@dataclass(frozen=True)
class Box:
    """A rectangle in units of the view box."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether the two overlap."""
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom

    def inside(self, other: "Box") -> bool:
        """Whether it lies wholly in the other."""
        return other.left <= self.left and self.right <= other.right and other.top <= self.top and self.bottom <= other.bottom


def along(start: tuple[float, float], end: tuple[float, float], half: float) -> list[Box]:
    """Small boxes along a segment, ``half`` to each side."""
    boxes = []
    for step in range(STEPS + 1):
        x = start[0] + (end[0] - start[0]) * step / STEPS
        y = start[1] + (end[1] - start[1]) * step / STEPS
        boxes.append(Box(x - half, y - half, x + half, y + half))
    return boxes


def free_place(point: tuple[float, float], width: float, size: float, obstacles: Sequence[Box], field: Box) -> Box | None:
    """The first of right, above and below of a point where a label of that width and type size meets nothing; None for nowhere."""
    x, y = point
    tall = 1.2 * size
    for left, top in ((x + 14, y - tall / 2), (x - 8, y - 12 - tall), (x - 8, y + 12)):
        box = Box(left, top, left + width, top + tall)
        if box.inside(field) and not any(box.meets(obstacle) for obstacle in obstacles):
            return box
    return None
