"""What readers of pictures compare with a lineup: the pictures of the evidence, and images of the subject that show nothing special.

All readers of pictures look at the same, so that where they differ the readers differ and not what they were shown.
"""

from collections.abc import Callable

import numpy as np

from onecurve.core.answer import Abstain, Answer, Weights
from onecurve.core.errors import AnswerError, SpecError
from onecurve.core.evidence import Evidence
from onecurve.core.image.images import Floats
from onecurve.core.question import Question, Weigh
from onecurve.core.seeds import generator
from onecurve.core.workbench import Workbench
from onecurve.readers.machinery.likeness import NULL, Shown, spread
from onecurve.readers.machinery.rendering import cut_anywhere, pictures_of


def require_sharpness(sharpness: float) -> None:
    """Raise ``SpecError`` unless the factor inside a reader's softmax is above 0 and at most 100."""
    if not 0 < sharpness <= 100:
        raise SpecError(f"the sharpness must be above 0 and at most 100, got: {sharpness}")


def read_pictures(
    reader: str, question: Question, evidence: Evidence, workbench: Workbench, weigh: Callable[[Shown, Weigh], Floats]
) -> Answer:
    """One row over the options, as ``weigh`` gives it (float32 O); Abstain where there is nothing to look at.

    Raises ``AnswerError`` for a question that is no lineup whose options are shown.
    """
    lineup = lineup_asked(reader, question)
    shown = shown_by(evidence, lineup, workbench)
    if shown is None:
        return Abstain("the evidence holds nothing to look at")
    return Weights(weigh(shown, lineup)[None])


def lineup_asked(reader: str, question: Question) -> Weigh:
    """The question, if it is a lineup whose options are shown; raises ``AnswerError`` for any other."""
    if not isinstance(question, Weigh) or len(question.shown) != len(question.options):
        raise AnswerError(f"{reader} compares pictures with options that are shown; this question is of another form")
    return question


def shown_by(evidence: Evidence, question: Weigh, workbench: Workbench) -> Shown | None:
    """The pictures of the evidence with null pictures framed like them; None where there is nothing to look at."""
    clean = workbench.subject.clean
    some = np.zeros((0, 3, 1, 1), np.float32) if clean is None else clean.take(spread(len(clean), NULL // 2)).floats()
    shown = pictures_of(evidence, some, generator("matcher", workbench.seed), question.brief.suspects)
    if not shown:
        return None
    if evidence.pictures() or evidence.hypotheses():
        return Shown(shown, list(some))
    # Pieces of images look more like some options than whole images do, whatever lies under the maps.
    return Shown(shown, cut_anywhere(some, shown, generator("pieces", workbench.seed)))
