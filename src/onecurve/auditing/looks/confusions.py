"""Pairs of classes that are mistaken for each other, and outputs of which there is no image."""

from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np

from onecurve.auditing.examined import Allowance, Examined, Seen
from onecurve.auditing.finding import Effect, Finding, Kind, Standing
from onecurve.auditing.look import Report
from onecurve.auditing.looks.machinery.exact import fisher_p
from onecurve.auditing.looks.machinery.shown import shown
from onecurve.auditing.result import Coverage
from onecurve.statistics.intervals import wilson

LEAST: Final = 0.1
"""A pair is claimed where at least this share of one class is called the other."""
TIMES: Final = 3.0
"""… and at least so many times the share of the remaining classes that is called so."""
ABSORBS: Final = 0.02
"""An output takes images of several classes where at least this share of all others is called so."""
SURE: Final = 0.01
"""… and where the search images alone give at most this p: every claim makes the tests of the others stricter."""
MOST: Final = 5
"""Pairs that are claimed at most."""
FEWEST: Final = 3
"""Mistakes that a pair needs on the search images, and fresh images that its test needs."""
LISTED: Final = 5


@final
@dataclass(frozen=True)
class Confusions:
    """Cells of the confusion matrix that hold far more mistakes than the rest of their column, outputs without images included."""

    name: ClassVar[str] = "confusions"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "classes that are mistaken for each other"
    kinds: ClassVar[tuple[Kind, ...]] = (Kind.CONFUSION, Kind.NO_IMAGES)
    needs_labels: ClassVar[bool] = True

    def pairs(self, examined: Examined) -> float:
        return 0.0

    def examine(self, examined: Examined, allowance: Allowance) -> Report:
        pairs = _pairs(examined.seen, examined.classes)[:MOST]
        findings = [_claim(examined, label, said, self.name) for label, said in pairs]
        absorbing = _absorbing(examined)
        findings += [_sink(examined, output, self.name) for output in absorbing]
        findings += _missing(examined, self.name)
        words = f"{examined.classes} outputs, {len(examined.seen.images)} search images, {int(examined.seen.wrong.sum())} mistakes"
        return Report(Coverage.WHOLE, words, tuple(findings))


def _pairs(seen: Seen, classes: int) -> list[tuple[int, int]]:
    """(label, said) of the cells that are claimed, the largest share first."""
    labels, said = seen.images.labels, seen.said
    cells, counts = np.unique((labels * classes + said)[seen.wrong], return_counts=True)
    found = []
    for cell, count in zip(cells, counts, strict=True):
        label, goal = divmod(int(cell), classes)
        share, other = _shares(labels, said, label, goal)
        own, rest = int((labels == label).sum()), int(((labels != label) & (labels != goal)).sum())
        sure = fisher_p(int(count), own, round(other * rest), rest) <= SURE
        if count >= FEWEST and share >= max(LEAST, TIMES * other) and sure:
            found.append((share, label, goal))
    return [(label, goal) for _, label, goal in sorted(found, reverse=True)]


def _shares(labels: np.ndarray, said: np.ndarray, label: int, goal: int) -> tuple[float, float]:
    """The share of a class that is called ``goal``, and that of the remaining classes."""
    own, rest = labels == label, (labels != label) & (labels != goal)
    return float((said[own] == goal).mean()), float((said[rest] == goal).mean()) if rest.any() else 0.0


def _claim(examined: Examined, label: int, goal: int, look: str) -> Finding:
    fresh, names = examined.seen_fresh, examined.class_names
    labels, called = fresh.images.labels, fresh.said == goal
    own, rest = labels == label, (labels != label) & (labels != goal)
    facts: dict[str, float | int | str] = {"images_of_the_wrong_class": int((np.r_[labels, examined.search.labels] == goal).sum())}
    wrong = np.flatnonzero((examined.seen.images.labels == label) & (examined.seen.said == goal))
    exhibits = shown(examined, examined.seen, wrong)
    classes, where = (names[goal], names[label]), f"{names[label]} as {names[goal]}"
    if own.sum() < FEWEST:
        title = f"`{names[label]}` may be called `{names[goal]}` often; too few fresh images to test it"
        return Finding(Kind.CONFUSION, title, classes, where, Standing.UNVERIFIED, look, None, facts, exhibits)
    hits, count = int(called[own].sum()), int(own.sum())
    others, share = int(called[rest].sum()), hits / count
    against = others / max(1, int(rest.sum()))
    words = f"share of fresh images of `{names[label]}` called `{names[goal]}`"
    p = fisher_p(hits, count, others, int(rest.sum()))
    effect = Effect(words, share, wilson(hits, count), against, "the remaining classes", count, p)
    standing = Standing.VERIFIED if share >= max(LEAST, TIMES * against) else Standing.REFUTED
    absent = "" if facts["images_of_the_wrong_class"] else ", of which there is no image"
    title = f"{share:.0%} of fresh images of `{names[label]}` are called `{names[goal]}`{absent}, of the remaining classes {against:.0%}"
    return Finding(Kind.CONFUSION, title, classes, where, standing, look, effect, facts, exhibits)


def _absorbing(examined: Examined) -> list[int]:
    """Outputs that take mistakes of at least two classes, ``ABSORBS`` of all images and three times as many as other outputs take."""
    seen = examined.seen
    counts = np.bincount(seen.said[seen.wrong], minlength=examined.classes)
    usual = seen.wrong.sum() / max(1, examined.classes)
    found = []
    for output in np.argsort(-counts, kind="stable")[:LISTED]:
        sources = np.unique(seen.images.labels[seen.wrong & (seen.said == output)])
        if counts[output] >= max(2 * FEWEST, ABSORBS * len(seen.said), TIMES * usual) and len(sources) > 1:
            found.append(int(output))
    return found[:2]


def _sink(examined: Examined, output: int, look: str) -> Finding:
    """One output that is said wrongly of several classes, against the other outputs' share of the mistakes."""
    fresh, name = examined.seen_fresh, examined.class_names[output]
    others = fresh.images.labels != output
    hits, count = int((fresh.said[others] == output).sum()), int(others.sum())
    wrong = int(fresh.wrong[others].sum())
    against = (wrong - hits) / max(1, examined.classes - 2) / count
    p = fisher_p(hits, count, round(against * count), count)
    effect = Effect(
        f"share of fresh images of other classes called `{name}`",
        hits / count,
        wilson(hits, count),
        against,
        "the mean other output",
        count,
        p,
    )
    standing = Standing.VERIFIED if hits / count >= max(ABSORBS, TIMES * against) else Standing.REFUTED
    seen = examined.seen
    rows = np.flatnonzero(seen.wrong & (seen.said == output))
    sources = [examined.class_names[int(label)] for label in np.unique(seen.images.labels[rows])]
    absent = ", of which there is no image" if not (np.r_[seen.images.labels, fresh.images.labels] == output).any() else ""
    title = f"{hits / count:.1%} of fresh images of other classes are called `{name}`{absent}: {', '.join(sources[:LISTED])}"
    return Finding(
        Kind.CONFUSION, title, (name,), "several classes", standing, look, effect, {"sources": len(sources)}, shown(examined, seen, rows)
    )


def _missing(examined: Examined, look: str) -> list[Finding]:
    """One finding for all outputs without images: a fact, which needs no test."""
    labels = np.r_[examined.search.labels, examined.fresh.labels]
    counts = np.bincount(labels, minlength=examined.classes)
    empty = [examined.class_names[at] for at in np.flatnonzero(counts == 0)]
    if not empty:
        return []
    said = np.bincount(np.r_[examined.seen.said, examined.seen_fresh.said], minlength=examined.classes)
    called = int(said[counts == 0].sum())
    listed = ", ".join(f"`{name}`" for name in empty[:LISTED]) + (f" and {len(empty) - LISTED} more" if len(empty) > LISTED else "")
    title = f"{len(empty)} of {examined.classes} outputs have no images, so their recognition was not looked at: {listed}"
    facts: dict[str, float | int | str] = {"outputs": len(empty), "images_called_so": called}
    return [Finding(Kind.NO_IMAGES, title, tuple(empty[:LISTED]), "all", Standing.VERIFIED, look, None, facts)]
