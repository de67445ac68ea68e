"""Jobs and their outcomes: what passes between the process that keeps the rows and its workers."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, final

from onecurve.core.grade import Cost


class Trust(StrEnum):
    """What a worker may open. Workers of the two kinds never mix; the value names the module of `runner.handlers`."""

    UNTRUSTED = "untrusted"
    """Runs tools, readers and solvers; is told a subject's folder and never a truth's."""
    TRUSTED = "trusted"
    """Plants, asks and grades; the only place where a truth is opened."""


@final
@dataclass(frozen=True)
class Job:
    """One thing to do in a worker."""

    trust: Trust
    do: str
    """Name of the handler."""
    arguments: Mapping[str, Any]
    """JSON values."""
    label: str
    """What a person reads while it runs."""
    key: str = ""
    """Which look, cell or network it is for."""
    seconds: float = 600.0
    """Wall-clock limit."""


@final
@dataclass(frozen=True)
class Outcome:
    """What came of a job: a value, or the reason why there is none."""

    value: Mapping[str, Any] | None
    reason: str = ""
    hint: str = ""
    traceback: str = ""
    seconds: float = 0.0
    peak_mb: float = 0.0
    cpu_seconds: float = 0.0
    """Processor seconds of the cell and all it started, measured from outside; 0 where that was not done."""
    lost: bool = False
    """True where the machine is to blame and not who was at work: the same job may well go right another time."""

    @property
    def cost(self) -> Cost:
        """What was spent, as far as it is known: a worker that was killed took its meter with it."""
        value = self.value or {}
        forward, backward = float(value.get("forward", 0.0)), float(value.get("backward", 0.0))
        seconds, clean = float(value.get("seconds", self.seconds)), value.get("clean_images")
        images = None if clean is None else int(clean)
        return Cost(forward, backward, seconds, self.peak_mb, cpu_seconds=self.cpu_seconds, clean_images=images)

    @property
    def failed(self) -> bool:
        return self.value is None
