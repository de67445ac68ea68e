"""Pictures that are there more than once: in one class, under several labels, and in parts of the data that should share none."""

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar, Final, final

import numpy as np

from onecurve.auditing.examined import Allowance, Examined
from onecurve.auditing.finding import Effect, Exhibit, Finding, Kind, Standing
from onecurve.auditing.look import Report
from onecurve.auditing.result import Coverage
from onecurve.core.image.images import Bytes, Ints, as_floats
from onecurve.data.near_copies import copy_groups
from onecurve.statistics.intervals import Interval

SHOWN: Final = 6
"""Pictures that a finding shows, and files that it names."""


@final
@dataclass(frozen=True)
class Duplicates:
    """Equal pictures and near copies, by perceptual hashes and then pixel by pixel. These are facts and need no test."""

    name: ClassVar[str] = "duplicates"
    version: ClassVar[int] = 2
    title: ClassVar[str] = "pictures that are there more than once"
    kinds: ClassVar[tuple[Kind, ...]] = (Kind.DUPLICATES, Kind.LEAK)
    needs_labels: ClassVar[bool] = False

    def pairs(self, examined: Examined) -> float:
        return 0.0

    def examine(self, examined: Examined, allowance: Allowance) -> Report:
        images = np.concatenate([examined.search.images, examined.fresh.images])
        labels = np.concatenate([examined.search.labels, examined.fresh.labels])
        whole = _Whole(examined, images, labels, copy_groups(images))
        findings = [one for one in (_duplicates(whole, self.name), _torn(whole, self.name), *_leaks(whole, self.name)) if one is not None]
        words = f"{len(images)} images, {int(whole.repeated.sum())} of them in {whole.groups_of_several} groups of copies"
        return Report(Coverage.WHOLE, words, tuple(findings))


@final
@dataclass(frozen=True)
class _Whole:
    """All images with their groups of copies."""

    examined: Examined
    images: Bytes
    labels: Ints
    groups: Ints

    @property
    def repeated(self) -> np.ndarray:
        """bool N: whether there is a copy."""
        found: np.ndarray = np.bincount(self.groups)[self.groups] > 1
        return found

    @property
    def groups_of_several(self) -> int:
        return int((np.bincount(self.groups) > 1).sum())

    def finding(self, kind: Kind, title: str, where: str, rows: Ints, look: str) -> Finding:
        """A fact about those rows."""
        share = len(rows) / len(self.images)
        effect = Effect("share of the images", share, Interval(share, share), 0.0, "none", len(self.images))
        classes = tuple(self.examined.class_names[label] for label in np.unique(self.labels[rows])[:SHOWN])
        ordered = rows[np.argsort(self.groups[rows], kind="stable")]
        facts: dict[str, float | int | str] = {"images": len(rows), "groups": len(np.unique(self.groups[rows]))}
        files = [self.examined.files[row] for row in ordered[:SHOWN]] if self.examined.files else []
        if files:
            facts["files"] = ", ".join(files)
        shown = tuple(Exhibit(as_floats(self.images[row]), self._caption(int(row))) for row in ordered[:SHOWN])
        return Finding(kind, title, classes if self.examined.labelled else (), where, Standing.VERIFIED, look, effect, facts, shown)

    def _caption(self, row: int) -> str:
        label = f"`{self.examined.class_names[self.labels[row]]}`" if self.examined.labelled else ""
        return f"{self.examined.files[row] if self.examined.files else ''} {label}".strip()


def _duplicates(whole: _Whole, look: str) -> Finding | None:
    rows = np.flatnonzero(whole.repeated)
    if len(rows) == 0:
        return None
    title = f"{len(rows)} of {len(whole.images)} images are copies of each other, in {whole.groups_of_several} groups"
    return whole.finding(Kind.DUPLICATES, title, "all", rows, look)


def _torn(whole: _Whole, look: str) -> Finding | None:
    """Copies under several labels, of which at most one is right."""
    if not whole.examined.labelled:
        return None
    torn = [group for group in np.unique(whole.groups[whole.repeated]) if len(np.unique(whole.labels[whole.groups == group])) > 1]
    if not torn:
        return None
    rows = np.flatnonzero(np.isin(whole.groups, torn))
    title = f"{len(torn)} pictures have several labels: {len(rows)} copies, at most one label of each picture is right"
    return whole.finding(Kind.DUPLICATES, title, "several labels", rows, look)


def _leaks(whole: _Whole, look: str) -> list[Finding]:
    """Copies that lie in two splits."""
    if not any(whole.examined.splits):
        return []
    splits, findings = np.array(whole.examined.splits), []
    for one, other in combinations(sorted(set(splits.tolist())), 2):
        shared = np.intersect1d(whole.groups[splits == one], whole.groups[splits == other])
        if len(shared):
            rows = np.flatnonzero(np.isin(whole.groups, shared) & np.isin(splits, [one, other]))
            title = f"{len(shared)} pictures are in `{one}` and in `{other}`"
            findings.append(whole.finding(Kind.LEAK, title, f"{one} and {other}", rows, look))
    return findings
