"""Searches for triggers of many classes at once, with one interface for patches and for changes of the whole image."""

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np

from onecurve.auditing.examined import Examined
from onecurve.auditing.looks.machinery.effort import Effort
from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.image.images import Ints, LabelledImages
from onecurve.core.image.paste import Paste
from onecurve.core.image.trigger import Trigger
from onecurve.core.workbench import Budget, Workbench
from onecurve.models.network import evaluating
from onecurve.tools.inversion.machinery.class_search import COST, InversionRecipe
from onecurve.tools.inversion.machinery.cost_schedule import ScheduleConstants
from onecurve.tools.inversion.machinery.style_search import PIXELS, restyle
from onecurve.tools.inversion.machinery.trigger_inversion import NORM_PIXELS, invert
from onecurve.tools.inversion.machinery.universal import Perturbation

THRESHOLD = 0.95
"""Share of the images of a step that a trigger must send to its class to be kept; Neural Cleanse takes .99, which not every network lets
any trigger reach."""
STYLE_THRESHOLD = 0.9
RATE, STYLE_RATE = 0.3, 0.1
"""Learning rates of the two searches, those of the tools."""


SPARSE = Perturbation(area=0.03, bound=1.0)
"""A few pixels that change altogether."""
FAINT = Perturbation(area=1.0, bound=0.03)
"""All pixels, each a little."""


@final
@dataclass(frozen=True)
class Found:
    """The smallest trigger of each of K classes."""

    classes: Ints
    """int64 K."""
    sizes: np.ndarray
    """float64 K: share of the image that the trigger takes up, in (0, 1]; infinite where none was found."""
    triggers: tuple[Trigger | None, ...]


class Inverter(Protocol):
    """A search for the smallest trigger of each class."""

    @property
    def unit(self) -> str:
        """What a size is: `of the image's area`."""
        ...

    @property
    def screen(self) -> Perturbation:
        """How classes are screened for such triggers where the time does not pay for a search of each."""
        ...

    def search(self, examined: Examined, classes: Ints, effort: Effort, seed: int) -> Found:
        """Search all ``classes`` together on the images of the search."""
        ...


@final
@dataclass(frozen=True)
class PatchInverter:
    """Mask and pattern of Neural Cleanse (IEEE S&P 2019)."""

    unit: str = "of the image's area"
    screen: Perturbation = SPARSE

    def search(self, examined: Examined, classes: Ints, effort: Effort, seed: int) -> Found:
        recipe = InversionRecipe(effort.steps, effort.images, RATE, ScheduleConstants(THRESHOLD))
        workbench = workbench_of(examined, len(classes) * effort.pairs, seed)
        with evaluating(examined.module):
            done = invert(examined.module, examined.search, classes, recipe, workbench)
        triggers = tuple(
            Paste(done.patterns[row : row + 1], done.masks[row : row + 1], place=(0, 0)) if found else None
            for row, found in enumerate(done.found)
        )
        return Found(classes, done.norms / NORM_PIXELS, triggers)


@final
@dataclass(frozen=True)
class StyleInverter:
    """Colour matrix, offset and texture of `style-inversion`."""

    unit: str = "of the pixels' range, on average"
    screen: Perturbation = FAINT

    def search(self, examined: Examined, classes: Ints, effort: Effort, seed: int) -> Found:
        recipe = InversionRecipe(effort.steps, effort.images, STYLE_RATE, ScheduleConstants(STYLE_THRESHOLD))
        workbench = workbench_of(examined, len(classes) * effort.pairs, seed)
        with evaluating(examined.module):
            done = restyle(examined.module, examined.search, classes, recipe, workbench, 0.0)
        triggers = tuple(done.trigger(row) if np.isfinite(size) else None for row, size in enumerate(done.sizes))
        return Found(classes, done.sizes / PIXELS, triggers)


def workbench_of(examined: Examined, pairs: float, seed: int) -> Workbench:
    """A workbench whose budget pays for so many pairs more."""
    clean: LabelledImages = examined.search
    subject = Subject("audited", examined.network, examined.class_names, examined.shape, Access.QUERIES | Access.WEIGHTS, clean)
    return Workbench(subject, Budget(examined.meter.equivalents + COST * (pairs + 1)), examined.meter, seed, device=examined.device)
