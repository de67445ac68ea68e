"""The rounds of a trigger search: every class once, then the smallest again until two searches agree on the smallest."""

from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.auditing.examined import Allowance, Examined
from onecurve.auditing.looks.machinery.effort import (
    REFINED,
    Effort,
    batches_of,
    pairs_per_second,
    screened_effort,
    whole_effort,
)
from onecurve.auditing.looks.machinery.inverters import Found, Inverter
from onecurve.auditing.looks.machinery.screening import Ground, ground_of, screened
from onecurve.core.image.images import Ints
from onecurve.core.image.trigger import Trigger
from onecurve.tools.inversion.machinery.universal import Perturbation

MOST_ROUNDS = 3
"""Searches of the smallest classes with a seed of their own each, the first search included."""


@final
@dataclass(frozen=True)
class Searched:
    """What all rounds found."""

    looked_at: int
    """Classes that were searched at all; fewer than all where the time did not pay for more."""
    screened_on: Ground | None
    """What the screening that left ``classes`` was made on; None where none was needed."""
    classes: Ints
    """int64 K: the classes whose sizes are compared."""
    sizes: np.ndarray
    """float64 K: of one search, which gave every class the same effort."""
    smallest: np.ndarray
    """float64 K: the smallest size of any round."""
    triggers: tuple[Trigger | None, ...]
    """Of that size."""
    effort: Effort
    rounds: int
    stable: bool
    """Whether the last two rounds agree on the smallest class."""


def search_rounds(examined: Examined, inverter: Inverter, order: Ints, allowance: Allowance) -> Searched | None:
    """Search the classes of ``order``, first ones first where the time does not pay for all; None where it pays for none."""
    rate = pairs_per_second(examined)
    plan, ground = whole_effort(len(order), allowance.left, rate), None
    classes = np.sort(order)
    if plan is None:
        ground = ground_of(examined)
        pace = ground.pairs_per_second / inverter.screen.pairs
        plan = screened_effort(len(order), allowance.left, rate, pace)
        if plan is None:
            return None
        classes = _easiest(examined, ground, inverter.screen, order[: plan.classes], allowance)[: plan.kept]
    found = _first(examined, inverter, classes, plan.first, allowance)
    smallest, triggers = found.sizes.copy(), list(found.triggers)
    rounds, stable, leader = 1, False, int(np.argmin(found.sizes))
    while rounds < MOST_ROUNDS and not stable and np.isfinite(found.sizes).any():
        few = np.argsort(found.sizes, kind="stable")[: min(REFINED, len(classes))]
        if len(few) * plan.again.pairs > allowance.left * rate:
            break
        allowance.tell(min(0.95, allowance.spent / max(allowance.seconds, 1e-9)), f"the {len(few)} smallest triggers again")
        more = inverter.search(examined, classes[few], plan.again, examined.seed_of("round", rounds))
        rounds += 1
        for place, row in enumerate(few):
            if more.sizes[place] < smallest[row]:
                smallest[row], triggers[row] = more.sizes[place], more.triggers[place]
        now = int(few[int(np.argmin(more.sizes))])
        stable, leader = now == leader, now
    return Searched(plan.classes, ground, classes, found.sizes, smallest, tuple(triggers), plan.first, rounds, stable)


def _easiest(examined: Examined, ground: Ground, screen: Perturbation, classes: Ints, allowance: Allowance) -> Ints:
    """The same classes, those first to which images are sent most easily."""

    def tell(done: int) -> None:
        allowance.tell(min(0.8, allowance.spent / max(allowance.seconds, 1e-9)), f"{done} of {len(classes)} classes screened")

    return classes[np.argsort(screened(examined, ground, classes, screen, tell), kind="stable")]


def _first(examined: Examined, inverter: Inverter, classes: Ints, effort: Effort, allowance: Allowance) -> Found:
    parts = []
    for number, batch in enumerate(batches_of(classes, examined.shape)):
        done = allowance.spent / max(allowance.seconds, 1e-9)
        allowance.tell(min(0.8, done), f"triggers of {len(batch)} classes")
        parts.append(inverter.search(examined, batch, effort, examined.seed_of("first", number)))
    return Found(classes, np.concatenate([part.sizes for part in parts]), tuple(one for part in parts for one in part.triggers))
