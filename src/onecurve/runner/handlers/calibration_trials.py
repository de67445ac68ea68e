"""Calibration of lineup readers: true triggers must be read right, noise and clean networks no better than chance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.answer import Abstain, Weights, checked, normalised
from onecurve.core.case import Population, Strength, Subject, Truth
from onecurve.core.display import Calibration
from onecurve.core.errors import DataError
from onecurve.core.evidence import Evidence, HeatMap
from onecurve.core.image.images import LabelledImages
from onecurve.core.network import ConstantNetwork
from onecurve.core.question import Brief, Weigh
from onecurve.core.roles import Reader
from onecurve.core.seeds import generator, seed_for
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part, at_most_held
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.planting.recipe import Recipe
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import Plan
from onecurve.statistics.intervals import wilson
from onecurve.tasks.machinery.controls import noise_evidence, oracle_evidence

EXAMPLES = 64
"""Held-out images from which the triggered examples of a lineup are drawn."""
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


def calibrated(reader: Reader, kind: str, recipe: Recipe, subject: Subject, seed: int, conditions: Conditions) -> list[Calibration]:
    """One record per condition on lineups of that kind of flaw; none where the set cannot carry that kind."""
    truths, seen = list(_truths(kind, recipe, seed, conditions.lineups)), conditions.seen
    if not truths:
        return []
    trial = _Trial(reader, subject, seed)
    briefs = [Brief(truth.target) for truth in truths]
    true = [(truth, oracle_evidence(truth, brief)) for truth, brief in zip(truths, briefs, strict=True)]
    noise = [(truth, noise_evidence(truth, seed_for(seed, n), brief)) for n, (truth, brief) in enumerate(zip(truths, briefs, strict=True))]
    found = [trial.record("true trigger", kind, true), trial.record("noise", kind, noise)]
    if conditions.maps:
        found += _of_maps(trial, kind, truths, seed)
    for tool in dict.fromkeys(tool for tool, _ in seen):
        clean = [evidence for name, evidence in seen if name == tool]
        pairs = [(truth, clean[n % len(clean)]) for n, truth in enumerate(truths[: READ_CLEAN * len(clean)])]
        found.append(trial.record(f"clean network: {tool}", kind, pairs))
    return found


def _of_maps(trial: "_Trial", kind: str, truths: Sequence[Truth], seed: int) -> list[Calibration]:
    """Records of heat maps alone, for flaws that have a place: right ones of suspects, and noise over clean images.

    Noise over suspects would not do for a null: their pieces show the trigger to whoever looks at them, map or no map.
    """
    right, aimless = [], []
    for number, truth in enumerate(truths):
        if truth.triggered is not None and truth.triggered.masks is not None:
            suspects, clean = truth.triggered.images, truth.heldout.take(slice(0, len(truth.triggered))).floats()
            rng = generator("noise maps", seed, number)
            noise = tuple(HeatMap(rng.random(clean.shape[2:], np.float32), item) for item in range(len(clean)))
            brief = Brief(truth.target, suspects)
            right.append((truth, Evidence(oracle_evidence(truth, brief).heat_maps()), brief))
            aimless.append((truth, Evidence(noise), Brief(truth.target, clean)))
    conditions = {"right maps": right, "noise maps of clean images": aimless} if right else {}
    return [
        trial.record(condition, kind, [(truth, evidence) for truth, evidence, _ in found], [brief for *_, brief in found])
        for condition, found in conditions.items()
    ]


class _Trial:
    """Reads lineups and counts."""

    def __init__(self, reader: Reader, subject: Subject, seed: int) -> None:
        self._reader = reader
        self._subject = subject.without_network()
        self._seed = seed

    def record(
        self, condition: str, kind: str, pairs: Sequence[tuple[Truth, Evidence]], briefs: Sequence[Brief] | None = None
    ) -> Calibration:
        """Of these pairs, asked with their briefs or with the target alone."""
        asked = briefs or [Brief(truth.target) for truth, _ in pairs]
        masses = [self._read(truth, brief, evidence, n) for n, ((truth, evidence), brief) in enumerate(zip(pairs, asked, strict=True))]
        correct = round(sum(top for top, _ in masses))
        share = wilson(correct, len(pairs))
        mean = float(np.mean([mass for _, mass in masses]))
        chance = float(np.mean([1 / len(truth.options) for truth, _ in pairs]))
        return Calibration(type(self._reader).name, condition, kind, len(pairs), correct, mean, chance, share.low, share.high)

    def _read(self, truth: Truth, brief: Brief, evidence: Evidence, number: int) -> tuple[float, float]:
        """Credit for the top option (shared in ties) and mass on the right one."""
        names = tuple(option.name for option in truth.options)
        question = Weigh(brief, 1, names, truth.options)
        budget = Budget(0.0)
        workbench = Workbench(self._subject, budget, Meter(budget), seed_for(self._seed, number))
        answer = checked(question, self._reader.read(question, evidence, workbench))
        if isinstance(answer, Abstain) or not isinstance(answer, Weights) or truth.right is None:
            return 1 / len(names), 1 / len(names)
        shares = normalised(answer)[0]
        top = np.isclose(shares, shares.max())
        return float(top[truth.right] / top.sum()), float(shares[truth.right])


def _truths(kind: str, recipe: Recipe, seed: int, lineups: int) -> Iterator[Truth]:
    dataset = open_data(recipe.data)
    count = at_most_held(dataset, Part.HELDOUT, EXAMPLES * (4 if dataset.features else 1))
    drawn = dataset.draw(Part.HELDOUT, count, seed_for(seed, "calibration"))
    context = FlawContext(dataset, drawn.floats()[:3])
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
