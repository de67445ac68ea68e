"""Guided backpropagation and deconvolution: the gradient with another way back through ReLUs.

They run on a normalised network, in which every ReLU is a module of its own. A method that looks for modules in a network
written with functional ReLUs finds none and returns the plain gradient.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, final

from torch import Tensor, nn

from onecurve.core.access import Access
from onecurve.core.evidence import Evidence, HeatMap, Pieces
from onecurve.core.question import Brief
from onecurve.core.validate import require_among
from onecurve.core.workbench import Meter, Workbench
from onecurve.tools.attribution.machinery.backward_rules import RuledNetwork
from onecurve.tools.attribution.machinery.gradients import GRADIENT, said_or
from onecurve.tools.attribution.machinery.map_checks import SIGNS, Sign
from onecurve.tools.attribution.machinery.one_pass import Attribute, Attributions, OnePass
from onecurve.tools.attribution.machinery.rule_modules import Rule

NO_RECTIFIER = "degenerate: the network has no ReLU, so this is the plain gradient"


@final
@dataclass(frozen=True)
class GuidedBackprop:
    """The gradient that passes a ReLU only where input and gradient are positive (Springenberg et al., arXiv 1412.6806).

    ReLU6 is treated likewise; other activations keep their gradient. Raises ``ModelError`` where the network cannot be normalised.
    """

    name: ClassVar[str] = "guided-backprop"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "gradient that passes ReLUs where input and gradient are positive"
    source: ClassVar[str] = "arXiv 1412.6806"
    needs: ClassVar[Access] = Access.WEIGHTS | Access.SUSPECTS
    shows: ClassVar[Pieces] = (HeatMap,)

    sign: Sign = "absolute"

    def __post_init__(self) -> None:
        require_among("sign", self.sign, SIGNS)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects."""
        maker = partial(_maker, rule=Rule.GUIDED)
        return OnePass(maker, GRADIENT, "guided backpropagation", self.sign).look(brief, workbench)


@final
@dataclass(frozen=True)
class Deconvolution:
    """The gradient that passes a ReLU wherever it is positive itself (Zeiler & Fergus, arXiv 1311.2901).

    ReLU6 is treated likewise; other activations keep their gradient. Raises ``ModelError`` where the network cannot be normalised.
    """

    name: ClassVar[str] = "deconvolution"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "gradient that passes ReLUs where it is positive"
    source: ClassVar[str] = "arXiv 1311.2901"
    needs: ClassVar[Access] = Access.WEIGHTS | Access.SUSPECTS
    shows: ClassVar[Pieces] = (HeatMap,)

    sign: Sign = "absolute"

    def __post_init__(self) -> None:
        require_among("sign", self.sign, SIGNS)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects."""
        maker = partial(_maker, rule=Rule.DECONVOLUTION)
        return OnePass(maker, GRADIENT, "deconvolution", self.sign).look(brief, workbench)


def _maker(module: nn.Module, shape: tuple[int, int, int], meter: Meter, *, rule: Rule) -> Attribute:
    network = RuledNetwork(module, shape, meter)
    note = "" if network.rectifiers else NO_RECTIFIER

    def attribute(images: Tensor, target: int | None) -> Attributions:
        forward = network.run(images)
        return Attributions(forward.back(rule, said_or(target, forward.logits)), note=note)

    return attribute
