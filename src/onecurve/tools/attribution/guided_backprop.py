"""Guided backpropagation and deconvolution: the gradient with another way back through ReLUs.

They run on a normalised network, in which every ReLU is a module of its own, however it is written. A method that looks for modules in
a network written with functional ReLUs finds none and returns the plain gradient.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, final

from torch import Tensor, nn

from onecurve.core.evidence import Evidence
from onecurve.core.question import Brief
from onecurve.core.workbench import Meter, Workbench
from onecurve.tools.attribution.machinery.backward_rules import RuledNetwork
from onecurve.tools.attribution.machinery.facts import SignedGradientMaps
from onecurve.tools.attribution.machinery.gradients import GRADIENT, said_or
from onecurve.tools.attribution.machinery.one_pass import Attribute, Attributions, OnePass
from onecurve.tools.attribution.machinery.rule_modules import Rule

NO_RECTIFIER = "degenerate: the network has no ReLU, so this is the plain gradient"


@final
@dataclass(frozen=True)
class GuidedBackprop(SignedGradientMaps):
    """The gradient that passes a ReLU only where input and gradient are positive (Springenberg et al., arXiv 1412.6806).

    A ReLU with a ceiling is treated likewise; other activations keep their gradient, and the caption says so. Raises ``ModelError``
    where the network cannot be normalised.
    """

    name: ClassVar[str] = "guided-backprop"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "gradient that passes ReLUs where input and gradient are positive"
    source: ClassVar[str] = "arXiv 1412.6806"

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        maker = partial(_maker, rule=Rule.GUIDED)
        return OnePass(maker, GRADIENT, "guided backpropagation", self.sign).look(brief, workbench)


@final
@dataclass(frozen=True)
class Deconvolution(SignedGradientMaps):
    """The gradient that passes a ReLU wherever it is positive itself (Zeiler & Fergus, arXiv 1311.2901).

    A ReLU with a ceiling is treated likewise; other activations keep their gradient, and the caption says so. Raises ``ModelError``
    where the network cannot be normalised.
    """

    name: ClassVar[str] = "deconvolution"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "gradient that passes ReLUs where it is positive"
    source: ClassVar[str] = "arXiv 1311.2901"

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        maker = partial(_maker, rule=Rule.DECONVOLUTION)
        return OnePass(maker, GRADIENT, "deconvolution", self.sign).look(brief, workbench)


def _told(others: int, activations: int) -> str:
    return f"{others} of {activations} activations are no ReLU and keep the gradient" if others else ""


def _maker(module: nn.Module, shape: tuple[int, int, int], meter: Meter, *, rule: Rule) -> Attribute:
    network = RuledNetwork(module, shape, meter, maps=False, baseline=False)
    note = NO_RECTIFIER if network.rectifiers == 0 else _told(network.others, network.rectifiers + network.others)

    def attribute(images: Tensor, target: int | None) -> Attributions:
        forward = network.run(images)
        return Attributions(forward.back(rule, said_or(target, forward.logits)), note=note)

    return attribute
