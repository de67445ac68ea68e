"""The plain gradient of the target logit, alone and times the input: one forward and one backward pass."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, final

from torch import Tensor, nn

from onecurve.core.evidence import Evidence
from onecurve.core.question import Brief
from onecurve.core.workbench import Meter, Workbench
from onecurve.models.network import layout_for
from onecurve.tools.attribution.machinery.facts import SignedGradientMaps
from onecurve.tools.attribution.machinery.gradients import GRADIENT, back, said_or
from onecurve.tools.attribution.machinery.one_pass import Attribute, Attributions, OnePass


@final
@dataclass(frozen=True)
class Saliency(SignedGradientMaps):
    """The gradient of the target logit (Simonyan et al., arXiv 1312.6034).

    The paper takes the largest absolute value over the channels; here channels are summed, as in all other attribution maps.
    """

    name: ClassVar[str] = "saliency"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "gradient of the target logit for the pixels"
    source: ClassVar[str] = "arXiv 1312.6034"

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        maker = partial(_maker, times_input=False)
        return OnePass(maker, GRADIENT, "gradient", self.sign).look(brief, workbench)


@final
@dataclass(frozen=True)
class InputXGradient(SignedGradientMaps):
    """The gradient of the target logit times the input in [0, 1] (Shrikumar et al., arXiv 1605.01713): black pixels get nothing."""

    name: ClassVar[str] = "input-x-gradient"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "gradient of the target logit times the pixels"
    source: ClassVar[str] = "arXiv 1605.01713"

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        maker = partial(_maker, times_input=True)
        return OnePass(maker, GRADIENT, "input times gradient", self.sign).look(brief, workbench)


def _maker(module: nn.Module, shape: tuple[int, int, int], meter: Meter, *, times_input: bool) -> Attribute:
    layout = layout_for(module)

    def attribute(images: Tensor, target: int | None) -> Attributions:
        leaf = images.detach().contiguous(memory_format=layout).requires_grad_()
        logits = module(leaf)
        gradient = back(logits, said_or(target, logits), leaf)
        return Attributions(gradient * images if times_input else gradient)

    return attribute
