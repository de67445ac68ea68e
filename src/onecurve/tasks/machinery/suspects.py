"""Suspects: triggered inputs that a question may show beside the target, so that maps of them can serve any task.

Tasks that show as many, asked with the same seed, show the same ones, so that one look serves them all. Apart from `localise`, which
asks about the suspects themselves, what was shown is never graded on.
"""

import numpy as np

from onecurve.core.access import Access
from onecurve.core.case import Case, Truth
from onecurve.core.errors import SpecError
from onecurve.core.image.images import Bools, Floats, Ints
from onecurve.core.question import Brief, Given
from onecurve.core.seeds import generator
from onecurve.tasks.machinery.expect import triggered_of
from onecurve.tasks.machinery.outputs import classes_said
from onecurve.tasks.machinery.rows import rows_of


def require_suspects(count: int, least: int = 0) -> None:
    """``SpecError`` for a count of suspects that cannot be shown."""
    if count < least:
        raise SpecError(f"the number of suspects must be at least {least}, got: {count}")


def usable(truth: Truth) -> Ints:
    """Rows of the triggered inputs on which the flaw fires, towards the target that is told.

    Where the trigger has a place, its mask is neither empty nor full.
    """
    triggered, target = triggered_of(truth), truth.target
    allowed = truth.effect.concerns(triggered.labels)
    if triggered.masks is not None:
        covered = triggered.masks.mean(axis=(1, 2))
        allowed = allowed & (covered > 0) & (covered < 1)
    candidates = np.flatnonzero(allowed)
    said = classes_said(truth.network, triggered.images[candidates], truth.population.classes)
    fired = truth.effect.fired(said, triggered.labels[candidates])
    rows: Ints = candidates[fired if target is None else fired & (said == target)]
    return rows


def some_suspects(case: Case, count: int, seed: int, *, spare: bool) -> Floats:
    """At most ``count`` suspects N x C x H x W; with ``spare`` at most half of those there are, for the rest is graded on."""
    rows = usable(case.truth)
    most = min(count, len(rows) // 2) if spare else count
    chosen = np.sort(rows[generator("suspects", case.id, seed).permutation(len(rows))[:most]])
    return triggered_of(case.truth).images[chosen]


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
    triggered = triggered_of(truth)
    kept = np.ones(len(triggered), np.bool_)
    if brief.suspects is not None:
        kept[rows_of(brief.suspects, triggered.images)] = False
    return kept
