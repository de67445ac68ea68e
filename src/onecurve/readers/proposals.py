"""Which of the evidence's hypotheses a reader can use: those that fit the images and aim at the suspected class.

A tool told the target may still propose triggers for other classes; those are used only if there is none for the target.
"""

import numpy as np

from onecurve.core.errors import AnswerError
from onecurve.core.evidence import Evidence, Hypothesis
from onecurve.core.images import Floats

MOST = 8
"""Hypotheses used at most, the first ones: the most telling come first."""


def usable(evidence: Evidence, target: int | None, images: Floats) -> tuple[Hypothesis, ...]:
    """At most ``MOST`` hypotheses that can be applied to images like the given ones (N x C x H x W)."""
    found = evidence.hypotheses()
    aimed = tuple(found_one for found_one in found if target is None or found_one.target == target) or found
    return tuple(proposal for proposal in aimed if _fits(proposal, images[:1]))[:MOST]


def _fits(proposal: Hypothesis, images: Floats) -> bool:
    try:
        proposal.trigger.apply(images, np.random.default_rng(0))
    except AnswerError:
        return False
    return True
