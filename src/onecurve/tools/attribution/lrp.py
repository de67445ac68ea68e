"""Layer-wise relevance propagation: each layer distributes the relevance of its outputs over its inputs, from the target logit down.

Relevance of a value is carried as relevance divided by the value. In that form addition, pooling, batch normalisation and
identity shortcuts share out relevance by their ordinary gradients, so only convolutions and activations need a rule, and
nothing can blow up where two branches of a sum cancel.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor, nn

from onecurve.core.evidence import Evidence
from onecurve.core.question import Brief
from onecurve.core.validate import require_among
from onecurve.core.workbench import Meter, Workbench
from onecurve.tools.attribution.machinery.backward_rules import RuledNetwork
from onecurve.tools.attribution.machinery.facts import GradientMaps
from onecurve.tools.attribution.machinery.gradients import BACKWARD, FORWARD, said_or
from onecurve.tools.attribution.machinery.map_checks import SIGNS, Sign
from onecurve.tools.attribution.machinery.one_pass import Attribute, Attributions, OnePass


@final
@dataclass(frozen=True)
class Lrp(GradientMaps):
    """Relevance of the target logit by the rules that suit each kind of layer (Bach et al. 2015; composite of arXiv 1910.09840).

    Linear layers: in proportion to contributions (LRP-0). Convolutions: in proportion to positive contributions (z+), as with LRP-0
    throughout a ReLU network the map is that of input times gradient. First convolution: evenly over what it sees (flat).
    Batch normalisation is folded into convolutions first. Raises ``ModelError`` where the network cannot be normalised.
    """

    name: ClassVar[str] = "lrp"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "relevance handed back layer by layer, positive contributions only in convolutions"
    source: ClassVar[str] = "arXiv 1910.09840"

    sign: Sign = "positive"

    def __post_init__(self) -> None:
        require_among("sign", self.sign, SIGNS)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        return OnePass(_maker, 2 * FORWARD + BACKWARD, "relevance", self.sign).look(brief, workbench)


def _maker(module: nn.Module, shape: tuple[int, int, int], meter: Meter) -> Attribute:
    network = RuledNetwork(module, shape, meter, maps=False, baseline=False)

    def attribute(images: Tensor, target: int | None) -> Attributions:
        forward = network.run(images)
        targets = said_or(target, forward.logits)
        return Attributions(forward.relevance(targets), forward.chosen(targets))

    return attribute
