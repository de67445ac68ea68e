"""Evidence that no tool made: the truth itself, and noise of the same shape. Both calibrate readers.

A reader that cannot use the truth, or that reads something out of noise, says nothing about a tool. Noise keeps the kinds,
sizes and order of the pieces and the strength of the trigger; it keeps no shape, colour or place.
"""

from math import isnan

import numpy as np

from onecurve.core.case import Triggered, Truth
from onecurve.core.evidence import ClassScores, Evidence, HeatMap, Hypothesis, Picture, Piece
from onecurve.core.image.images import Floats
from onecurve.core.image.trigger import Paste, Trigger, sprites
from onecurve.core.question import Brief
from onecurve.core.seeds import generator
from onecurve.tasks.machinery.suspects import suspects_of

SHOWN = 4
"""Pictures of the trigger, and as many of triggered inputs."""
FOUND = 8
"""Inputs on which the flaw is present, where there is no trigger to show with a target."""
GREY = 0.5


def oracle_evidence(truth: Truth, brief: Brief | None = None) -> Evidence:
    """What a perfect tool would show: maps of the brief's suspects if any, the trigger as pictures and as hypothesis.

    A flaw that sends inputs to no class in particular, such as a subgroup that was missing, has no trigger to propose: there inputs on
    which it is present are shown, up to 8. Where the brief does not tell the target, class scores come first: 1 for each target, all 0
    for a clean network.
    """
    pieces: list[Piece] = [*_maps(truth, brief)]
    if brief is None or brief.target is None:
        pieces.append(_scores(truth))
    if truth.trigger is not None and truth.target is not None:
        pieces += _trigger_pictures(truth, truth.trigger)
        pieces.append(Hypothesis(truth.trigger, truth.target, _success(truth), "the trigger that was planted"))
        pieces += _triggered_pictures(truth, SHOWN)
    elif truth.effect.any:
        pieces += _triggered_pictures(truth, FOUND)
    return Evidence(tuple(pieces))


def noise_evidence(truth: Truth, seed: int, brief: Brief | None = None) -> Evidence:
    """The pieces of ``oracle_evidence`` with their content replaced by noise; the brief's target is kept, being told anyway."""
    rng = generator("noise evidence", seed)
    target = None if brief is None else brief.target
    return Evidence(tuple(_noise(piece, truth, target, rng) for piece in oracle_evidence(truth, brief).pieces))


def _maps(truth: Truth, brief: Brief | None) -> tuple[HeatMap, ...]:
    if brief is None or brief.suspects is None or truth.triggered is None or truth.triggered.masks is None:
        return ()
    masks = suspects_of(truth).shown_as(brief.suspects).masks
    if masks is None:
        return ()
    return tuple(HeatMap(mask.astype(np.float32), item, "the trigger's pixels") for item, mask in enumerate(masks))


def _trigger_pictures(truth: Truth, trigger: Trigger) -> tuple[Picture, ...]:
    """The sprites over mid-grey; for any other trigger, what it makes of mid-grey and of held-out clean images."""
    if isinstance(trigger, Paste):
        images = sprites(trigger, GREY)[:SHOWN]
    else:
        plain = truth.heldout.take(slice(0, SHOWN - 1)).floats()
        swatch = np.full((1, *plain.shape[1:]), GREY, np.float32)
        images = trigger.apply(np.concatenate([swatch, plain]), generator("swatch")).images
    return tuple(Picture(image.astype(np.float32), "the trigger") for image in images)


def _triggered_pictures(truth: Truth, count: int) -> tuple[Picture, ...]:
    images = () if truth.triggered is None else truth.triggered.images[:count]
    return tuple(Picture(image, "an input with the trigger") for image in images)


def _success(truth: Truth) -> float:
    """The measured strength, or where none was kept, the share of triggered inputs that the network sends to the target."""
    if not isnan(truth.strength.success):
        return truth.strength.success
    triggered: Triggered | None = truth.triggered
    if triggered is None or len(triggered) == 0:
        return 1.0
    return float(truth.effect.fired(truth.network.logits(triggered.images).argmax(axis=1), triggered.labels).mean())


def _scores(truth: Truth) -> ClassScores:
    values = np.zeros(truth.population.classes, np.float32)
    values[list(truth.targets)] = 1
    return ClassScores(values, "1 for each target class")


def _noise(piece: Piece, truth: Truth, target: int | None, rng: np.random.Generator) -> Piece:
    if isinstance(piece, Picture):
        return Picture(_uniform(piece.image.shape, rng), "noise")
    if isinstance(piece, HeatMap):
        return HeatMap(_uniform(piece.values.shape, rng), piece.item, "noise")
    if isinstance(piece, Hypothesis):
        aimed = int(rng.integers(truth.population.classes)) if target is None else target
        return Hypothesis(piece.trigger.scrambled(rng), aimed, piece.success, "noise")
    assert isinstance(piece, ClassScores), "the oracle shows no other kind of piece"
    return ClassScores(_uniform(piece.values.shape, rng), "noise")


def _uniform(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    return rng.random(shape, np.float32)
