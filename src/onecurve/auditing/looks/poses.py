"""Poses of one class that training lacked: turns and mirrors that cost one class far more than others, and whose undoing mends mistakes."""

from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np

from onecurve.auditing.examined import Allowance, Examined, Seen
from onecurve.auditing.finding import Effect, Exhibit, Finding, Kind, Standing
from onecurve.auditing.look import Report
from onecurve.auditing.looks.machinery.exact import fisher_p
from onecurve.auditing.looks.machinery.pace import KEPT, affordable
from onecurve.auditing.looks.machinery.poses import POSES, poses_for
from onecurve.auditing.looks.machinery.shown import shown, shown_edited
from onecurve.auditing.result import Coverage
from onecurve.core.image.images import Ints
from onecurve.statistics.intervals import wilson

IMAGES: Final = 1000
"""Recognised images at most that a pose is tried on, the classes as equal as they can be."""
LOST: Final = 0.2
"""A class lacks a pose that it loses by at least this more than the other classes do."""
USUAL: Final = 0.2
"""… that costs the other classes at most this: the network must be used to it, or nothing was lacking of this class alone …"""
MENDED: Final = 0.5
"""… and of whose mistakes at least this share is recognised when the pose is undone."""
FEWEST: Final = 4
"""Mistakes of a class on the search images, and fresh images of it, that a claim needs."""
MOST: Final = 4
"""Claims at most."""


@final
@dataclass(frozen=True)
class Poses:
    """Metamorphic tests by class (as in DeepTest, arXiv 1708.08559), in both directions.

    Images that are recognised are turned or mirrored: one class loses far more than the others. Images of it that are misread are
    put back: most are recognised. The second keeps out poses that the data do not hold, and classes that a mirror makes another
    thing, such as letters.
    """

    name: ClassVar[str] = "poses"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "poses in which one class is misread"
    kinds: ClassVar[tuple[Kind, ...]] = (Kind.MISTAKEN_GROUP,)
    needs_labels: ClassVar[bool] = True

    def pairs(self, examined: Examined) -> float:
        return len(poses_for(examined.shape)) * min(IMAGES, len(examined.search)) / 3 / KEPT

    def examine(self, examined: Examined, allowance: Allowance) -> Report:
        labels, wrong = examined.seen.images.labels, examined.seen.wrong
        counts = np.bincount(labels[wrong], minlength=examined.classes)
        classes = [int(label) for label in np.flatnonzero(counts >= FEWEST)]
        if not classes:
            return Report(Coverage.WHOLE, f"no class has {FEWEST} mistakes on the search images")
        names, tried, found = poses_for(examined.shape), 0, list[tuple[float, _Measured]]()
        images = affordable(examined, allowance, IMAGES, len(names))
        for name in names if images >= FEWEST * len(classes) else ():
            if allowance.left <= 0:
                break
            allowance.tell(tried / len(names), f"images {name}")
            measured = _measured(examined, examined.seen, name, classes, images)
            found += [(one.lost - one.usual, one) for one in measured if one.holds]
            tried += 1
        findings = tuple(_claim(examined, one, images, self.name) for _, one in sorted(found, key=lambda each: -each[0])[:MOST])
        coverage = Coverage.WHOLE if tried == len(names) else Coverage.PART if tried else Coverage.NOTHING
        return Report(coverage, f"{tried} of {len(names)} poses, {len(classes)} classes with mistakes", findings)


@final
@dataclass(frozen=True)
class _Measured:
    """What one pose does to one class."""

    pose: str
    label: int
    hits: int
    count: int
    """Recognised images of the class, and how many of them are misread in the pose."""
    other_hits: int
    others: int
    mended: int
    mistakes: int
    """Images of the class that are misread, and how many are recognised when the pose is undone."""
    lost_rows: Ints

    @property
    def lost(self) -> float:
        return self.hits / max(1, self.count)

    @property
    def usual(self) -> float:
        return self.other_hits / max(1, self.others)

    @property
    def holds(self) -> bool:
        enough = self.count >= FEWEST and self.others > 0 and self.mistakes > 0
        return enough and self.lost - self.usual >= LOST and self.usual <= USUAL and self.mended >= MENDED * self.mistakes


def _measured(examined: Examined, seen: Seen, name: str, classes: list[int], count: int) -> list[_Measured]:
    pose, labels = POSES[name], seen.images.labels
    rows = _recognised(seen, examined.rng("poses", len(seen.images)), count)
    lost = examined.network.logits(pose.put(seen.images.take(rows).floats())).argmax(axis=1) != labels[rows]
    wrong = np.flatnonzero(seen.wrong & np.isin(labels, classes))[:count]
    mended = np.zeros(len(labels), bool)
    if len(wrong):
        back = pose.taken_back(seen.images.take(wrong).floats())
        mended[wrong] = examined.network.logits(back).argmax(axis=1) == labels[wrong]
    found = []
    for label in classes:
        own, mistaken = labels[rows] == label, wrong[labels[wrong] == label]
        figures = (int(lost[own].sum()), int(own.sum()), int(lost[~own].sum()), int((~own).sum()))
        found.append(_Measured(name, label, *figures, int(mended[mistaken].sum()), len(mistaken), rows[own & lost]))
    return found


def _recognised(seen: Seen, rng: np.random.Generator, count: int) -> Ints:
    """Rows of images that are recognised, at most ``count``, an equal number of each class where that can be."""
    right = rng.permutation(np.flatnonzero(~seen.wrong))
    labels = seen.images.labels[right]
    turn = np.zeros(len(right), np.int64)
    for label in np.unique(labels):
        turn[labels == label] = np.arange(int((labels == label).sum()))
    return np.sort(right[np.argsort(turn, kind="stable")[:count]]).astype(np.int64)


def _claim(examined: Examined, searched: _Measured, images: int, look: str) -> Finding:
    who, pose = examined.class_names[searched.label], searched.pose
    (one,) = _measured(examined, examined.seen_fresh, pose, [searched.label], images)
    if one.count < FEWEST or one.others == 0:
        title = f"images of `{who}` {pose} may be misread; too few fresh images to test it"
        return Finding(Kind.MISTAKEN_GROUP, title, (who,), pose, Standing.UNVERIFIED, look)
    effect = Effect(
        f"share of recognised fresh images of `{who}` that are misread when {pose}",
        one.lost,
        wilson(one.hits, one.count),
        one.usual,
        "the other classes in the same pose",
        one.count,
        fisher_p(one.hits, one.count, one.other_hits, one.others),
    )
    title = (
        f"{pose}, {one.lost:.0%} of fresh images of `{who}` are misread, of other classes {one.usual:.0%}; "
        f"put back, {one.mended} of {one.mistakes} misread ones are recognised"
    )
    facts: dict[str, float | int | str] = {"mended": one.mended, "mistakes": one.mistakes}
    standing = Standing.VERIFIED if one.holds else Standing.REFUTED
    return Finding(Kind.MISTAKEN_GROUP, title, (who,), pose, standing, look, effect, facts, _exhibits(examined, one))


def _exhibits(examined: Examined, one: _Measured) -> tuple[Exhibit, ...]:
    fresh = examined.seen_fresh
    mistakes = np.flatnonzero(fresh.wrong & (fresh.images.labels == one.label))
    found = shown(examined, fresh, mistakes, "as it is")
    if len(one.lost_rows) == 0:
        return found
    return found + shown_edited(examined, fresh, one.lost_rows, POSES[one.pose].put(fresh.images.take(one.lost_rows).floats()))
