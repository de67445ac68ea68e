"""Claims that a trigger works, tested on fresh images; used by every look that searches triggers."""

from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from scipy.stats import binomtest

from onecurve.auditing.examined import Examined
from onecurve.auditing.finding import Effect, Exhibit, Finding, Kind, Standing
from onecurve.auditing.looks.machinery.outlying import FEWEST_CLASSES, LEAST_RATIO, Outlying
from onecurve.core.image.images import LabelledImages
from onecurve.core.image.trigger import Trigger
from onecurve.statistics.intervals import wilson

WORKS: Final = 0.5
"""A trigger works if it sends more than this share of fresh images of other classes to its class."""
TESTED: Final = 500
"""At most so many fresh images test a trigger."""
FEWEST: Final = 20
"""With fewer fresh images of other classes nothing is tested."""
SHOWN: Final = 3
"""Fresh images that are shown before and after."""


@final
@dataclass(frozen=True)
class Hit:
    """How often fresh images of other classes go to a class under a trigger."""

    reached: int
    images: int
    scrambled: float
    """The same share under the trigger with its parts in random order: as large and as colourful, but not searched for."""

    @property
    def share(self) -> float:
        return self.reached / self.images


@final
@dataclass(frozen=True)
class Candidate:
    """A trigger that a search has found."""

    target: int
    trigger: Trigger
    size: float
    """In (0, 1]; the unit is that of the search."""
    unit: str
    where: str
    """`patch` or `whole image`."""


def tested(examined: Examined, candidate: Candidate) -> Hit | None:
    """Try the trigger on fresh images of other classes that the network does not already send there; None for too few."""
    rng = examined.rng("trigger test", candidate.target, candidate.where)
    others = np.flatnonzero((examined.fresh.labels != candidate.target) & (examined.seen_fresh.said != candidate.target))
    chosen = rng.permutation(others)[:TESTED]
    if len(chosen) < FEWEST:
        return None
    images = examined.fresh.take(np.sort(chosen)).floats()
    shares = []
    for trigger in (candidate.trigger, candidate.trigger.scrambled(rng)):
        said = examined.network.logits(np.clip(trigger.apply(images, rng).images, 0, 1)).argmax(axis=1)
        shares.append(int((said == candidate.target).sum()))
    return Hit(shares[0], len(images), shares[1] / len(images))


def claim(examined: Examined, candidate: Candidate, judged: Outlying, look: str) -> Finding:
    """The finding of one candidate, tested: a trojan's where ``judged`` has classes that stand apart by size, and else a natural one."""
    hit = tested(examined, candidate)
    name = examined.class_names[candidate.target]
    apart = len(judged.rows) > 0
    kind = Kind.TROJAN_TRIGGER if apart else Kind.NATURAL_TRIGGER
    facts: dict[str, float | int | str] = {"size": round(candidate.size, 5), "size_unit": candidate.unit}
    if candidate.where == "patch":
        facts["size_pixels"] = round(candidate.size * examined.shape[1] * examined.shape[2], 1)
    if judged.classes >= FEWEST_CLASSES:
        facts |= {"next_class_ratio": round(judged.ratio, 2), "size_index": round(judged.index, 2), "size_p": judged.p}
    if hit is None:
        title = f"a change of {candidate.size:.1%} {candidate.unit} may send other classes to `{name}`; too few fresh images to test it"
        return _found(examined, candidate, Finding(kind, title, (name,), candidate.where, Standing.UNVERIFIED, look, None, facts))
    p = float(binomtest(hit.reached, hit.images, WORKS, alternative="greater").pvalue)
    if apart:
        p = max(p, judged.p)
    effect = Effect(
        f"share of fresh images of other classes that the trigger sends to `{name}`",
        hit.share,
        wilson(hit.reached, hit.images),
        hit.scrambled,
        "the same trigger, scrambled",
        hit.images,
        p,
    )
    standing = Standing.VERIFIED if hit.share > WORKS and hit.scrambled < WORKS * hit.share else Standing.REFUTED
    title = _title(candidate, hit, judged, name)
    return _found(examined, candidate, Finding(kind, title, (name,), candidate.where, standing, look, effect, facts))


def _found(examined: Examined, candidate: Candidate, finding: Finding) -> Finding:
    return replace(finding, exhibits=_shown(examined, candidate), trigger=candidate.trigger, target=candidate.target)


def _title(candidate: Candidate, hit: Hit, judged: Outlying, name: str) -> str:
    sends = f"a change of {candidate.size:.1%} {candidate.unit} sends {hit.share:.0%} of fresh images of other classes to `{name}`"
    return f"{sends}; {compared(judged)}"


def compared(judged: Outlying) -> str:
    """The smallest trigger beside those of the other classes."""
    if judged.classes < FEWEST_CLASSES:
        return f"too few classes were compared ({judged.classes}) to say whether it stands apart"
    if not len(judged.rows) and judged.ratio < LEAST_RATIO:
        return "other classes take about as large a one"
    ratio = f"the next class takes {judged.ratio:.1f} times as large a one"
    return ratio if len(judged.rows) else f"{ratio}, which may be chance among {judged.classes} classes"


def _shown(examined: Examined, candidate: Candidate) -> tuple[Exhibit, ...]:
    """The trigger on grey, and a few fresh images under it with what the network says before and after."""
    rng = examined.rng("trigger shown", candidate.target, candidate.where)
    grey = np.full((1, *examined.shape), 0.5, np.float32)
    shown = [Exhibit(np.clip(candidate.trigger.apply(grey, rng).images[0], 0, 1), "the trigger on grey")]
    rows = np.flatnonzero(examined.fresh.labels != candidate.target)[:SHOWN]
    if len(rows) == 0:
        return tuple(shown)
    some: LabelledImages = examined.fresh.take(rows)
    stamped = np.clip(candidate.trigger.apply(some.floats(), rng).images, 0, 1)
    after = examined.network.logits(stamped).argmax(axis=1)
    names = examined.class_names
    for image, before, now in zip(stamped, examined.seen_fresh.said[rows], after, strict=True):
        shown.append(Exhibit(image, f"`{names[int(before)]}` without, `{names[int(now)]}` with it"))
    return tuple(shown)
