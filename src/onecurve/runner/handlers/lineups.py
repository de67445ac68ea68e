"""Lineups on which readers are calibrated: true triggers must be read right, noise and clean networks no better than chance.

They are made here, beside the truth, and read in an untrusted process that is given questions and evidence alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.case import Population, Strength, Truth
from onecurve.core.errors import DataError
from onecurve.core.evidence import Evidence, HeatMap
from onecurve.core.image.images import LabelledImages
from onecurve.core.network import ConstantNetwork
from onecurve.core.question import Brief, Weigh
from onecurve.core.seeds import generator, seed_for
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part, at_most_held
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.planting.recipe import Recipe
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import Plan
from onecurve.runner.handlers.ladder import ladder_of
from onecurve.tasks.machinery.controls import noise_evidence, oracle_evidence

EXAMPLES = 64
"""Held-out images from which the triggered examples of a lineup are drawn."""
BACKDROPS = 3
"""Images on which the options are drawn."""
READ_CLEAN = 4
"""Lineups of each kind that each piece of evidence from a clean network is read against."""


@final
@dataclass(frozen=True)
class Conditions:
    """What a reader of lineups is tried on."""

    lineups: int
    seen: Sequence[tuple[str, Evidence]]
    """Evidence of tools that looked at clean networks, with their names."""
    maps: bool
    """Whether heat maps are read as well: right ones of suspects, and noise over clean images."""
    ladder: bool = False
    """Whether damaged evidence is read as well, rung by rung (see ``ladder``)."""


@final
@dataclass(frozen=True)
class Trial:
    """One lineup to be read under one condition."""

    condition: str
    number: int
    """Among the trials of its condition; the reader's seed follows from it."""
    question: Weigh
    evidence: Evidence
    right: int
    """Which option is right; never given to the reader."""


def trials_of(kind: str, recipe: Recipe, seed: int, conditions: Conditions) -> list[Trial]:
    """The trials of all conditions on lineups of that kind of flaw; none where the set cannot carry that kind."""
    truths, seen = list(_truths(kind, recipe, seed, conditions.lineups)), conditions.seen
    if not truths:
        return []
    briefs = [Brief(truth.target) for truth in truths]
    true = [oracle_evidence(truth, brief) for truth, brief in zip(truths, briefs, strict=True)]
    noise = [noise_evidence(truth, seed_for(seed, n), brief) for n, (truth, brief) in enumerate(zip(truths, briefs, strict=True))]
    found = [*_trials("true trigger", truths, briefs, true), *_trials("noise", truths, briefs, noise)]
    if conditions.maps:
        found += _of_maps(truths, seed)
    if conditions.ladder:
        rungs = [ladder_of(truth, brief, seed_for(seed, "ladder", n)) for n, (truth, brief) in enumerate(zip(truths, briefs, strict=True))]
        for name in rungs[0]:
            found += _trials(name, truths, briefs, [rung[name] for rung in rungs])
    for tool in dict.fromkeys(tool for tool, _ in seen):
        clean = [evidence for name, evidence in seen if name == tool]
        some = truths[: READ_CLEAN * len(clean)]
        found += _trials(f"clean network: {tool}", some, briefs[: len(some)], [clean[n % len(clean)] for n in range(len(some))])
    return found


def _trials(condition: str, truths: Sequence[Truth], briefs: Sequence[Brief], shown: Sequence[Evidence]) -> list[Trial]:
    found = []
    for number, (truth, brief, evidence) in enumerate(zip(truths, briefs, shown, strict=True)):
        assert truth.right is not None, "lineups have a right option"
        names = tuple(option.name for option in truth.options)
        found.append(Trial(condition, number, Weigh(brief, 1, names, truth.options), evidence, truth.right))
    return found


def _of_maps(truths: Sequence[Truth], seed: int) -> list[Trial]:
    """Trials of heat maps alone, for flaws that have a place: right ones of suspects, and noise over clean images.

    Noise over suspects would not do for a null: their pieces show the trigger to every reader, map or no map.
    """
    placed, suspected, clean_briefs, right, aimless = [], [], [], [], []
    for number, truth in enumerate(truths):
        if truth.triggered is not None and truth.triggered.masks is not None:
            clean = truth.heldout.take(slice(0, len(truth.triggered))).floats()
            rng = generator("noise maps", seed, number)
            brief = Brief(truth.target, truth.triggered.images)
            placed.append(truth)
            suspected.append(brief)
            clean_briefs.append(Brief(truth.target, clean))
            right.append(Evidence(oracle_evidence(truth, brief).heat_maps()))
            aimless.append(Evidence(tuple(HeatMap(rng.random(clean.shape[2:], np.float32), item) for item in range(len(clean)))))
    return [
        *_trials("right maps", placed, suspected, right),
        *_trials("noise maps of clean images", placed, clean_briefs, aimless),
    ]


def _truths(kind: str, recipe: Recipe, seed: int, lineups: int) -> Iterator[Truth]:
    dataset = open_data(recipe.data)
    count = at_most_held(dataset, Part.HELDOUT, EXAMPLES * (4 if dataset.features else 1))
    drawn = dataset.draw(Part.HELDOUT, count, seed_for(seed, "calibration"))
    # Options are drawn on other images than those that evidence shows: the same picture on both sides would be read by anybody.
    context, drawn = FlawContext(dataset, drawn.floats()[-BACKDROPS:]), drawn.take(slice(0, -BACKDROPS))
    flaw = FLAWS.make(kind)
    for number in range(lineups):
        try:
            plan = flaw.sample(context, generator(seed, kind, number))
        except DataError:
            return
        if not plan.options:
            return
        yield _truth(plan, drawn, seed_for(seed, kind, number, "examples"))


def _truth(plan: Plan, drawn: LabelledImages, seed: int) -> Truth:
    rng = np.random.default_rng(seed)
    no_network = ConstantNetwork(np.zeros(1, np.float32))
    return Truth(
        flaw=plan.kind,
        effect=plan.effect,
        targets=plan.effect.targets,
        words=plan.words,
        trigger=plan.trigger,
        options=plan.options,
        right=plan.right,
        heldout=drawn,
        triggered=plan.scheme.triggered(drawn, 8, rng),
        bystanders=None,
        network=no_network,
        twin=no_network,
        strength=Strength(1.0, 1.0, success=1.0),
        population=Population(0.0, 1, 1),
    )
