"""Groups of alike images that are misread more often than other images of the same classes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Final, final

import numpy as np
from scipy.special import softmax

from onecurve.auditing.examined import Allowance, Examined
from onecurve.auditing.finding import Effect, Finding, Kind, Standing
from onecurve.auditing.look import Report
from onecurve.auditing.looks.machinery.exact import stratified_p
from onecurve.auditing.looks.machinery.properties import measured
from onecurve.auditing.looks.machinery.shown import shown
from onecurve.auditing.looks.machinery.slices import FEWEST, Slice, best_slice
from onecurve.auditing.result import Coverage
from onecurve.core.image.images import Bools, Floats
from onecurve.statistics.intervals import wilson
from onecurve.tools.data.machinery.error_mixture import memberships, principal
from onecurve.tools.data.machinery.last_features import last_features

COMPONENTS: Final = 25
IMAGES_EACH: Final = 40
"""Components of the mixture, and images for each, as `domino` has them."""
MORE: Final = 1 / 3
"""A group is claimed where its error rate is higher than elsewhere in the same classes by at least this. Networks without a flaw have
groups too: of eight clean networks on `digits`, four have images with few strokes or odd light that are misread in .22 to .33."""
MOST: Final = 4
"""Groups that are claimed at most, one per set of classes."""
LEAST_FRESH: Final = 3
"""Fresh images of a group that a test needs."""
NAMED: Final = 3
"""Classes that a title names."""


@final
@dataclass(frozen=True)
class MistakenGroups:
    """Mistakes gathered by what can be measured of an image, within classes.

    The error-aware mixture of Domino (arXiv 2203.14960) over the last features proposes which classes go together, besides each class
    alone and all. A group is then a rule about colours, light, border, edges and sharpness: no network decides who meets it, so its
    error rate on fresh images is a fair test. Groups by last features alone would not be: these features decide the answer.
    """

    name: ClassVar[str] = "mistakes"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "groups of alike images that are misread"
    kinds: ClassVar[tuple[Kind, ...]] = (Kind.MISTAKEN_GROUP,)
    needs_labels: ClassVar[bool] = True

    def pairs(self, examined: Examined) -> float:
        return 0.0

    def examine(self, examined: Examined, allowance: Allowance) -> Report:
        seen = examined.seen
        if seen.wrong.sum() < FEWEST:
            return Report(Coverage.WHOLE, f"{int(seen.wrong.sum())} mistakes on {len(seen.wrong)} search images, too few for a group")
        properties = measured(seen.images.images)
        found = []
        rng = examined.rng("mistakes", "shuffles")
        for classes in dict.fromkeys(_class_sets(examined)):
            one = best_slice(properties, seen.images.labels, seen.wrong, classes, rng)
            one = None if one is None else _narrowed(one, properties, examined)
            if one is not None and _beyond(one.holds(properties, seen.images.labels), examined) >= MORE:
                found.append(one)
        chosen = _distinct(sorted(found, key=lambda one: -one.score), properties, examined)
        fresh = measured(examined.fresh.images)
        findings = tuple(_claim(examined, one, properties, fresh, self.name) for one in chosen)
        words = f"{int(seen.wrong.sum())} mistakes on {len(seen.wrong)} search images, {len(properties[0])} properties"
        return Report(Coverage.WHOLE, words, findings)


def _class_sets(examined: Examined) -> Iterator[tuple[int, ...]]:
    """Sets of classes whose mistakes may have one cause: all, each alone, those called the same, those of one component of the mixture."""
    seen = examined.seen
    labels, wrong = seen.images.labels, seen.wrong
    mistaken = np.unique(labels[wrong])
    yield tuple(map(int, mistaken))
    for label in mistaken:
        yield (int(label),)
    for goal in np.unique(seen.said[wrong]):
        yield tuple(map(int, np.unique(labels[wrong & (seen.said == goal)])))
    for held in _components(examined):
        own = np.unique(labels[held & wrong])
        if len(own):
            yield tuple(map(int, own))


def _components(examined: Examined) -> Iterator[Bools]:
    """bool N of each component of the mixture over the search images."""
    features, logits = last_features(examined.module, examined.search.floats(), examined.device)
    count = max(2, min(COMPONENTS, len(features) // IMAGES_EACH))
    shares: Floats = softmax(logits.astype(np.float64), axis=1)
    belongs = memberships(principal(features), examined.search.labels, shares, count, 1.0, examined.rng("mistakes"))
    for at in range(count):
        yield belongs[:, at] >= 0.5


def _narrowed(one: Slice, properties: Floats, examined: Examined) -> Slice | None:
    """The same rule for those of its classes whose own images in it are misread, at least ``MORE`` of them; None if that is no class."""
    labels, wrong = examined.search.labels, examined.seen.wrong
    held = one.holds(properties, labels)
    classes = tuple(at for at in one.classes if (held & wrong & (labels == at)).sum() >= MORE * max(1, (held & (labels == at)).sum()))
    gathered = int((np.isin(labels, classes) & held & wrong).sum())
    return replace(one, classes=classes) if classes and gathered >= FEWEST else None


def _beyond(members: Bools, examined: Examined) -> float:
    """How much higher the error rate of the members is than that of other search images of the same classes."""
    wrong, elsewhere = examined.seen.wrong, _elsewhere(members, examined.seen.images.labels)
    return float(wrong[members].mean() - wrong[elsewhere].mean()) if members.any() and elsewhere.any() else 0.0


def _elsewhere(members: Bools, labels: np.ndarray) -> Bools:
    found: Bools = np.isin(labels, np.unique(labels[members])) & ~members
    return found


def _distinct(slices: list[Slice], properties: Floats, examined: Examined) -> list[Slice]:
    """The best slices, without those that gather mostly mistakes that a better one gathers already."""
    chosen, taken = list[Slice](), np.zeros(len(properties), bool)
    for one in slices:
        held = one.holds(properties, examined.search.labels) & examined.seen.wrong
        if (held & ~taken).sum() >= max(FEWEST, 0.5 * held.sum()):
            chosen.append(one)
            taken |= held
    return chosen[:MOST]


def _claim(examined: Examined, one: Slice, search: Floats, fresh: Floats, look: str) -> Finding:
    seen, names = examined.seen_fresh, examined.class_names
    labels = seen.images.labels
    members = one.holds(fresh, labels)
    elsewhere = _elsewhere(members, labels)
    gathered = one.holds(search, examined.search.labels) & examined.seen.wrong
    called = np.bincount(examined.seen.said[gathered], minlength=examined.classes)
    goal = names[int(called.argmax())]
    of_whom = " and ".join(f"`{names[at]}`" for at in one.classes) if len(one.classes) <= NAMED else f"{len(one.classes)} classes"
    classes, where = tuple(names[at] for at in one.classes), one.words
    facts: dict[str, float | int | str] = {
        "most_often_called": goal,
        "called_so": float(called.max() / max(1, called.sum())),
        "search_mistakes": int(gathered.sum()),
        "search_images": int(one.holds(search, examined.search.labels).sum()),
    }
    exhibits = shown(examined, examined.seen, np.flatnonzero(gathered), one.words)
    if members.sum() < LEAST_FRESH or not elsewhere.any():
        title = f"images of {of_whom} that are {where} may be misread; too few fresh images to test it"
        return Finding(Kind.MISTAKEN_GROUP, title, classes, where, Standing.UNVERIFIED, look, None, facts, exhibits)
    wrong, count = int(seen.wrong[members].sum()), int(members.sum())
    rate, against = wrong / count, float(seen.wrong[elsewhere].mean())
    p = stratified_p(seen.wrong, members, labels)
    effect = Effect(
        "share of fresh images of the group that are misread", rate, wilson(wrong, count), against, "the same classes elsewhere", count, p
    )
    standing = Standing.VERIFIED if rate - against >= MORE else Standing.REFUTED
    title = f"images of {of_whom} {where} are misread in {rate:.0%}, the same classes elsewhere in {against:.0%}; most often as `{goal}`"
    return Finding(Kind.MISTAKEN_GROUP, title, classes, where, standing, look, effect, facts, exhibits)
