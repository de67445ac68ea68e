"""Findings of an audit: claims about one network, each tested on images that were not used to find it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, final

from onecurve.core.image.images import Floats
from onecurve.core.image.trigger import Trigger
from onecurve.statistics.intervals import Interval


class Kind(StrEnum):
    """What a finding claims. The value is the stable id of a rule in every output."""

    TROJAN_TRIGGER = "trojan-trigger"
    """A small change of the image sends other classes to one class, and takes far less than any change towards another class."""
    NATURAL_TRIGGER = "natural-trigger"
    """Such a change works, but takes about as much as one towards other classes: networks without a trojan have these too."""
    SHORTCUT = "shortcut"
    """The network says a class because of a property that does not make the class: editing the property changes the answer."""
    MISTAKEN_GROUP = "mistaken-group"
    """A group of alike images is misread more often than other images of the same classes."""
    WEAK_CLASS = "weak-class"
    """One class is recognised less often than the others."""
    CONFUSION = "confusion"
    """Images of one class are called one other class far more often than errors fall elsewhere."""
    LABEL_NOISE = "label-noise"
    """Labels of the images that are likely to be wrong."""
    DUPLICATES = "duplicates"
    """The same picture more than once, or under several labels."""
    LEAK = "leak"
    """The same picture in two parts of the data that should share none."""
    NO_IMAGES = "class-without-images"
    """A class of the network of which there is no image, so that nothing about it was looked at."""


class Level(StrEnum):
    """How much a verified finding weighs; the values are those of SARIF."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


LEVELS: Final[Mapping[Kind, Level]] = {
    Kind.TROJAN_TRIGGER: Level.ERROR,
    Kind.NATURAL_TRIGGER: Level.NOTE,
    Kind.SHORTCUT: Level.WARNING,
    Kind.MISTAKEN_GROUP: Level.WARNING,
    Kind.WEAK_CLASS: Level.WARNING,
    Kind.CONFUSION: Level.WARNING,
    Kind.LABEL_NOISE: Level.WARNING,
    Kind.DUPLICATES: Level.NOTE,
    Kind.LEAK: Level.WARNING,
    Kind.NO_IMAGES: Level.NOTE,
}
ORDER: Final = (Level.ERROR, Level.WARNING, Level.NOTE)


class Standing(StrEnum):
    """What the test on fresh images made of a claim."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    """Too few fresh images, or nothing to test it on."""
    REFUTED = "refuted"
    """The test found no such effect; listed apart, so that nobody has to find it again."""


@final
@dataclass(frozen=True)
class Effect:
    """What was measured on fresh images."""

    words: str
    """What the number is: `share of fresh images sent to ship`."""
    value: float
    interval: Interval
    against: float
    """What the same number is without the claimed flaw: on other classes, under a control, or by the settled limit."""
    against_words: str
    images: int
    """Fresh images that the number was measured on."""
    p: float | None = None
    """One-sided p-value of the value against ``against``; None for a fact that needs no test, such as two equal files."""
    p_adjusted: float | None = None
    """After Holm's correction over all claims that were tested in the audit."""


@final
@dataclass(frozen=True)
class Exhibit:
    """One picture of a finding."""

    image: Floats
    """float32 C x H x W in [0, 1]."""
    caption: str


@final
@dataclass(frozen=True)
class Finding:
    """One claim with its test."""

    kind: Kind
    title: str
    """One sentence that says what, of which class, and how much."""
    classes: tuple[str, ...]
    """Class names that it is about, the target first."""
    where: str
    """What tells it from other findings of the same kind and classes: a property, a group, a place; part of the id."""
    standing: Standing
    look: str
    """The look that made it."""
    effect: Effect | None = None
    facts: Mapping[str, float | int | str] = field(default_factory=dict)
    """Further figures by name, such as `size_pixels` and `next_class_ratio`."""
    exhibits: tuple[Exhibit, ...] = ()
    trigger: Trigger | None = None
    """What can be put on any image to see the effect, where there is such a thing."""
    target: int | None = None
    """The output that it drives images to."""

    @property
    def id(self) -> str:
        """12 hexadecimal digits that stay the same from audit to audit: of kind, classes and ``where``."""
        return hashlib.sha256("\x00".join((self.kind, *self.classes, self.where)).encode()).hexdigest()[:12]

    @property
    def level(self) -> Level:
        return LEVELS[self.kind]


def corrected(findings: Sequence[Finding], alpha: float) -> tuple[Finding, ...]:
    """The findings with p-values corrected by Holm (1979) over all tested ones, and ``refuted`` where the corrected one is above alpha.

    Claims that a look refuted itself stay refuted; they count among the tests.
    """
    tested = [at for at, one in enumerate(findings) if one.effect is not None and one.effect.p is not None]
    order = sorted(tested, key=lambda at: _p(findings[at]))
    adjusted: dict[int, float] = {}
    highest = 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * _p(findings[at])))
        adjusted[at] = highest
    return tuple(_judged(one, adjusted.get(at), alpha) for at, one in enumerate(findings))


def _p(finding: Finding) -> float:
    assert finding.effect is not None
    assert finding.effect.p is not None
    return finding.effect.p


def _judged(finding: Finding, adjusted: float | None, alpha: float) -> Finding:
    if adjusted is None or finding.effect is None:
        return finding
    judged = replace(finding, effect=replace(finding.effect, p_adjusted=adjusted))
    return replace(judged, standing=Standing.REFUTED) if adjusted > alpha and finding.standing is Standing.VERIFIED else judged


def ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Verified ones first, then by level, then by effect beyond what it is compared with, largest first."""
    standings = list(Standing)

    def rank(one: Finding) -> tuple[int, int, float, str]:
        beyond = 0.0 if one.effect is None else abs(one.effect.value - one.effect.against)
        return standings.index(one.standing), ORDER.index(one.level), -beyond, one.id

    return tuple(sorted(findings, key=rank))
