"""The clean images that the network gets wrong, of the class where errors are most in excess: what an engineer looks at first."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import log_softmax
from scipy.stats import binom

from onecurve.core.access import Access
from onecurve.core.evidence import DataRows, Evidence, Picture, Pieces, Text
from onecurve.core.image.images import Floats, Ints
from onecurve.core.question import Brief
from onecurve.core.row import Role
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.tools.machinery.clean_split import affordable_part
from onecurve.tools.machinery.to_picture import picture_of


@final
@dataclass(frozen=True)
class ErrorImages:
    """Misclassified clean images, the most confident errors first.

    With a target, errors that name it. Without one, errors on the class whose error count is least likely under the error rate of the
    other classes (upper tail of the binomial distribution); a subgroup that the network never learnt shows there.
    """

    name: ClassVar[str] = "error-images"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "clean images that the network gets wrong, where errors are most in excess"
    source: ClassVar[str] = "baseline"
    role: ClassVar[Role] = Role.BASELINE
    needs: ClassVar[Access] = Access.QUERIES | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    shows: ClassVar[Pieces] = (Picture, DataRows, Text)

    shown: int = 8
    """How many images are shown."""

    def __post_init__(self) -> None:
        require_within("shown", self.shown, 1)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """Pictures, their rows of the clean set, and one sentence; nothing where there are no such errors, or no budget."""
        affordable = affordable_part(workbench)
        rows, part = affordable.rows, affordable.images
        if len(rows) == 0:
            return Evidence()
        chances: Floats = log_softmax(workbench.subject.granted_network().logits(part.floats()), axis=1)
        said = chances.argmax(axis=1)
        wrong = said != part.labels
        counted, names = f"{int(wrong.sum())} of {len(rows)} clean images are wrong", workbench.subject.class_names
        if brief.target is not None:
            chosen, words = wrong & (said == brief.target), f"{counted}; these are called `{names[brief.target]}`"
        else:
            worst = most_in_excess(part.labels, wrong, len(names))
            chosen, words = wrong & (part.labels == worst), f"{counted}, most in excess among `{names[worst]}`"
        # How much more the network believes its own answer than the label.
        lead = chances[np.arange(len(rows)), said] - chances[np.arange(len(rows)), part.labels]
        at = np.flatnonzero(chosen)[np.argsort(-lead[chosen], kind="stable")][: self.shown]
        if len(at) == 0:
            return Evidence()
        pictures = [
            picture_of(image, f"a `{names[label]}` called `{names[answer]}`")
            for image, label, answer in zip(part.take(at).floats(), part.labels[at], said[at], strict=True)
        ]
        told = DataRows(rows[at], lead[at].astype(np.float32), "log-odds of the error over the label")
        return Evidence((*pictures, told, Text(words)))


def most_in_excess(labels: Ints, wrong: np.ndarray, classes: int) -> int:
    """The class whose errors are least likely at the error rate of the other classes; the first of equals."""
    images, errors = np.bincount(labels, minlength=classes), np.bincount(labels, wrong, minlength=classes)
    others = images.sum() - images
    # One error more than was seen, so that no rate is 0.
    rate = (errors.sum() - errors + 1) / (others + 2)
    return int(binom.logsf(errors - 1, images, rate).argmin())
