"""The result of an audit: what was looked at, what was found, and how much of the budget it took."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, final

from onecurve.auditing.finding import ORDER, Finding, Level, Standing
from onecurve.core import html


class Coverage(StrEnum):
    """How far a look came."""

    WHOLE = "whole"
    PART = "part"
    """Only some classes or images were looked at; the words say which."""
    NOTHING = "nothing"
    """Nothing was looked at: no budget, or nothing it applies to. It says nothing about flaws."""


@final
@dataclass(frozen=True)
class Stage:
    """One look of an audit."""

    look: str
    title: str
    """The look in a few words, for people."""
    coverage: Coverage
    words: str
    """What was looked at, such as `10 of 10 classes`, or why nothing was."""
    seconds: float
    forward: float
    """Examples through the network forward."""
    backward: float
    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, float | int | str] = field(default_factory=dict)


@final
@dataclass(frozen=True)
class Looked:
    """The network and the images as they were admitted."""

    network: str
    """As the person named it."""
    data: str
    classes: tuple[str, ...]
    """Names of the network's outputs."""
    shape: tuple[int, int, int]
    parameters: int
    images: int
    labelled: bool
    search: int
    """Images that claims were searched on."""
    fresh: int
    """Images that claims were tested on; none is among those of the search."""
    accuracy: float | None
    """On the fresh images; None without labels."""
    notes: tuple[str, ...] = ()
    """What was done at the door, one sentence each: prefixes, wrappers, classes mapped."""
    data_card: Mapping[str, Any] = field(default_factory=dict)
    """Counts, sizes and what was passed over."""


@final
@dataclass(frozen=True)
class Audit:
    """What an audit found. ``findings`` are corrected for their number and ordered, verified ones first."""

    looked: Looked
    stages: tuple[Stage, ...]
    findings: tuple[Finding, ...]
    seed: int
    budget_seconds: float
    seconds: float
    version: str
    started: str
    """ISO 8601, UTC."""
    alpha: float
    """The level of the tests, after correction."""
    power: Mapping[str, Any] | None = None
    """What copies of the network told of the audit's power; None where that was not measured."""
    repair: Mapping[str, Any] | None = None

    def _repr_html_(self) -> str:
        shown = [html.words(self.words())]
        for one in self.verified:
            shown += [html.words(f"{one.level}: {one.title}"), html.row(html.picture(some.image, some.caption) for some in one.exhibits)]
        return "".join(shown)

    def words(self) -> str:
        """How many findings were verified, and whether anybody knows how many flaws would have been found."""
        known = "measured on copies" if self.power_measured else "not measured, so the absence of a finding is no evidence"
        return f"{len(self.verified)} verified findings in {self.looked.network}; the power of the audit was {known}"

    @property
    def power_measured(self) -> bool:
        """Whether copies told the power: it may have been asked for, and no copy kept its accuracy."""
        return self.power is not None and bool(self.power["spiked"] or self.power["shams"])

    @property
    def verified(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.standing is Standing.VERIFIED)

    def at_least(self, level: Level, accepted: frozenset[str] = frozenset()) -> tuple[Finding, ...]:
        """Verified findings of that level or a heavier one whose id is not among the accepted ones."""
        heavy = ORDER[: ORDER.index(level) + 1]
        return tuple(one for one in self.verified if one.level in heavy and one.id not in accepted)

    @property
    def looked_at_something(self) -> bool:
        """Whether any look came further than nothing."""
        return any(stage.coverage is not Coverage.NOTHING for stage in self.stages)
