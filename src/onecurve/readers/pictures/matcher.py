"""Reads pictures: which option of the lineup do they show?

Noise and clean images look more like some options than like others. So the reader compares every likeness with theirs, and without evidence
it favours no option.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from onecurve.core.access import Access
from onecurve.core.answer import Answer
from onecurve.core.evidence import Evidence, HeatMap, Hypothesis, Picture, Pieces
from onecurve.core.image.images import Floats
from onecurve.core.question import Form, Forms, Question, Weigh
from onecurve.core.workbench import Workbench
from onecurve.readers.machinery.embedder import ClassicalEmbedder
from onecurve.readers.machinery.likeness import Shown, likeness_weights
from onecurve.readers.machinery.looking import read_pictures, require_sharpness


@final
@dataclass(frozen=True)
class Matcher:
    """Turns evidence into weights over a lineup by the similarity of pictures.

    Each aspect of likeness is standardised, per option, by its mean and deviation over seeded noise and clean images of the
    subject framed like the evidence: that is the option's prior. Aspects are weighed by how well they tell the lineup's own
    pictures apart; the sum is standardised again, averaged over the pictures, and goes through a softmax.
    """

    name: ClassVar[str] = "matcher"
    version: ClassVar[int] = 3
    summary: ClassVar[str] = "which option the pictures look like, by colour and form"
    source: ClassVar[str] = "baseline; in the place of CLIP in 2302.10894"
    needs: ClassVar[Access] = Access.NONE
    reads: ClassVar[Pieces] = (Picture, Hypothesis, HeatMap)
    answers: ClassVar[Forms] = (Form.LINEUP,)

    sharpness: float = 1.5
    """Factor of the standardised likeness inside the softmax (an inverse temperature).

    Of 1 to 6 the one with the least log loss on 120 sampled lineups (patches, styles and natural features) over degraded evidence: the
    trigger true, blurred, noisy, half, recoloured, shifted, mixed with noise, in one and in eight images, and noise alone.
    """

    def __post_init__(self) -> None:
        require_sharpness(self.sharpness)

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """One row over the options; Abstain where there is nothing to look at."""

        def weigh(shown: Shown, lineup: Weigh) -> Floats:
            return likeness_weights(shown, lineup, ClassicalEmbedder(), self.sharpness, workbench.seed)

        return read_pictures(self.name, question, evidence, workbench, weigh)
