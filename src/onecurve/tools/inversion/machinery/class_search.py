"""How a search for all classes at once spends its budget: what is kept for trials, images per step, and when it stops."""

from dataclasses import dataclass, field
from typing import Protocol, final

import numpy as np

from onecurve.core.image.images import Bools, Ints, LabelledImages
from onecurve.core.question import Brief
from onecurve.core.workbench import Workbench
from onecurve.tools.inversion.machinery.cost_schedule import CostSchedule, ScheduleConstants
from onecurve.tools.inversion.machinery.pairs import Pairs
from onecurve.tools.machinery.clean_split import split_clean

COST = 3
"""Forward-equivalents per pair and step: one forward, one backward."""
TRIAL_IMAGES = 64
"""At most so many clean images, not used in the search, measure the attack success rate of each trigger."""
TRIAL_SHARE = 0.1
"""At most this share of the budget is kept for that."""
FEWEST_STEPS = 8
"""With fewer steps no trigger can shrink, so no search starts."""
FEWEST_IMAGES, MOST_IMAGES = 2, 64
"""Images per class and step."""


@final
@dataclass(frozen=True)
class InversionRecipe:
    """How the search goes on."""

    steps: int = 400
    images_per_step: int = 32
    learning_rate: float = 0.1
    schedule: ScheduleConstants = field(default_factory=ScheduleConstants)


@final
@dataclass(frozen=True)
class Means:
    """What a search for K classes has."""

    classes: Ints
    """int64 K; all, or the target of the brief."""
    images: LabelledImages
    """Clean images to search on."""
    trial: LabelledImages
    """Clean images, not among these, that measure the attack success rate."""
    reserve: float
    """Forward-equivalents that the search leaves for that."""
    images_per_step: int


def means_of(brief: Brief, workbench: Workbench, steps_wanted: int) -> Means | None:
    """The budget pays for ``steps_wanted`` steps first; what is left pays for more images per step. None where it pays for too few."""
    subject = workbench.subject
    split = split_clean(subject.granted_clean(), workbench.rng)
    classes = np.arange(subject.classes) if brief.target is None else np.array([brief.target])
    trial = split.trial.take(slice(min(TRIAL_IMAGES, int(TRIAL_SHARE * workbench.remaining / len(classes)))))
    reserve = len(classes) * len(trial)
    each = (workbench.remaining - reserve) / (COST * len(classes))
    if each < FEWEST_STEPS * FEWEST_IMAGES:
        return None
    return Means(classes, split.search, trial, reserve, int(np.clip(each / steps_wanted, FEWEST_IMAGES, MOST_IMAGES)))


class Search(Protocol):
    """The state of one search over K classes."""

    schedule: CostSchedule

    def draw(self, active: Bools) -> Pairs:
        """The pairs of the next step for the classes (bool K) that still search."""
        ...

    def step(self, pairs: Pairs, active: Bools) -> None:
        """One optimiser step and one check of all classes in the batch."""
        ...


def drive(search: Search, steps: int, workbench: Workbench, reserve: float) -> None:
    """Step until all classes are finished, the steps are made, or only ``reserve`` of the budget is left."""
    for _ in range(steps):
        active = ~search.schedule.finished()
        pairs = search.draw(active)
        if len(pairs.classes) == 0 or COST * len(pairs.classes) > workbench.remaining - reserve:
            break
        search.step(pairs, active)
