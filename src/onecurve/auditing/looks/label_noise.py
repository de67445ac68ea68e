"""Labels that are likely to be wrong, by what other images of the same classes look like to the network."""

from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from onecurve.auditing.examined import Allowance, Examined
from onecurve.auditing.finding import Exhibit, Finding, Kind, Standing
from onecurve.auditing.look import Report
from onecurve.auditing.result import Coverage
from onecurve.core.image.images import Floats, Ints, as_floats
from onecurve.tools.data.machinery.error_mixture import principal
from onecurve.tools.data.machinery.last_features import last_features

FOLDS: Final = 5
"""Parts of the cross-validation; a class needs as many images."""
LEAST: Final = 0.02
"""A pair of classes is told where at least this share of one class, and …"""
FEWEST: Final = 4
"""… so many images are likely to be of the other."""
CLEAR: Final = 0.8
"""… each with at least this probability."""
MOST: Final = 3
"""Pairs that are told at most."""
SHOWN: Final = 6
SOLVER_STEPS: Final = 200


@final
@dataclass(frozen=True)
class NoisyLabels:
    """Confident learning (Northcutt et al., arXiv 1911.00068) on last features, cross-validated.

    An image counts as mislabelled if its probability of another class is above that class's own mean, and at least ``CLEAR``. Only a
    person can say which of label and network is right, so nothing here is ever verified. Noise that the network has learnt cannot be
    seen in its features; such a network misreads a group of rightly labelled images, which `mistakes` looks for.
    """

    name: ClassVar[str] = "label-noise"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "labels that are likely to be wrong"
    kinds: ClassVar[tuple[Kind, ...]] = (Kind.LABEL_NOISE,)
    needs_labels: ClassVar[bool] = True

    def pairs(self, examined: Examined) -> float:
        return len(examined.search) / 3

    def examine(self, examined: Examined, allowance: Allowance) -> Report:
        labels = examined.search.labels
        counts = np.bincount(labels, minlength=examined.classes)
        kept = np.flatnonzero(counts[labels] >= FOLDS)
        if len(np.unique(labels[kept])) < 2:
            return Report(Coverage.NOTHING, f"fewer than two classes have {FOLDS} images")
        if allowance.left <= 0:
            return Report(Coverage.NOTHING, "no time was left")
        features, _ = last_features(examined.module, examined.search.take(kept).floats(), examined.device)
        classes, shares = _cross_validated(features, labels[kept], examined.seed_of("label noise"))
        likely = likely_classes(shares, np.searchsorted(classes, labels[kept]))
        wrong = likely >= 0
        findings = _pairs(examined, kept[wrong], classes[likely[wrong]], counts, self.name)
        words = f"{len(kept)} search images, {int(wrong.sum())} labels are likely to be wrong; a person has to look at them"
        return Report(Coverage.WHOLE, words, tuple(findings), {"likely_wrong": int(wrong.sum())})


def likely_classes(shares: Floats, labels: Ints) -> Ints:
    """int64 N: the class that an image more likely is of, -1 where its label stands. ``shares`` N x K are probabilities."""
    classes = shares.shape[1]
    own = np.array([shares[labels == label, label].mean() if (labels == label).any() else 1.0 for label in range(classes)])
    confident = shares >= np.maximum(own, 0)[None]
    best = np.where(confident, shares, -1).argmax(axis=1)
    rows = np.arange(len(labels))
    moved = confident[rows, best] & (best != labels) & (shares[rows, best] >= CLEAR)
    found: Ints = np.where(moved, best, -1).astype(np.int64)
    return found


def _cross_validated(features: Floats, labels: Ints, seed: int) -> tuple[Ints, Floats]:
    """The classes that there are, and float64 N x K probabilities, each from a model that did not see the image."""
    points = principal(features)
    classes = np.unique(labels)
    shares: Floats = np.zeros((len(labels), len(classes)), np.float32)
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed % 2**31).split(points, labels):
        model = LogisticRegression(max_iter=SOLVER_STEPS, tol=1e-3).fit(points[train], labels[train])
        shares[test] = model.predict_proba(points[test])
    return classes, shares


def _pairs(examined: Examined, rows: Ints, likely: Ints, counts: Ints, look: str) -> list[Finding]:
    labels, names = examined.search.labels[rows], examined.class_names
    cells = sorted({(int(label), int(other)) for label, other in zip(labels, likely, strict=True)})
    found = []
    for label, other in cells:
        size = int(((labels == label) & (likely == other)).sum())
        if size < max(FEWEST, LEAST * counts[label]):
            continue
        own = rows[(labels == label) & (likely == other)]
        title = f"{size} of {counts[label]} search images labelled `{names[label]}` are more likely `{names[other]}`; nobody has looked yet"
        facts: dict[str, float | int | str] = {"images": int(size), "share": round(float(size / counts[label]), 4)}
        if examined.files:
            facts["files"] = ", ".join(examined.files[row] for row in own[:SHOWN])
        shown = tuple(Exhibit(as_floats(examined.search.images[row]), f"labelled `{names[label]}`") for row in own[:SHOWN])
        where = f"{names[label]} for {names[other]}"
        found.append(
            (
                int(size),
                Finding(Kind.LABEL_NOISE, title, (names[label], names[other]), where, Standing.UNVERIFIED, look, None, facts, shown),
            )
        )
    return [one for _, one in sorted(found, key=lambda each: -each[0])[:MOST]]
