"""Decoys: triggers drawn as the planted one was, that the planted network was measured to ignore.

`localise` puts one of them beside each trigger, so a map that marks whatever looks odd earns nothing.
"""

from typing import Final

import numpy as np

from onecurve.core.effect import Effect
from onecurve.core.image.images import LabelledImages
from onecurve.core.image.paste import Paste
from onecurve.core.image.trigger import Trigger
from onecurve.core.network import Network
from onecurve.core.seeds import generator
from onecurve.flaws.planting.measuring import Trials
from onecurve.flaws.schemes.plan import Plan, rows_without_features, sample_rows
from onecurve.flaws.schemes.shares import share_set
from onecurve.flaws.schemes.stamping import stamp

INERT: Final = 0.1
"""A decoy may set the flaw off on at most this share of the images on which it is silent without a decoy."""
IMAGES: Final = 64
"""Clean held-out images that each decoy is tried on, at most."""


def inert_decoys(plan: Plan, trials: Trials, network: Network, pool: LabelledImages, seed: int) -> tuple[Trigger, ...]:
    """The decoys of a plan that do not set its flaw off on clean images of ``pool``; none where its trigger has no place."""
    if not plan.effect.any or trials.triggered.masks is None:
        return ()
    rows = rows_without_features(pool) if plan.features else np.arange(len(pool))
    rng = generator("decoys", seed)
    images = pool.take(sample_rows(rows[plan.effect.concerns(pool.labels[rows])], IMAGES, rng))
    quiet = images.take(~_fired(plan.effect, network, images))
    if len(quiet) == 0:
        return ()
    placed = [decoy for drawn in plan.decoys for decoy in _placed(drawn, *pool.images.shape[2:])]
    return tuple(decoy for decoy in placed if _firing(decoy, plan.effect, network, quiet, rng) <= INERT)


def _placed(decoy: Trigger, height: int, width: int) -> tuple[Trigger, ...]:
    """The decoy itself where it may lie anywhere; else at the three mirrored places, for the trigger lies at its own."""
    if not isinstance(decoy, Paste) or decoy.place is None:
        return (decoy,)
    free_rows, free_columns = height - decoy.patterns.shape[2], width - decoy.patterns.shape[3]
    top, left = min(decoy.place[0], free_rows), min(decoy.place[1], free_columns)
    places = dict.fromkeys((row, column) for row in (top, free_rows - top) for column in (left, free_columns - left))
    others = [place for place in places if place != (top, left)] or [(top, left)]
    return tuple(Paste(decoy.patterns, decoy.alphas, place, decoy.colour_jitter, decoy.noise) for place in others)


def _firing(decoy: Trigger, effect: Effect, network: Network, images: LabelledImages, rng: np.random.Generator) -> float:
    stamped = LabelledImages(stamp((decoy,), images.images, rng)[0], images.labels)
    return share_set(_fired(effect, network, stamped))


def _fired(effect: Effect, network: Network, images: LabelledImages) -> np.ndarray:
    return effect.fired(network.logits(images.floats()).argmax(axis=1), images.labels)
