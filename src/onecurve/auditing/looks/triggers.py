"""Searches for the smallest trigger of every class, and judges which of them a network should not have."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.auditing.examined import Allowance, Examined
from onecurve.auditing.finding import Kind
from onecurve.auditing.look import Report
from onecurve.auditing.looks.machinery.class_rounds import Searched, search_rounds
from onecurve.auditing.looks.machinery.effort import thorough_pairs
from onecurve.auditing.looks.machinery.inverters import Inverter, PatchInverter, StyleInverter
from onecurve.auditing.looks.machinery.outlying import Outlying, outlying
from onecurve.auditing.looks.machinery.trigger_claims import Candidate, claim
from onecurve.auditing.result import Coverage
from onecurve.core.image.images import Ints
from onecurve.tools.inversion.machinery.universal import Perturbation
from onecurve.tools.weights.last_layer import isolation, rows_of

NATURAL_AREA = 0.05
"""A natural trigger is told only where it is at most this large; a larger change is no small one."""


@final
@dataclass(frozen=True)
class PatchTriggers:
    """The search of Neural Cleanse (IEEE S&P 2019) over all classes, with each claim tested on fresh images.

    A trigger is called a trojan's only where the class stands apart: the next class takes at least twice as large a one. Networks
    without a trojan have small triggers too (arXiv 2211.15929); the smallest is told as a natural one.
    """

    name: ClassVar[str] = "patch-triggers"
    version: ClassVar[int] = 2
    title: ClassVar[str] = "small patches that send images to one class"
    kinds: ClassVar[tuple[Kind, ...]] = (Kind.TROJAN_TRIGGER, Kind.NATURAL_TRIGGER)
    needs_labels: ClassVar[bool] = False

    def pairs(self, examined: Examined) -> float:
        return thorough_pairs(examined.classes, PatchInverter().screen.pairs)

    def examine(self, examined: Examined, allowance: Allowance) -> Report:
        return searched(self.name, "patch", PatchInverter(), examined, allowance)


@final
@dataclass(frozen=True)
class StyleTriggers:
    """The same for changes of the whole image, colours and texture, by the search of `style-inversion`."""

    name: ClassVar[str] = "style-triggers"
    version: ClassVar[int] = 2
    title: ClassVar[str] = "changes of the whole image that send images to one class"
    kinds: ClassVar[tuple[Kind, ...]] = (Kind.TROJAN_TRIGGER, Kind.NATURAL_TRIGGER)
    needs_labels: ClassVar[bool] = False

    def pairs(self, examined: Examined) -> float:
        return thorough_pairs(examined.classes, StyleInverter().screen.pairs)

    def examine(self, examined: Examined, allowance: Allowance) -> Report:
        return searched(self.name, "whole image", StyleInverter(), examined, allowance)


def searched(look: str, where: str, inverter: Inverter, examined: Examined, allowance: Allowance) -> Report:
    """Search, judge, and test what stands apart; the report says which classes were searched and how thoroughly."""
    order, told = order_of(examined)
    done = search_rounds(examined, inverter, order, allowance)
    if done is None:
        return Report(Coverage.NOTHING, "the budget pays for no class")
    apart = outlying(done.sizes)
    candidates = _candidates(done, apart, where, inverter.unit)
    allowance.tell(0.95, "tests on fresh images")
    findings = tuple(claim(examined, one, apart, look) for one in candidates)
    return Report(
        Coverage.WHOLE if done.looked_at == examined.classes else Coverage.PART,
        f"{_words(done, examined, inverter.screen)}; {told}",
        findings,
        {**_facts(done, apart, examined), "class_order": told},
    )


def order_of(examined: Examined) -> tuple[Ints, str]:
    """All classes in the order in which they are searched where time is short, and what that order goes by.

    Those come first whose rows in the last layer are most unlike the others. That leads to the target in many networks that others have
    trojaned, and nowhere in some that were fine-tuned, so where copies of this very network say that it leads nowhere, lots decide.
    """
    rows, tried = rows_of(examined.module, examined.classes), examined.rows_tried
    lots: Ints = examined.rng("order of classes").permutation(examined.classes).astype(np.int64)
    if rows is None:
        return lots, "no last layer has one row per class: classes in an order drawn by lot"
    by_rows = np.argsort(-isolation(rows), kind="stable").astype(np.int64)
    if tried is None:
        return by_rows, "classes in the order of the last layer, which no copy has calibrated"
    led = f"which had {tried.leading} of {tried.planted} planted classes among the first {tried.top} of {tried.classes} in copies"
    if tried.trusted:
        return by_rows, f"classes in the order of the last layer, {led}"
    return lots, f"classes in an order drawn by lot and not in that of the last layer, {led}"


def _candidates(done: Searched, apart: Outlying, where: str, unit: str) -> list[Candidate]:
    """Every class that stands apart, or else the smallest trigger of all if it is small."""
    rows = [int(row) for row in apart.rows] or [int(np.argmin(done.smallest))]
    found = []
    for row in rows:
        trigger = done.triggers[row]
        if trigger is None or (not len(apart.rows) and done.smallest[row] > NATURAL_AREA):
            continue
        found.append(Candidate(int(done.classes[row]), trigger, float(done.smallest[row]), unit, where))
    return found


def _words(done: Searched, examined: Examined, screen: Perturbation) -> str:
    again = f", the smallest {done.rounds} times" if done.rounds > 1 else ""
    stable = "" if done.stable or done.rounds == 1 else "; the searches do not agree on the smallest"
    effort = f"{done.effort.steps} steps of {done.effort.images} images"
    looked = f"{done.looked_at} of {examined.classes} classes"
    if done.screened_on is not None:
        looked += (
            f" screened by {screen.steps} steps of {screen.images} images{' of half the size' if done.screened_on.halved else ''}; "
            f"of these the {len(done.classes)} that are easiest to reach"
        )
    return f"{looked}, {effort} each{again}{stable}"


def _facts(done: Searched, apart: Outlying, examined: Examined) -> dict[str, float | int | str]:
    finite = np.isfinite(done.sizes)
    smallest = int(np.argmin(done.sizes))
    facts: dict[str, float | int | str] = {
        "classes_searched": done.looked_at,
        "classes_compared": len(done.classes),
        "classes_with_trigger": int(finite.sum()),
        "rounds": done.rounds,
        "size_index": round(apart.index, 2),
        "size_p": apart.p,
        "next_class_ratio": round(apart.ratio, 2),
    }
    if finite.any():
        facts |= {"smallest_class": examined.class_names[int(done.classes[smallest])], "smallest_size": float(done.sizes[smallest])}
        facts["median_size"] = float(np.median(done.sizes[finite]))
    return facts
