"""Properties that make the network say a class by themselves, tested by editing them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np

from onecurve.auditing.examined import Allowance, Examined, Seen
from onecurve.auditing.finding import Effect, Exhibit, Finding, Kind, Standing
from onecurve.auditing.look import Report
from onecurve.auditing.looks.machinery.edits import EDITS, as_large, within
from onecurve.auditing.looks.machinery.exact import paired_p
from onecurve.auditing.looks.machinery.pace import KEPT, affordable
from onecurve.auditing.looks.machinery.properties import ring_of
from onecurve.auditing.looks.machinery.shown import shown_edited
from onecurve.auditing.result import Coverage
from onecurve.core.image.images import Bools, Floats, Ints
from onecurve.data.colours import COLOUR_NAMES, colour_names
from onecurve.statistics.intervals import wilson

TRIED: Final = 100
"""Search images that an edit is tried on."""
PASSES: Final = 4 * len(EDITS)
"""Per class and image: two sorts of donors, and an edit and its control for each property."""
TESTED: Final = 400
"""Fresh images at most that test a claim."""
SENT: Final = 0.2
"""An edit is claimed that sends at least this share of images of other classes to its class …"""
TIMES: Final = 2.0
"""… and so many times the share that the control sends there."""
FEWEST: Final = 20
"""Fresh images that a test needs."""
DONORS: Final = 3
"""Images of a class that an edit needs to take a property from."""
MOST_CLASSES: Final = 25
"""Classes that are tried, those first to which most images are sent by mistake."""
MOST: Final = 4
"""Claims at most, one per class and property."""


@final
@dataclass(frozen=True)
class Shortcuts:
    """Counterfactual edits: images of other classes get one property of images that are called a class, and nothing else of them.

    Donors are the images called so, and apart from them those called so by mistake, which hold a shortcut and not the class. The
    control is an edit of the same property, as large in each image, towards images of other classes. A correlation alone is never
    claimed: classes differ in colours and light for good reasons.
    """

    name: ClassVar[str] = "shortcuts"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "properties that make the network say a class"
    kinds: ClassVar[tuple[Kind, ...]] = (Kind.SHORTCUT,)
    needs_labels: ClassVar[bool] = False

    def pairs(self, examined: Examined) -> float:
        return min(MOST_CLASSES, examined.classes) * PASSES * TRIED / 3 / KEPT

    def examine(self, examined: Examined, allowance: Allowance) -> Report:
        classes = _order(examined)
        found, tried = list[tuple[float, _Donors, str]](), 0
        affords = affordable(examined, allowance, TRIED * len(classes), PASSES)
        images = max(FEWEST, min(TRIED, affords // max(1, len(classes))))
        for number, target in enumerate(classes[: affords // images]):
            if allowance.left <= 0:
                break
            allowance.tell(0.9 * number / len(classes), f"`{examined.class_names[target]}`")
            found += _candidates(examined, target, images)
            tried += 1
        findings = [_claim(examined, donors, name, min(TESTED, 4 * images), self.name) for _, donors, name in _best(found)]
        coverage = Coverage.WHOLE if tried == examined.classes else Coverage.PART if tried else Coverage.NOTHING
        words = f"{tried} of {examined.classes} classes, {len(EDITS)} properties, {images} search images each"
        return Report(coverage, words, tuple(findings))


@final
@dataclass(frozen=True)
class _Donors:
    """Search images whose properties are taken for a class."""

    target: int
    rows: Ints
    whose: str


@final
@dataclass(frozen=True)
class _Tried:
    """What the network says of the same images under the edit and under its control."""

    rows: Ints
    edited: Floats
    reached: Bools
    control: Bools

    @property
    def gain(self) -> float:
        """Share sent by the edit less that sent by the control; below 0 where the edit sends too few."""
        share, other = float(self.reached.mean()), float(self.control.mean())
        return share - other if share >= max(SENT, TIMES * other) else -1.0


def _order(examined: Examined) -> list[int]:
    """Classes that any image is called, most mistakes first; without labels, most images first."""
    seen = examined.seen
    counts = np.bincount(seen.said, minlength=examined.classes)
    mistakes = np.bincount(seen.said[seen.wrong], minlength=examined.classes)
    order = np.lexsort((-counts, -mistakes))
    return [int(label) for label in order if counts[label] >= DONORS][:MOST_CLASSES]


def _donors(seen: Seen, target: int) -> Iterator[_Donors]:
    called = np.flatnonzero(seen.said == target)
    mistaken = np.flatnonzero((seen.said == target) & seen.wrong)
    yield _Donors(target, called.astype(np.int64), "images called so")
    if DONORS <= len(mistaken) < len(called):
        yield _Donors(target, mistaken.astype(np.int64), "images called so by mistake")


def _candidates(examined: Examined, target: int, images: int) -> list[tuple[float, _Donors, str]]:
    seen, found = examined.seen, []
    for donors in _donors(seen, target):
        for name in EDITS:
            tried = _tried(examined, seen, donors, name, images)
            if tried is not None and tried.gain > 0:
                found.append((tried.gain, donors, name))
    return found


def _best(found: list[tuple[float, _Donors, str]]) -> list[tuple[float, _Donors, str]]:
    """The largest effect of each class and property; the border and the colours of one class are two claims."""
    chosen: dict[tuple[int, str], tuple[float, _Donors, str]] = {}
    for gain, donors, name in sorted(found, key=lambda one: -one[0]):
        chosen.setdefault((donors.target, name), (gain, donors, name))
    return list(chosen.values())[:MOST]


def _tried(examined: Examined, seen: Seen, donors: _Donors, name: str, count: int) -> _Tried | None:
    """Edit images of other classes that are not called the target already; None if there are too few, or nothing to edit."""
    rng = examined.rng("shortcut", donors.target, name, donors.whose, count)
    rows = rng.permutation(np.flatnonzero((seen.images.labels != donors.target) & (seen.said != donors.target)))[:count]
    search = examined.search
    others = np.flatnonzero((search.labels != donors.target) & (examined.seen.said != donors.target))
    if len(rows) < FEWEST or len(others) < DONORS:
        return None
    images = seen.images.take(rows).floats()
    given, elsewhere = (search.take(rng.choice(some, len(rows))).floats() for some in (donors.rows, others))
    edited = EDITS[name](images, given)
    control = within(as_large(EDITS[name](images, elsewhere), edited, images))
    edited = within(edited)
    reached, by_control = (examined.network.logits(each).argmax(axis=1) == donors.target for each in (edited, control))
    return _Tried(rows.astype(np.int64), edited, reached, by_control)


def _claim(examined: Examined, donors: _Donors, name: str, images: int, look: str) -> Finding:
    who = examined.class_names[donors.target]
    whose = donors.whose.replace("called so", f"called `{who}`")
    property_words = f"{name}{_direction(examined, donors, name)}"
    tried = _tried(examined, examined.seen_fresh, donors, name, images)
    if tried is None:
        title = f"the {property_words} of {whose} may be enough for that answer; too few fresh images to test it"
        return Finding(Kind.SHORTCUT, title, (who,), name, Standing.UNVERIFIED, look)
    hits, count = int(tried.reached.sum()), len(tried.rows)
    effect = Effect(
        f"share of fresh images of other classes called `{who}` when they are given the {name} of {whose}",
        hits / count,
        wilson(hits, count),
        float(tried.control.mean()),
        f"as large an edit of the {name} towards other classes",
        count,
        paired_p(tried.reached, tried.control),
    )
    standing = Standing.VERIFIED if tried.gain > 0 else Standing.REFUTED
    title = (
        f"given the {property_words} of {whose}, {hits / count:.0%} of fresh images of other classes are called `{who}`; "
        f"of those edited as much towards other classes, {effect.against:.0%} are"
    )
    facts: dict[str, float | int | str] = {"donors": whose, "donor_images": len(donors.rows)}
    return Finding(Kind.SHORTCUT, title, (who,), name, standing, look, effect, facts, _exhibits(examined, tried))


def _direction(examined: Examined, donors: _Donors, name: str) -> str:
    """The mean colour of the donors' images or borders in words, for the edits of colour; empty for others."""
    if name not in {"colours", "border"} or examined.shape[0] != 3:
        return ""
    images = examined.search.images[donors.rows]
    region = ring_of(*examined.shape[1:]) if name == "border" else np.ones(examined.shape[1:], bool)
    mean = np.rint(images[:, :, region].mean(axis=(0, 2))).astype(np.uint8)
    return f" ({COLOUR_NAMES[int(colour_names(mean.reshape(1, 3, 1, 1))[0, 0, 0])]})"


def _exhibits(examined: Examined, tried: _Tried) -> tuple[Exhibit, ...]:
    rows = np.flatnonzero(tried.reached)
    return shown_edited(examined, examined.seen_fresh, tried.rows[rows], tried.edited[rows]) if len(rows) else ()
