"""The interface of a look in an audit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, final

from onecurve.auditing.examined import Allowance, Examined
from onecurve.auditing.finding import Finding, Kind
from onecurve.auditing.result import Coverage


@final
@dataclass(frozen=True)
class Report:
    """What one look says."""

    coverage: Coverage
    words: str
    """What was looked at, or why nothing was."""
    findings: tuple[Finding, ...] = ()
    """Each with its own test on fresh images; nobody has corrected the p-values yet."""
    facts: Mapping[str, float | int | str] = field(default_factory=dict)


class Look(Protocol):
    """A look: a frozen dataclass with class-level facts. It trains nothing and changes nothing of the network."""

    name: ClassVar[str]
    version: ClassVar[int]
    title: ClassVar[str]
    """In a few words, for people."""
    kinds: ClassVar[tuple[Kind, ...]]
    """What it can find."""
    needs_labels: ClassVar[bool]

    def pairs(self, examined: Examined) -> float:
        """Images forward and backward that it takes to be made whole; a pass forward alone counts a third.

        0 for a look that costs next to nothing: it comes first and is always made whole.
        """
        ...

    def examine(self, examined: Examined, allowance: Allowance) -> Report:
        """Search on ``examined.search``, test on ``examined.fresh``, within the allowance."""
        ...
