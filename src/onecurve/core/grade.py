"""Grades: a status, and only with `graded` or `abstained` a number."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import final

from onecurve.core import html
from onecurve.core.errors import UngradeableError


class Status(StrEnum):
    """What became of a cell."""

    GRADED = "graded"
    ABSTAINED = "abstained"
    """Attempted and declined: graded as the floor and counted."""
    SKIPPED = "skipped"
    """Cannot be attempted: blank."""
    PENDING = "pending"
    """Answered and not graded yet; graded when the run is started again."""
    WAITING = "waiting"
    """A person has yet to answer; left as it is until they do."""
    FAILED = "failed"
    """The solver broke its promise or its limits; the reason says how."""
    LOST = "lost"
    """The machine broke off, as with a full disk or a worker that was killed; done again when the run is started again."""


@final
@dataclass(frozen=True)
class Measured:
    """What a task measured on one answer."""

    raw: float
    """The task's own measure; its range is the task's."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """The field's usual figures, by name."""


@final
@dataclass(frozen=True)
class Cost:
    """What one cell cost: the meter's counts, and what was measured from outside."""

    forward: float = 0.0
    """Examples through the network forward."""
    backward: float = 0.0
    """Examples through the network backward."""
    seconds: float = 0.0
    peak_mb: float = 0.0
    """Peak memory of the worker above what it held before the cell, in MiB."""
    person_seconds: float = 0.0
    cpu_seconds: float | None = 0.0
    """Processor seconds of the cell and all that it started, measured from outside; None where nobody did."""
    clean_images: int | None = 0
    """Different images of the clean set that were read; None where nobody counted."""

    @property
    def equivalents(self) -> float:
        """Forward-equivalents: an example forward counts 1, backward 2."""
        return self.forward + 2 * self.backward

    def plus(self, other: "Cost") -> "Cost":
        """Both together; the peak is the larger of the two.

        So is the number of clean images: two looks at one clean set may read the same images, and which they read is not kept. It is
        the least that both together can have read. Processor seconds and clean images are None where they are None in one of the two.
        """
        clean = None if self.clean_images is None or other.clean_images is None else max(self.clean_images, other.clean_images)
        return Cost(
            self.forward + other.forward,
            self.backward + other.backward,
            self.seconds + other.seconds,
            max(self.peak_mb, other.peak_mb),
            self.person_seconds + other.person_seconds,
            None if self.cpu_seconds is None or other.cpu_seconds is None else self.cpu_seconds + other.cpu_seconds,
            clean,
        )


@final
@dataclass(frozen=True)
class Grade:
    """One cell's result; ``raw`` to ``skill`` are None unless graded or abstained."""

    status: Status
    reason: str = ""
    raw: float | None = None
    floor: float | None = None
    ceiling: float | None = None
    skill: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        if self.skill is None or self.raw is None or self.floor is None or self.ceiling is None:
            return html.facts({"status": str(self.status), "reason": self.reason})
        known = {"skill": self.skill, "raw measure": self.raw, "floor": self.floor, "ceiling": self.ceiling, **self.figures}
        return html.facts({"status": str(self.status)} | {name: f"{value:.3f}" for name, value in known.items()})


TIE = 1e-6
"""Floor and ceiling closer than this count as equal."""
ROOM = 0.05
"""Least difference of floor and ceiling in the raw measure; tasks below it are skipped, since they cannot separate answers."""


def skill_of(raw: float, floor: float, ceiling: float) -> float:
    """The one curve: (raw - floor) / (ceiling - floor), never clipped.

    Raises ``UngradeableError`` where the ceiling is not above the floor.

    >>> skill_of(0.5, 0.25, 0.75), skill_of(0.0, 0.25, 0.75)
    (0.5, -0.5)
    """
    if ceiling - floor < TIE:
        raise UngradeableError(f"floor {floor:.3f} and ceiling {ceiling:.3f} cannot separate answers")
    return (raw - floor) / (ceiling - floor)


def require_room(floor: float, ceiling: float) -> None:
    """Raise ``UngradeableError`` where floor and ceiling nearly meet: there a little noise is worth many units of skill."""
    if ceiling < floor:
        raise UngradeableError(f"the floor measures {floor:.3f}, more than the ceiling with {ceiling:.3f}")
    if ceiling - floor < ROOM:
        raise UngradeableError(f"the best answer without looking earns {floor:.3f} of {ceiling:.3f}, so this task cannot separate answers")
