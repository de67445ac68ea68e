"""Which of the evidence's hypotheses a reader can use: those that fit the images and aim at the suspected class.

A tool that was told the target may also propose triggers for other classes; readers use these only if there is none for the target.
"""

import numpy as np

from onecurve.core.errors import AnswerError
from onecurve.core.evidence import Evidence, Hypothesis
from onecurve.core.image.images import Floats
from onecurve.core.question import Brief
from onecurve.readers.machinery.common_pattern import recurring

MOST = 8
"""Hypotheses used at most, the first ones: the most telling come first."""


def usable(evidence: Evidence, brief: Brief, images: Floats, rng: np.random.Generator) -> tuple[Hypothesis, ...]:
    """At most ``MOST`` hypotheses that can be applied to clean images like the given ones (N x C x H x W).

    Where a tool proposes none, but maps of the suspects that the brief shows, what recurs under the maps is the hypothesis.
    """
    found, target = evidence.hypotheses(), brief.target
    if not found and brief.suspects is not None and target is not None:
        from_maps = recurring(evidence, brief.suspects, target, images, rng)
        found = () if from_maps is None else (from_maps,)
    aimed = tuple(found_one for found_one in found if target is None or found_one.target == target) or found
    return tuple(proposal for proposal in aimed if _fits(proposal, images[:1]))[:MOST]


def why_none(evidence: Evidence) -> str:
    """What the evidence lacks that has no usable hypothesis, for an abstention."""
    if evidence.hypotheses():
        return "no hypothesis that fits the images"
    return "maps under which nothing recurs" if evidence.heat_maps() else "no hypothesis of a trigger"


def _fits(proposal: Hypothesis, images: Floats) -> bool:
    try:
        proposal.trigger.apply(images, np.random.default_rng(0))
    except AnswerError:
        return False
    return True
