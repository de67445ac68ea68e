"""Suspects: triggered inputs that a question may show beside the target, so that maps of them can serve any task.

Beside the trigger each holds a decoy, drawn and placed as the trigger was, that the network ignores, where the flaw has decoys. Tasks
that show as many, asked with the same seed, show the same ones, so that one look serves them all. Apart from `localise`, which asks
about the suspects themselves, what was shown is never graded on.
"""

import hashlib
from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.access import Access
from onecurve.core.case import Case, Triggered, Truth
from onecurve.core.errors import SpecError
from onecurve.core.image.images import Bools, Floats, Ints, as_bytes, as_floats
from onecurve.core.image.trigger import Either
from onecurve.core.question import Brief, Given
from onecurve.core.seeds import generator
from onecurve.tasks.machinery.expect import triggered_of
from onecurve.tasks.machinery.outputs import classes_said
from onecurve.tasks.machinery.rows import rows_of

COVERED = 0.5
"""The share of a pixel that a decoy must cover for the pixel to belong to it, as with triggers."""


@final
@dataclass(frozen=True)
class Suspects:
    """N triggered inputs that a question may show."""

    rows: Ints
    """int64, N; which of the triggered inputs each is made of, -1 for none."""
    labels: Ints
    """int64, N; the true classes."""
    images: Floats
    """float32 N x C x H x W in [0, 1]."""
    masks: Bools | None
    """bool N x H x W, the trigger's pixels; None where it has no place."""
    decoys: Bools | None
    """bool N x H x W, the decoy's pixels; None where there are no decoys."""

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: Ints | Bools) -> "Suspects":
        """The chosen ones."""
        masks, decoys = (None if each is None else each[rows] for each in (self.masks, self.decoys))
        return Suspects(self.rows[rows], self.labels[rows], self.images[rows], masks, decoys)

    def shown_as(self, inputs: Floats) -> "Suspects":
        """Those that are the given inputs, in their order; ``UngradeableError`` for an input that is none of them."""
        return self.take(rows_of(inputs, self.images))


def require_suspects(count: int, least: int = 0) -> None:
    """``SpecError`` for a count of suspects that cannot be shown."""
    if count < least:
        raise SpecError(f"the number of suspects must be at least {least}, got: {count}")


def suspects_of(truth: Truth) -> Suspects:
    """All inputs that could be shown, the same each time: triggered inputs, with a decoy where the flaw has any.

    Trigger and decoy come onto the image in the same way and are placed without regard to each other; an input on which they touch is
    left out. So nothing but what the network does tells one from the other.
    """
    triggered = triggered_of(truth)
    plain = Suspects(np.arange(len(triggered)), triggered.labels, triggered.images, triggered.masks, None)
    if not truth.decoys or triggered.masks is None:
        return plain
    rng = generator("decoys", _content(triggered))
    base = _pasted(truth, len(triggered), rng) if truth.native else plain
    either = truth.decoys[0] if len(truth.decoys) == 1 else Either(truth.decoys)
    stamped = either.apply(base.images, rng)
    if base.masks is None or stamped.masks is None:
        return plain
    touching = np.flatnonzero((_grown(base.masks) & (stamped.masks > 0)).any(axis=(1, 2)))
    decoys: Bools = stamped.masks >= COVERED
    return Suspects(base.rows, base.labels, as_floats(as_bytes(stamped.images)), base.masks, decoys).take(
        np.setdiff1d(np.arange(len(base)), touching)
    )


def _pasted(truth: Truth, count: int, rng: np.random.Generator) -> Suspects:
    """A trigger that occurs by itself, put on at most ``count`` held-out images: one that was there before would differ from its decoy."""
    free: Bools = truth.effect.concerns(truth.heldout.labels)
    if truth.heldout.features is not None:
        free &= truth.heldout.features < 0
    assert truth.trigger is not None, "what has decoys has a trigger"
    chosen = truth.heldout.take(np.flatnonzero(free)[:count])
    stamped = truth.trigger.apply(chosen.floats(), rng)
    masks = None if stamped.masks is None else stamped.masks >= COVERED
    return Suspects(np.full(len(chosen), -1), chosen.labels, stamped.images, masks, None)


def usable(truth: Truth) -> Suspects:
    """Those of ``suspects_of`` on which the flaw fires, towards the target that is told.

    Where the trigger has a place, neither its mask nor its decoy's is empty.
    """
    found, target = suspects_of(truth), truth.target
    allowed = truth.effect.concerns(found.labels)
    for masks in (found.masks, found.decoys):
        if masks is not None:
            allowed = allowed & masks.any(axis=(1, 2))
    found = found.take(allowed)
    said = classes_said(truth.network, found.images, truth.population.classes)
    fired = truth.effect.fired(said, found.labels)
    return found.take(fired if target is None else fired & (said == target))


def some_suspects(case: Case, count: int, seed: int, *, spare: bool) -> Floats:
    """At most ``count`` suspects N x C x H x W; with ``spare`` at most half of those there are, for the rest is graded on."""
    there = usable(case.truth)
    most = min(count, len(there) // 2) if spare else count
    chosen = np.sort(generator("suspects", case.id, seed).permutation(len(there))[:most])
    return there.images[chosen]


def brief_with(case: Case, count: int, seed: int) -> Brief:
    """The target, with ``count`` suspects or without any."""
    suspects = some_suspects(case, count, seed, spare=True) if count else None
    return Brief(case.truth.target, suspects if suspects is not None and len(suspects) else None)


def given_with(case: Case, count: int, seed: int) -> Given:
    """What ``brief_with`` tells, as what a question is asked with."""
    brief = brief_with(case, count, seed)
    return Given(brief.target, brief.suspects)


def told(suspects: int) -> Access:
    """What a brief tells that names the target and shows so many suspects."""
    return Access.TARGET | (Access.SUSPECTS if suspects else Access.NONE)


def unseen(truth: Truth, brief: Brief) -> Bools:
    """N, of the triggered inputs: those that the brief does not show."""
    kept = np.ones(len(triggered_of(truth)), np.bool_)
    if brief.suspects is not None:
        shown = suspects_of(truth).shown_as(brief.suspects).rows
        kept[shown[shown >= 0]] = False
    return kept


def _content(triggered: Triggered) -> str:
    # Nobody who is shown a few of the inputs can tell from them where the decoys lie.
    return hashlib.blake2b(as_bytes(triggered.images).tobytes(), digest_size=16).hexdigest()


def _grown(masks: Bools) -> Bools:
    """The masks with the pixels next to them, corners included."""
    padded = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    height, width = masks.shape[1:]
    grown = np.zeros_like(masks)
    for row in range(3):
        for column in range(3):
            grown |= padded[:, row : row + height, column : column + width]
    return grown
