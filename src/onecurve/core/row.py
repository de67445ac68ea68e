"""Rows: one per cell, the flat record that is stored, exported, averaged and reported."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import final

from onecurve.core.grade import Cost, Grade, Status

BEYOND_TIMES = 10.0
BEYOND_SECONDS = 5.0
"""A cell worked far beyond its meter if its processor passes are so many times the metered equivalents, and it took so long."""


JOINT = "+"


def joined_kinds(kinds: Iterable[str]) -> str:
    """How kinds of flaw in one network stand in a row: `patch+style`, or `clean` for none.

    >>> joined_kinds(["patch", "style"]), joined_kinds([])
    ('patch+style', 'clean')
    """
    return JOINT.join(kinds) or "clean"


class Role(StrEnum):
    """What a solver is in the comparison."""

    METHOD = "method"
    BASELINE = "baseline"
    """Uses no interpretability."""
    OWN_READER = "own-reader"
    """A tool read by a reader that is not OneCurve's own: the reader may know the tool, so such pairs are ranked apart."""
    CONTROL = "control"
    """Fed with the truth or with noise, to test readers and tasks."""
    REFERENCE_POINT = "yardstick"
    """Floor and ceiling; stored as `yardstick`."""


@final
@dataclass(frozen=True)
class Row:
    """One cell. ``raw`` to ``skill`` are None unless the status is graded or abstained."""

    key: str
    """Content key of the cell: the same cell has the same key in every run."""
    case: str
    subject: str
    """The network; several cases may live in one."""
    flaw: str
    data: str
    model: str
    task: str
    solver: str
    tool: str
    """The looking half of `tool@reader`, or the solver itself."""
    reader: str
    """The reading half, empty for a direct solver."""
    role: Role
    budget: float
    """Forward-equivalents granted for looking (0 where the solver does not look)."""
    retrain_budget: float
    """Forward-equivalents granted for retraining (0 where it does not retrain)."""
    repeat: int
    status: Status
    reason: str = ""
    raw: float | None = None
    floor: float | None = None
    ceiling: float | None = None
    skill: float | None = None
    forward: float = 0.0
    backward: float = 0.0
    seconds: float = 0.0
    peak_mb: float = 0.0
    person_seconds: float = 0.0
    cpu_seconds: float | None = None
    """Processor seconds of looking, reading and answering, measured from outside; None in results of earlier versions."""
    passes: float | None = None
    """The same as examples through this network forward, on the machine of the run; None where that was not measured."""
    figures: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    """The case's own columns: insertion, poison rate, attack success, …"""
    question: str = ""
    """Blob key of the question."""
    evidence: str = ""
    """Blob key of the evidence, empty for a direct solver."""
    answer: str = ""
    """Blob key of the answer."""
    traceback: str = ""
    clean_images: int | None = None
    """Different images of the clean set that the look read, or its reader or the solver if those read more; None where nobody counted."""
    task_version: int = 1
    """The version of the task that asked. Rows of different versions stand on different scales and are never averaged together."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of flaw it is about, controls and `clean` included; a question about a whole network has every kind in it."""
        return tuple(self.flaw.split(JOINT))

    @property
    def cost(self) -> Cost:
        spent = self.forward, self.backward, self.seconds, self.peak_mb, self.person_seconds
        return Cost(*spent, self.cpu_seconds, self.clean_images)

    @property
    def beyond_meter(self) -> bool:
        """Whether the cell worked far beyond what its meter counted: more than ten times as much, and for more than five seconds.

        It may have computed with a network of its own, or with a copy that has no meter.
        """
        if self.cpu_seconds is None or self.passes is None:
            return False
        return self.cpu_seconds > BEYOND_SECONDS and self.passes > BEYOND_TIMES * self.cost.equivalents

    @property
    def grade(self) -> Grade:
        return Grade(self.status, self.reason, self.raw, self.floor, self.ceiling, self.skill, self.figures)
