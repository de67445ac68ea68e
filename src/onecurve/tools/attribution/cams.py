"""Class activation maps: which places of the last feature maps speak for the target.

The last feature maps are what the network gives just before places are pooled away: in a residual network the sum after its
last ReLU, not the last convolution, which is one branch of that sum. They are a cut of the network's graph (``models.cutting``), so
joined, gated, turned and separately pooled maps are found as well; several tensors of maps add up.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal, final

from torch import Tensor, nn

from onecurve.core.evidence import Evidence, Text
from onecurve.core.question import Brief
from onecurve.core.validate import require_among
from onecurve.core.workbench import Meter, Workbench
from onecurve.tools.attribution.machinery.backward_rules import RuledNetwork
from onecurve.tools.attribution.machinery.class_activation import grad_cam, hires_cam
from onecurve.tools.attribution.machinery.facts import ArchitectureMaps
from onecurve.tools.attribution.machinery.gradients import BACKWARD, FORWARD, GRADIENT, said_or
from onecurve.tools.attribution.machinery.map_checks import SIGNS, Sign
from onecurve.tools.attribution.machinery.one_pass import Attribute, Attributions, OnePass
from onecurve.tools.attribution.machinery.rule_modules import Rule

NO_MAPS = "not applicable: the network has no feature maps"
Kind = Literal["grad-cam", "hires-cam", "guided"]


@final
@dataclass(frozen=True)
class GradCam(ArchitectureMaps):
    """Feature maps weighted by the mean of their gradients, positive part, bilinearly enlarged (Selvaraju et al., arXiv 1610.02391).

    Raises ``ModelError`` where the network cannot be normalised.
    """

    name: ClassVar[str] = "grad-cam"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "last feature maps weighted by their mean gradients"
    source: ClassVar[str] = "arXiv 1610.02391"

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects, a word where there are no feature maps."""
        return _look("grad-cam", GRADIENT, "positive", brief, workbench)


@final
@dataclass(frozen=True)
class HiResCam(ArchitectureMaps):
    """Feature maps times their gradients, place by place, positive part, bilinearly enlarged (Draelos & Carin, arXiv 2011.08891).

    Raises ``ModelError`` where the network cannot be normalised.
    """

    name: ClassVar[str] = "hires-cam"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "last feature maps times their gradients"
    source: ClassVar[str] = "arXiv 2011.08891"

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects, a word where there are no feature maps."""
        return _look("hires-cam", GRADIENT, "positive", brief, workbench)


@final
@dataclass(frozen=True)
class GuidedGradCam(ArchitectureMaps):
    """Guided backpropagation times Grad-CAM (Selvaraju et al., arXiv 1610.02391).

    Raises ``ModelError`` where the network cannot be normalised.
    """

    name: ClassVar[str] = "guided-grad-cam"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "guided backpropagation where Grad-CAM is positive"
    source: ClassVar[str] = "arXiv 1610.02391"

    sign: Sign = "absolute"

    def __post_init__(self) -> None:
        require_among("sign", self.sign, SIGNS)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects, a word where there are no feature maps."""
        return _look("guided", FORWARD + 2 * BACKWARD, self.sign, brief, workbench)


def _look(kind: Kind, cost: int, sign: Sign, brief: Brief, workbench: Workbench) -> Evidence:
    try:
        return OnePass(partial(_maker, kind=kind), cost, kind, sign).look(brief, workbench)
    except _NoMapsError:
        return Evidence((Text(NO_MAPS),))


class _NoMapsError(Exception):
    """The network has no feature maps."""


def _maker(module: nn.Module, shape: tuple[int, int, int], meter: Meter, *, kind: Kind) -> Attribute:
    network = RuledNetwork(module, shape, meter, baseline=False)
    if not network.maps_of:
        raise _NoMapsError
    size = shape[1:]

    def attribute(images: Tensor, target: int | None) -> Attributions:
        forward = network.run(images)
        targets = said_or(target, forward.logits)
        gradient = forward.maps_gradient(targets)
        cam = (hires_cam if kind == "hires-cam" else grad_cam)(forward.maps, gradient, size)
        values = forward.back(Rule.GUIDED, targets) * cam if kind == "guided" else cam
        return Attributions(values, note=f"feature maps of {network.maps_of}")

    return attribute
