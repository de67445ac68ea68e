"""One forward pass, many backward passes: a network whose backward rule at activations and convolutions can be switched.

Guided backpropagation, deconvolution, DeepLift and layer-wise relevance propagation run the network forward unchanged and differ from the
gradient only in the backward pass. So they share one forward pass, and DeepLift's baseline needs one forward pass in all, not one per
input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import torch
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

from onecurve.core.errors import ModelError
from onecurve.core.workbench import Meter
from onecurve.models.cutting import Cut, TapPoint, cut_of
from onecurve.models.metering import Metered
from onecurve.models.network import layout_for
from onecurve.models.normalising import normalise
from onecurve.models.parts import Add
from onecurve.models.recognising import Elementwise, rectifies
from onecurve.tools.attribution.machinery.rule_modules import CHORDS, CLOSE, Activation, Maximum, Rule, Switch, ruled

POSITIVE = (nn.Sigmoid, nn.Softplus, nn.Hardsigmoid, nn.Softmax)
"""Modules that give nothing negative, beside rectifiers."""
PRESERVING = (Add, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Dropout, nn.Identity, nn.Flatten, TapPoint)
"""Modules that give nothing negative where nothing negative goes in."""


@final
class RuledNetwork:
    """A normalised network (batch normalisation folded in) whose backward rule is chosen for each backward pass.

    Passes count on ``meter`` as those of the network itself. Its last feature maps are looked for with ``maps`` only, and
    a baseline can be set with ``baseline`` only. Raises ``ModelError`` where the network cannot be normalised.
    """

    def __init__(self, module: nn.Module, shape: tuple[int, int, int], meter: Meter, *, maps: bool = True, baseline: bool = True) -> None:
        network = normalise(module, shape, folded=True)
        for parameter in network.parameters():
            parameter.requires_grad = False
        self._switch = Switch()
        self._cut = cut_of(network, shape) if maps else Cut()
        activations = _activations(network)
        self.rectifiers = sum(rectifies(part) for part in activations)
        """How many activations guided backpropagation and deconvolution act on."""
        self.others = len(activations) - self.rectifiers
        """How many keep their gradient."""
        self._layout = layout_for(module)
        self._meter = meter
        first, rectified = _first_convolutions(network), _rectified(network)
        whole = tuple(f"{name}." for name, part in network.named_modules() if isinstance(part, Elementwise))
        for name, part in list(network.named_modules()):
            stand_in = None if name.startswith(whole) else ruled(part, self._switch, first=name in first, rectified=name in rectified)
            if stand_in is not None:
                network.set_submodule(name, stand_in)
        self._network = network
        if baseline:
            self._place_images(shape)
        self.module = Metered(network, meter)

    @property
    def maps_of(self) -> str:
        """The layers that give the last feature maps; empty where there are none."""
        return self._cut.name

    def run(self, images: Tensor) -> "ForwardPass":
        """One pass of images N x C x H x W, ready for backward passes under any rule."""
        leaf = images.detach().contiguous(memory_format=self._layout).requires_grad_()
        seen: dict[str, Tensor] = {}
        self._switch.entries.clear()
        handles = [
            self._network.get_submodule(tap.module).register_forward_hook(partial(_keep, seen, tap.module)) for tap in self._cut.taps
        ]
        try:
            with torch.enable_grad():
                logits = self.module(leaf)
        finally:
            for handle in handles:
                handle.remove()
        entries = {id(entry): entry for entry in self._switch.entries}
        self._switch.entries.clear()
        taps = tuple(seen[tap.module] for tap in self._cut.taps)
        return ForwardPass(self._switch, self._meter, leaf, logits, self._cut, taps, tuple(entries.values()))

    @torch.no_grad()
    def set_baseline(self, image: Tensor) -> Tensor:
        """Remember what activations do for one image C x H x W, for ``DIFFERENCE``; gives its logits, K."""
        return self._remembered(self.module, image[None])[0]

    def _remembered(self, module: nn.Module, images: Tensor) -> Tensor:
        self._switch.remembering = True
        try:
            logits: Tensor = module(images.contiguous(memory_format=self._layout))
        finally:
            self._switch.remembering = False
        return logits

    @torch.no_grad()
    def _place_images(self, shape: tuple[int, int, int]) -> None:
        """Find out on noise where each activation has the images of a batch; raises ``ModelError`` where one mixes them."""
        device = next((values.device for values in self._network.parameters()), torch.device("cpu"))
        noise = torch.rand((2, *shape), generator=torch.Generator().manual_seed(0)).to(device)
        baselines = [part.baseline for part in self._network.modules() if isinstance(part, Activation | Maximum)]
        self._remembered(self._network, noise)
        different = [each.before for each in baselines]
        self._remembered(self._network, noise[:1].repeat(2, 1, 1, 1))
        for each, two in zip(baselines, different, strict=True):
            if two is not None and each.before is not None:
                each.place(two, each.before)
            each.remember()


@final
@dataclass(frozen=True, eq=False)
class ForwardPass:
    """The result of one forward pass, from which any number of backward passes start. Each counts as one backward pass of all images."""

    _switch: Switch
    _meter: Meter
    images: Tensor
    logits: Tensor
    """N x K."""
    _cut: Cut
    _taps: tuple[Tensor, ...]
    """The last feature maps, as the network has them."""
    _entries: tuple[Tensor, ...]
    """What goes into the first convolutions: the images after normalisation, padding and the like."""

    @property
    def maps(self) -> tuple[Tensor, ...]:
        """The last feature maps, each N x c x h x w; none where there are no maps."""
        return self._as_maps(self._taps)

    def chosen(self, targets: Tensor) -> Tensor:
        """N: the logit of each image's target (int64 N)."""
        return self.logits.gather(1, targets[:, None])[:, 0]

    def back(self, rule: Rule, targets: Tensor) -> Tensor:
        """N x C x H x W: the target logits' gradient for the images, as ``rule`` has it."""
        return self._back(rule, targets, (self.images,))[0]

    def back_with_maps(self, targets: Tensor, rule: Rule = Rule.GRADIENT) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The same, and the gradients for the last feature maps; raises ``ModelError`` where there are none."""
        self._require_maps()
        images, *maps = self._back(rule, targets, (self.images, *self._taps))
        return images, self._as_maps(maps)

    def maps_gradient(self, targets: Tensor) -> tuple[Tensor, ...]:
        """The gradients for the last feature maps alone, which need no way back below them."""
        self._require_maps()
        return self._as_maps(self._back(Rule.GRADIENT, targets, self._taps))

    def relevance(self, targets: Tensor) -> Tensor:
        """N x C x H x W: how much of the target logit each value of the images is held to account for.

        A first convolution spreads relevance evenly over what it sees, as pixels have no natural zero; from there it goes back to
        the pixel that each value was made of. A network without a first convolution gives images times modified gradient.
        Counts as one more forward pass, as every convolution runs again on its positive contributions alone.
        """
        self._meter.count_forward(len(self.images))
        if not self._entries:
            return self.images.detach() * self.back(Rule.RELEVANCE, targets)
        total = torch.zeros_like(self.images)
        for entry, relevance in zip(self._entries, self._back(Rule.RELEVANCE, targets, self._entries), strict=True):
            total += self._at_pixels(entry, relevance)
        return total

    def _at_pixels(self, entry: Tensor, relevance: Tensor) -> Tensor:
        if entry is self.images:
            return relevance
        # Dividing by the same way back of ones undoes the scale of a normalisation and keeps what padding and slicing do.
        moved, scale = (
            torch.autograd.grad(entry, self.images, values, retain_graph=True)[0] for values in (relevance, torch.ones_like(entry))
        )
        return torch.where(scale.abs() > CLOSE, moved / scale, 0.0)

    def _require_maps(self) -> None:
        if not self._taps:
            raise ModelError("the network has no feature maps")

    def _as_maps(self, values: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(tap.maps(given) for tap, given in zip(self._cut.taps, values, strict=True))

    def _back(self, rule: Rule, targets: Tensor, wanted: Sequence[Tensor]) -> tuple[Tensor, ...]:
        self._switch.rule = rule
        try:
            return torch.autograd.grad(self.chosen(targets).sum(), wanted, retain_graph=True)
        finally:
            self._switch.rule = Rule.GRADIENT


def _activations(network: fx.GraphModule) -> list[nn.Module]:
    parts = [network.get_submodule(str(node.target)) for node in network.graph.nodes if node.op == "call_module"]
    return [part for part in parts if isinstance(part, CHORDS)]


def _keep(seen: dict[str, Tensor], name: str, _: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
    seen[name] = output


def _first_convolutions(network: fx.GraphModule) -> frozenset[str]:
    """Convolutions that nothing learned comes before, normalisation aside."""
    parameters = dict(network.named_parameters())
    below: dict[fx.Node, bool] = {}
    first = set()
    for node in network.graph.nodes:
        part = network.get_submodule(str(node.target)) if node.op == "call_module" else None
        if part is None:
            learned = str(node.target) in parameters
        else:
            learned = not isinstance(part, _BatchNorm) and any(True for _ in part.parameters())
        reached = any(below[before] for before in node.all_input_nodes)
        if isinstance(part, nn.Conv2d) and not reached:
            first.add(str(node.target))
        below[node] = reached or learned
    return frozenset(first)


def _rectified(network: fx.GraphModule) -> frozenset[str]:
    """Modules of which everything that goes in is known not to be negative."""
    positive: dict[fx.Node, bool] = {}
    found = set()
    for node in network.graph.nodes:
        inputs = bool(node.all_input_nodes) and all(positive[before] for before in node.all_input_nodes)
        part = network.get_submodule(str(node.target)) if node.op == "call_module" else None
        if part is not None and inputs:
            found.add(str(node.target))
        positive[node] = (part is not None and rectifies(part)) or isinstance(part, POSITIVE) or (inputs and isinstance(part, PRESERVING))
    return frozenset(found)
