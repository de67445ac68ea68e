"""Reads class scores: which class is an outlier compared with the classes of clean networks?

With few reference networks, p-values below 1/(networks + 1) are extrapolated. The note of each answer describes the null.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Weights
from onecurve.core.errors import AnswerError
from onecurve.core.evidence import ClassScores, Evidence, Pieces
from onecurve.core.question import Form, Forms, Question, Weigh
from onecurve.core.workbench import Workbench
from onecurve.readers.machinery.clean_scores import clean_scores

Doubles = NDArray[np.float64]

MAD_TO_DEVIATION = 1.4826
"""Median absolute deviation to standard deviation of a normal distribution."""
TAIL = 0.2
"""Share of the null, from the top, whose excesses give the tail."""
MOST = 50.0
"""Odds against `none` that a class approaches: such small p-values are extrapolated, and several classes beyond doubt share evenly."""
UNKNOWN = 0.5
"""Prior of `none` where the question announces none; the classes share the rest."""


@final
@dataclass(frozen=True)
class Outlier:
    """Class scores to weights over the classes and `none`.

    Each score is standardised within its network by the median and the median absolute deviation (MAD) of
    the *other* classes (the anomaly index of Neural Cleanse, IEEE S&P 2019, leaving the class itself out, which
    makes it rise with the score). The null is the pool of these indices over the reference networks, after
    each class's own mean over references, shrunk, is taken off. Within the null the p-value is the conformal
    count (1 + exceeding) / (1 + size); beyond its upper ``TAIL`` it follows the predictive tail of an exponential
    fitted to the excesses, (1 + excess / their sum) ** -their number. Without references the null is a table of
    clean networks that comes with OneCurve: other architectures and data sets, and seven tools together, as evidence
    does not say which tool it is of.

    The answer starts at the prior that the question announces, or at one half on `none`, and each class moves from it by the Bayes
    factor of its p-value: the mean of the alternatives k P^(k-1) over k in (0, 1) (Vovk and Wang, arXiv 1912.06116). On clean networks
    it is 1 in the mean, so scores that say nothing leave about the prior. The odds of a class against `none` are bent so that they
    approach ``MOST``, or ``MOST`` times their prior where that is above 1: where hardly a network is clean, the scores still tell one
    class from another. Without references and with 10 classes, a class then outweighs `none` from an index of 7.5 on.
    """

    name: ClassVar[str] = "outlier"
    version: ClassVar[int] = 3
    summary: ClassVar[str] = "calibrated outliers among class scores"
    source: ClassVar[str] = "anomaly index: Neural Cleanse (IEEE S&P 2019); calibration: conformal p-values"
    needs: ClassVar[Access] = Access.NONE
    reads: ClassVar[Pieces] = (ClassScores,)
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """One row: classes, then `none`. Raises ``AnswerError`` where the scores are not one per class."""
        if not isinstance(question, Weigh) or question.options[-1:] != ("none",):
            raise AnswerError("outlier weighs classes and `none`; this question is of another form")
        classes = len(question.options) - 1
        scores = _first_scores(evidence, classes)
        if scores is None:
            return Abstain("the evidence holds no class scores")
        if classes < 4:
            return Abstain(f"{classes} classes are too few to tell an outlier")
        known = [found for reference in workbench.references if (found := _first_scores(reference, classes)) is not None]
        chances, note = _against_references(scores, np.stack(known)) if known else _against_table(scores)
        prior = _prior_odds(question, classes)
        odds, most = prior * bayes_factor(chances), MOST * np.maximum(prior, 1)
        return Weights(np.append(odds / (1 + odds / most), 1.0)[None].astype(np.float32), note)


def anomaly_index(scores: Doubles, least_scale: float = 0.0) -> Doubles:
    """(score - median) / scaled MAD, both of the other classes; … x K to … x K, in memory of a few times the scores.

    ``least_scale`` bounds the denominator below, in units of the scores. Equal scores give 0.
    """
    classes = scores.shape[-1]
    ranks = _ranks(scores)
    centre = _median_of_others(scores, ranks)
    # Leaving one out moves the median to one of at most three places, which the class's rank tells.
    middle, spread = (classes - 2) // 2, np.empty_like(centre)
    for case in (ranks <= middle, (ranks > middle) & (ranks <= (classes - 1) // 2), ranks > (classes - 1) // 2):
        about = np.max(np.where(case, centre, -np.inf), axis=-1, keepdims=True)
        distance = np.abs(scores - np.where(np.isfinite(about), about, 0))
        spread = np.where(case, _median_of_others(distance, _ranks(distance)), spread)
    floor = np.maximum(least_scale, 1e-9 * (1 + np.abs(centre)))
    return (scores - centre) / np.maximum(spread * MAD_TO_DEVIATION, floor)


def tail_probability(values: Doubles, null: Doubles) -> Doubles:
    """The chance, under the null sample, of a value at least as high; falls as the value rises, never 0."""
    ordered = np.sort(null)
    size = len(ordered)
    exceeding = size - np.searchsorted(ordered, values, side="left")
    counted = (1 + exceeding) / (1 + size)
    upper = max(3, round(TAIL * size))
    if size <= upper:
        return counted
    threshold = ordered[-upper - 1]
    total = max(float((ordered[-upper:] - threshold).sum()), 1e-9)
    excess = np.maximum(values - threshold, 0)
    tail = (1 + upper) / (1 + size) * (1 + excess / total) ** -upper
    return np.where(values > threshold, tail, counted)


def _against_references(scores: Doubles, known: Doubles) -> tuple[Doubles, str]:
    """P-values of the classes, the usual index of each class taken off on both sides."""
    networks = len(known)
    least = 0.5 * float(np.median(np.abs(known - np.median(known, axis=1, keepdims=True)))) * MAD_TO_DEVIATION
    indices = anomaly_index(known, least)
    # A class may always score high (a plain digit, a frequent colour); with n networks n / (n + 2) of its mean is taken as real.
    usual = indices.sum(axis=0) / (networks + 2)
    usual_of_others = (indices.sum(axis=0) - indices) / (networks + 1)
    null = (indices - usual_of_others).reshape(-1)
    note = f"null: {networks} clean networks; beyond their scores the tail is extrapolated"
    return tail_probability(anomaly_index(scores, least) - usual, null), note


def _against_table(scores: Doubles) -> tuple[Doubles, str]:
    """P-values among what seven tools said of clean networks of several architectures and data sets."""
    known = clean_scores(len(scores))
    null = anomaly_index(known).reshape(-1)
    note = f"no references: null of {len(known)} looks at clean networks that come with OneCurve"
    return tail_probability(anomaly_index(scores), null), note


def bayes_factor(chances: Doubles) -> Doubles:
    """For each p-value in (0, 1], how much likelier it is under a flaw than without: 0.5 for P = 1, 1.3 for 0.1, 21 for 0.001.

    The mean of k P^(k-1) over k from 0 to 1, (1 - P + P ln P) / (P ln^2 P).
    """
    surprise = -np.log(np.clip(chances, 1e-12, 1))
    near = surprise < 1e-3
    safe = np.where(near, 1.0, surprise)
    return np.where(near, 0.5 + surprise / 6, (np.expm1(safe) - safe) / safe**2)


def _prior_odds(question: Weigh, classes: int) -> Doubles:
    """Of each class against `none`."""
    if question.prior is None:
        return np.full(classes, (1 - UNKNOWN) / (classes * UNKNOWN))
    prior = np.array(question.prior)
    return prior[:-1] / max(float(prior[-1]), 1e-6)


def _first_scores(evidence: Evidence, classes: int) -> Doubles | None:
    found = evidence.class_scores()
    if not found:
        return None
    if found[0].values.shape != (classes,):
        raise AnswerError(f"class scores must be one per class, wanted {classes}, got: {len(found[0].values)}")
    return found[0].values.astype(np.float64)


def _ranks(values: Doubles) -> NDArray[np.int64]:
    """… x K: the place of each value in its row, from 0; equal values in their order."""
    return np.argsort(np.argsort(values, axis=-1, kind="stable"), axis=-1, kind="stable")


def _median_of_others(values: Doubles, ranks: NDArray[np.int64]) -> Doubles:
    """… x K: the median of the K - 1 other values of the row."""
    ordered, count = np.sort(values, axis=-1), values.shape[-1] - 1
    low, high = ((place + (place >= ranks)) for place in ((count - 1) // 2, count // 2))
    found: Doubles = (np.take_along_axis(ordered, low, -1) + np.take_along_axis(ordered, high, -1)) / 2
    return found
