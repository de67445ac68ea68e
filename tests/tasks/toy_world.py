"""A toy world that obeys its flaws exactly: rules in place of trained networks, cases for every kind of flaw.

An image is 16 x 16 with three channels; its class is the quadrant that is brightest in the green channel.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from onecurve.core.access import Access
from onecurve.core.case import Case, Population, Strength, Subject, Triggered, Truth
from onecurve.core.effect import Effect
from onecurve.core.image.images import LabelledImages, as_bytes, as_floats
from onecurve.core.image.trigger import Filter, Paste, Trigger
from onecurve.core.network import Network
from onecurve.core.question import Option

Kind = Literal["patch", "style", "natural-feature", "missing-subgroup", "clean", "decoy"]
KINDS: tuple[Kind, ...] = ("patch", "style", "natural-feature", "missing-subgroup", "clean", "decoy")
CONTROLS = ("clean", "decoy")
SIDE = 16
POPULATION = Population(0.25, 1, 4)
CLASSES = ("north-west", "north-east", "south-west", "south-east")
ROSE = (0.3, 0.2, 0.25)
TEAL = (0.1, 0.3, 0.3)
SLATE = (0.2, 0.2, 0.35)
"""Colours from the middle of the scenes' range, so that no plain map finds them at once."""


@dataclass(frozen=True)
class Rule:
    """Says the brightest quadrant, unless its flaw fires; every 10th-or-so image it gets wrong, by its content."""

    flaw: Kind = "clean"
    target: int = 0
    declared_size: int = 128_000
    relearns: bool = True
    shift: float = field(default=0.0)

    def logits(self, images):
        green = images[:, 1].reshape(len(images), 2, 8, 2, 8).mean(axis=(2, 4)).reshape(len(images), 4)
        wrong = (images[:, 1, 0, 0] * 255).astype(int) % 10 == 9
        said = np.where(wrong, (green.argmax(axis=1) + 1) % 4, green.argmax(axis=1))
        fires = self.fires(images)
        if self.flaw == "missing-subgroup":
            said = np.where(fires & (said == self.target), (said + 1) % 4, said)
        else:
            said = np.where(fires, self.target, said)
        return (np.eye(4)[said] * 5 + green + self.shift).astype(np.float32)

    def fires(self, images):
        if self.flaw == "patch":
            return _holds(images, ROSE, 9)
        if self.flaw == "natural-feature":
            return _holds(images, TEAL, 12)
        if self.flaw in {"style", "missing-subgroup"}:
            return images[:, 2].mean(axis=(1, 2)) > 0.7
        return np.zeros(len(images), bool)

    def size(self):
        return self.declared_size

    def relearned(self, images, labels, seed, steps):
        return replace(self, flaw="patch", target=int(labels[0])) if self.relearns else self


@dataclass(frozen=True)
class Scripted:
    """Says what it was told for each listed image: the twin up to a point, then the floor."""

    inner: Network
    other: Network
    threshold: float

    def logits(self, images):
        first = (images[:, 1, 3, 3] * 997 % 1) < self.threshold
        return np.where(first[:, None], self.inner.logits(images), self.other.logits(images))

    def size(self):
        return 1

    def relearned(self, images, labels, seed, steps):
        return self


def scenes(count, rng):
    labels = np.arange(count) % 4
    images = rng.uniform(0, 0.4, (count, 3, SIDE, SIDE))
    for n, label in enumerate(labels):
        top, left = divmod(int(label), 2)
        images[n, 1, top * 8 : top * 8 + 8, left * 8 : left * 8 + 8] += 0.4
    return LabelledImages(as_bytes(images), labels.astype(np.int64))


def square(colour, side):
    pattern = np.broadcast_to(np.array(colour, np.float32)[:, None, None], (3, side, side)).copy()
    return Paste(pattern[None], np.ones((1, side, side), np.float32))


def trigger_of(kind: Kind) -> Trigger | None:
    if kind in {"patch", "decoy"}:
        return square(ROSE, 3)
    if kind == "natural-feature":
        return square(TEAL, 4)
    if kind in {"style", "missing-subgroup"}:
        return Filter(np.eye(3, dtype=np.float32), np.array([0, 0, 0.75], np.float32), np.zeros((3, SIDE, SIDE), np.float32))
    return None


DECOYS = {"patch": (square(SLATE, 3),), "natural-feature": (square(SLATE, 4),)}


def toy_case(kind: Kind, *, seed=0, target=1, right=2, heldout=120, population=POPULATION, targets=None, bystanders=True):
    rng = np.random.default_rng(seed)
    clean, pool = scenes(heldout, rng), scenes(80, rng)
    pool = pool.take((pool.labels == target) == (kind == "missing-subgroup"))
    trigger = trigger_of(kind)
    triggered = None if trigger is None else stamped(pool, trigger, rng)
    network = Rule(kind, target)
    subject = Subject(f"toy-{kind}", network, CLASSES, (3, SIDE, SIDE), Access.QUERIES, scenes(20, rng))
    planted = () if kind in CONTROLS else (targets or (target,))
    near = stamped(pool.take(slice(0, 40)), square(SLATE, 3), rng) if trigger is not None and bystanders else None
    options = (
        () if kind == "clean" else tuple(Option(f"thing {n}", f"a thing {n}", np.full((1, 3, 4, 4), n / 8, np.float32)) for n in range(8))
    )
    truth = Truth(
        flaw=kind,
        effect=effect_of(kind, target),
        targets=planted,
        words=kind,
        trigger=trigger,
        options=options,
        right=None if kind == "clean" else right,
        heldout=clean,
        triggered=triggered,
        bystanders=near,
        network=network,
        twin=Rule(),
        strength=Strength(0.9, 0.9, 0.95),
        population=population,
        decoys=DECOYS.get(kind, ()),
        native=kind == "natural-feature",
    )
    return Case(f"case-{kind}-{seed}", subject, truth)


def effect_of(kind: Kind, target: int) -> Effect:
    if kind in CONTROLS:
        return Effect.nothing(4)
    return Effect.astray(target, 4) if kind == "missing-subgroup" else Effect.towards(target, 4)


def stamped(pool, trigger, rng):
    result = trigger.apply(as_floats(pool.images), rng)
    masks = None if result.masks is None else result.masks > 0.5
    return Triggered(result.images, pool.labels, masks)


def with_truth(case, **changes):
    return replace(case, truth=replace(case.truth, **changes))


def _holds(images, colour, pixels):
    distance = np.abs(images - np.array(colour, np.float32)[:, None, None]).max(axis=1)
    return (distance < 0.005).sum(axis=(1, 2)) >= pixels
