"""Accuracy of each class, and the classes that are recognised less often than the others."""

from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np

from onecurve.auditing.examined import Allowance, Examined
from onecurve.auditing.finding import Effect, Finding, Kind, Standing
from onecurve.auditing.look import Report
from onecurve.auditing.looks.machinery.exact import fisher_p
from onecurve.auditing.looks.machinery.shown import shown
from onecurve.auditing.result import Coverage
from onecurve.core.image.images import Ints
from onecurve.statistics.intervals import wilson

LESS: Final = 0.1
"""A class is weak where its accuracy is lower than that of the other classes by at least this."""
SURE: Final = 0.01
"""… and where the search images alone give at most this p: every claim makes the tests of the others stricter."""
MOST: Final = 5
"""Classes that are claimed at most, the weakest on the search images first."""
FEWEST: Final = 5
"""Fresh images of a class that a test needs."""


@final
@dataclass(frozen=True)
class AccuracyByClass:
    """Weak classes: chosen on the search images, tested on the fresh ones by Fisher's exact test against all other classes."""

    name: ClassVar[str] = "accuracy"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "accuracy of each class"
    kinds: ClassVar[tuple[Kind, ...]] = (Kind.WEAK_CLASS,)
    needs_labels: ClassVar[bool] = True

    def pairs(self, examined: Examined) -> float:
        return 0.0

    def examine(self, examined: Examined, allowance: Allowance) -> Report:
        seen, fresh = examined.seen, examined.seen_fresh
        findings = tuple(_claim(examined, label, self.name) for label in weak_classes(seen.images.labels, ~seen.wrong))
        facts: dict[str, float | int | str] = {}
        for label in np.unique(fresh.images.labels):
            own = fresh.images.labels == label
            if own.sum() >= 2:
                right = int((~fresh.wrong)[own].sum())
                interval = wilson(right, int(own.sum()))
                facts[f"accuracy of {examined.class_names[int(label)]}"] = (
                    f"{right / own.sum():.3f} [{interval.low:.3f}, {interval.high:.3f}] of {own.sum()}"
                )
        accuracy = 1 - float(fresh.wrong.mean())
        words = f"{len(np.unique(fresh.images.labels))} classes, {accuracy:.1%} of {len(fresh.images)} fresh images are recognised"
        return Report(Coverage.WHOLE, words, findings, facts)


def weak_classes(labels: Ints, right: np.ndarray) -> list[int]:
    """The classes whose accuracy is lower than that of the others by ``LESS``, the weakest first, ``MOST`` at most."""
    found = []
    for label in np.unique(labels):
        own = labels == label
        if own.all():
            continue
        less = float(right[~own].mean() - right[own].mean())
        wrong, others = int((~right[own]).sum()), int((~right[~own]).sum())
        if less >= LESS and fisher_p(wrong, int(own.sum()), others, int((~own).sum())) <= SURE:
            found.append((less, int(label)))
    return [label for _, label in sorted(found, reverse=True)[:MOST]]


def _claim(examined: Examined, label: int, look: str) -> Finding:
    fresh, name = examined.seen_fresh, examined.class_names[label]
    own = fresh.images.labels == label
    exhibits = shown(examined, examined.seen, np.flatnonzero((examined.seen.images.labels == label) & examined.seen.wrong))
    if own.sum() < FEWEST or own.all():
        title = f"`{name}` may be recognised less often than other classes; too few fresh images to test it"
        return Finding(Kind.WEAK_CLASS, title, (name,), "accuracy", Standing.UNVERIFIED, look, None, {}, exhibits)
    wrong, count = int(fresh.wrong[own].sum()), int(own.sum())
    others = int(fresh.wrong[~own].sum())
    accuracy, against = 1 - wrong / count, 1 - others / int((~own).sum())
    effect = Effect(
        f"share of fresh images of `{name}` that are recognised",
        accuracy,
        wilson(count - wrong, count),
        against,
        "the other classes",
        count,
        fisher_p(wrong, count, others, int((~own).sum())),
    )
    standing = Standing.VERIFIED if against - accuracy >= LESS else Standing.REFUTED
    title = f"`{name}` is recognised in {accuracy:.0%} of fresh images, other classes in {against:.0%}"
    return Finding(Kind.WEAK_CLASS, title, (name,), "accuracy", standing, look, effect, {}, exhibits)
