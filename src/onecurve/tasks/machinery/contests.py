"""Contests for `predict`: one background with the trigger, and the same background with something as odd that should not set the flaw off.

The rivals are variants of the trigger (half, other colours, another place), decoys, the trigger on an image of a class that the flaw does
not concern, and where there is none of these the plain background. What the network was measured to take for the trigger is no rival.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.case import Triggered, Truth
from onecurve.core.effect import Effect
from onecurve.core.errors import UngradeableError
from onecurve.core.image.images import Bools, Floats, Ints, LabelledImages, as_bytes, as_floats
from onecurve.core.image.trigger import Trigger
from onecurve.core.seeds import generator
from onecurve.tasks.machinery.expect import triggered_of
from onecurve.tasks.machinery.outputs import classes_said
from onecurve.tasks.machinery.rows import rows_of

PAIRS: Final = 64
"""Backgrounds at most; how often each kind of input goes where the flaw sends it is measured on them."""
FIRES: Final = 0.25
"""A rival goes where the flaw sends its inputs on at most this share of the backgrounds."""
WORKS: Final = 0.5
"""The trigger, put onto the backgrounds, does so on at least this share."""
SAME: Final = 0.5
"""Two images that share more than this part of their values are of one background."""


@final
@dataclass(frozen=True)
class Contest:
    """N inputs in pairs; of each pair one holds the trigger, and there is one input per pair and kind."""

    images: Floats
    """float32 N x C x H x W in [0, 1]."""
    labels: Ints
    """int64 N; the true classes."""
    kinds: tuple[str, ...]
    """The trigger's first, then the rivals'."""
    kind: Ints
    """int64 N; which of the kinds each input is."""
    pair: Ints
    """int64 N; inputs of one number share their background, or where that cannot be their class."""
    goes: Bools
    """bool N; the network says what the flaw makes of the input."""

    def take(self, rows: Ints) -> "Contest":
        """The chosen inputs."""
        return Contest(self.images[rows], self.labels[rows], self.kinds, self.kind[rows], self.pair[rows], self.goes[rows])

    def rates(self) -> NDArray[np.float64]:
        """float64, one per kind: how often its inputs go where the flaw sends them."""
        return np.array([self.goes[self.kind == at].mean() for at in range(len(self.kinds))])

    def found(self, inputs: Floats) -> "Contest":
        """Those that are the given inputs, in their order; ``UngradeableError`` for an input that is none of them."""
        return self.take(rows_of(inputs, self.images))

    def drawn(self, pairs: int, suspects: Floats | None, rng: np.random.Generator) -> Ints:
        """Rows of at most ``pairs`` pairs, none of a background that ``suspects`` shows; rivals of all kinds take turns."""
        fresh = [row for row in np.flatnonzero(self.kind == 0) if not _shown(self.images[row], suspects)]
        rows = []
        for turn, row in enumerate(rng.permutation(np.array(fresh, np.int64))[:pairs]):
            beside = np.flatnonzero((self.pair == self.pair[row]) & (self.kind == 1 + turn % (len(self.kinds) - 1)))
            rows += [int(row), int(beside[0])]
        return np.array(rows, np.int64)


def contest_of(truth: Truth) -> Contest:
    """All inputs that could be asked about, the same each time; ``UngradeableError`` where no pair can be made."""
    groups = _stamped(truth) if truth.trigger is not None else _found(truth)
    if not groups:
        raise UngradeableError("there is no background on which the flaw is silent without its trigger")
    count = len(next(iter(groups.values())))
    goes = {name: goes_where_sent(truth, group) for name, group in groups.items()}
    if goes["trigger"].mean() < WORKS:
        raise UngradeableError(f"put onto new images, the trigger sets the flaw off on {goes['trigger'].mean():.0%} of them")
    names = ["trigger", *(name for name in groups if name not in ("trigger", "plain") and goes[name].mean() <= FIRES)]
    if len(names) == 1:
        names.append("plain")
    kept = [groups[name] for name in names]
    return Contest(
        np.concatenate([group.images for group in kept]),
        np.concatenate([group.labels for group in kept]).astype(np.int64),
        tuple(names),
        np.repeat(np.arange(len(names)), count),
        np.tile(np.arange(count), len(names)),
        np.concatenate([goes[name] for name in names]),
    )


def goes_where_sent(truth: Truth, group: Triggered) -> Bools:
    """bool N: whether the network says what the flaw makes of each input; of classes that it does not concern, a target."""
    said = classes_said(truth.network, group.images, truth.population.classes)
    return _goes(truth.effect, said, group.labels)


def _goes(effect: Effect, said: Ints, labels: Ints) -> Bools:
    goes: Bools = np.where(effect.concerns(labels), effect.fired(said, labels), effect.leaked(said, labels)).astype(np.bool_)
    return goes


def _stamped(truth: Truth) -> Mapping[str, Triggered]:
    """Groups of as many inputs, by kind: trigger and rivals put onto the same held-out images."""
    assert truth.trigger is not None, "without a trigger there is nothing to put onto an image"
    rng = generator("contest", _content(truth))
    plain = _quiet(truth, truth.effect.concerns(truth.heldout.labels), PAIRS, rng)
    if len(plain) == 0:
        return {}
    outside = ~truth.effect.concerns(truth.heldout.labels) & ~np.isin(truth.heldout.labels, truth.effect.targets)
    groups = {"trigger": _with(truth.trigger, plain, rng), "plain": Triggered(plain.floats(), plain.labels, None)}
    groups |= {name: _with(variant, plain, rng) for name, variant in truth.trigger.variants().items()}
    for number, decoy in enumerate(truth.decoys[:2]):
        groups[f"decoy {number + 1}"] = _with(decoy, plain, rng)
    if truth.effect.sources is not None and truth.effect.targets and outside.any():
        other = _quiet(truth, outside, len(plain), rng)
        if len(other):
            groups["other class"] = _with(truth.trigger, other.take(np.arange(len(plain)) % len(other)), rng)
    return groups


def _found(truth: Truth) -> Mapping[str, Triggered]:
    """The same for what cannot be put onto an image: inputs on which the flaw is present, each beside one of its class without it."""
    triggered, heldout = triggered_of(truth), truth.heldout
    rng = generator("contest", _content(truth))
    free = _quiet(truth, np.isin(heldout.labels, triggered.labels), len(heldout), rng)
    groups = {"plain": Triggered(free.floats(), free.labels, None)}
    if truth.bystanders is not None and len(truth.bystanders):
        groups["near miss"] = truth.bystanders
    groups = {name: group for name, group in groups.items() if set(triggered.labels) <= set(group.labels)}
    if not groups:
        return {}
    rows = np.sort(rng.permutation(len(triggered))[:PAIRS])
    labels = triggered.labels[rows]
    beside = {name: _rows(group, _alike(labels, group.labels)) for name, group in groups.items()}
    return {"trigger": _rows(triggered, rows), "plain": beside.get("plain", next(iter(beside.values()))), **beside}


def _quiet(truth: Truth, allowed: Bools, count: int, rng: np.random.Generator) -> LabelledImages:
    """At most ``count`` of the ``allowed`` held-out images: those that hold no natural feature and go nowhere by themselves."""
    if truth.heldout.features is not None and truth.native:
        allowed = allowed & (truth.heldout.features < 0)
    images = truth.heldout.take(rng.permutation(np.flatnonzero(allowed))[: 2 * count])
    silent = ~goes_where_sent(truth, Triggered(images.floats(), images.labels, None)) if len(images) else np.zeros(0, np.bool_)
    return images.take(np.flatnonzero(silent)[:count])


def _with(trigger: Trigger, plain: LabelledImages, rng: np.random.Generator) -> Triggered:
    return Triggered(as_floats(as_bytes(trigger.apply(plain.floats(), rng).images)), plain.labels, None)


def _rows(group: Triggered, rows: Ints) -> Triggered:
    return Triggered(group.images[rows], group.labels[rows], None)


def _alike(wanted: Ints, labels: Ints) -> Ints:
    """For each wanted label a row of that label, all taking turns."""
    turns: dict[int, int] = {}
    rows = []
    for label in wanted:
        there = np.flatnonzero(labels == label)
        rows.append(int(there[turns.get(int(label), 0) % len(there)]))
        turns[int(label)] = turns.get(int(label), 0) + 1
    return np.array(rows, np.int64)


def _shown(image: Floats, suspects: Floats | None) -> bool:
    """Whether a suspect is of the background of ``image``."""
    return suspects is not None and any(float((image == as_floats(as_bytes(each))).mean()) > SAME for each in suspects)


def _content(truth: Truth) -> str:
    return hashlib.blake2b(truth.heldout.images.tobytes(), digest_size=16).hexdigest()
