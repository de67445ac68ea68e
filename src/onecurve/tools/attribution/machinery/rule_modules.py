"""Modules whose backward rule can be switched: activations, maximum pooling, convolutions."""

import math
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from onecurve.core.errors import ModelError
from onecurve.models.normalising import with_weights
from onecurve.models.recognising import Elementwise, rectifies

CHORDS = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.GELU, nn.Softplus, nn.Sigmoid, nn.Tanh, nn.Hardtanh),
    *(nn.PReLU, nn.SELU, nn.CELU, nn.Hardsigmoid, nn.Threshold, nn.LogSigmoid, nn.Softsign, Elementwise),
)
"""The element-wise activations; DeepLift's rescale rule holds at each."""
CLOSE = 1e-6
"""Inputs of an activation that differ by less are taken as equal: there the chord is the tangent."""

NO_BASELINE = "use a method without a baseline, such as gradients or perturbations"

aten = torch.ops.aten


class Rule(Enum):
    """The backward rule at activations; all other modules keep the gradient, except convolutions under ``RELEVANCE``."""

    GRADIENT = auto()
    GUIDED = auto()
    """Passes where input and gradient are positive (Springenberg et al., arXiv 1412.6806)."""
    DECONVOLUTION = auto()
    """Passes where the gradient is positive (Zeiler & Fergus, arXiv 1311.2901)."""
    DIFFERENCE = auto()
    """The slope from the baseline's activation to this one (rescale rule of DeepLift, Shrikumar et al., arXiv 1704.02685)."""
    RELEVANCE = auto()
    """Relevance divided by what it belongs to: positive contributions only at convolutions, the slope from 0 at activations."""


@final
@dataclass(eq=False)
class Switch:
    """What all parts of one network share."""

    rule: Rule = Rule.GRADIENT
    remembering: bool = False
    """Whether a baseline is going forward."""
    entries: list[Tensor] = field(default_factory=list)
    """What went into the first convolutions in the pass that is going on."""


def ruled(part: nn.Module, switch: Switch, *, first: bool, rectified: bool) -> nn.Module | None:
    """The module that replaces the part; None if the part keeps the gradient under every rule.

    ``first``: nothing learned comes before it. ``rectified``: nothing negative goes in.
    """
    if isinstance(part, CHORDS):
        return Activation(part, switch)
    if type(part) is nn.MaxPool2d and not part.return_indices:
        return Maximum(part, switch)
    if isinstance(part, nn.Conv2d):
        return _Convolution(part, switch, first=first, rectified=rectified)
    return None


class _Ruled(torch.autograd.Function):
    """Forward: the part itself. Backward: the rule that the switch has selected."""

    @staticmethod
    def forward(ctx: Any, before: Tensor, part: Any) -> Tensor:
        after, *more = part.give(before)
        ctx.part = part
        ctx.save_for_backward(before, after, *more)
        given: Tensor = after
        return given

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        saved = ctx.saved_tensors
        return ctx.part.back(*saved, _laid_out(gradient, saved[1])), None


def _ran(before: Tensor, part: nn.Module) -> Tensor:
    """The output of the part, with its switched backward rule."""
    # Torch leaves `Function.apply` without types.
    after: Tensor = _Ruled.apply(before, part)  # type: ignore[no-untyped-call]
    return after


@final
class Activation(nn.Module):
    """An element-wise activation."""

    def __init__(self, function: nn.Module, switch: Switch) -> None:
        super().__init__()
        self.function = function
        self._switch = switch
        self.baseline = Baseline()

    def forward(self, before: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return _ran(before, self)
        after: Tensor = self.function(before)
        if self._switch.remembering:
            self.baseline.remember(before, after)
        return after

    def give(self, before: Tensor) -> tuple[Tensor]:
        return (self.function(before),)

    def back(self, before: Tensor, after: Tensor, gradient: Tensor) -> Tensor:
        rule = self._switch.rule
        if rule in (Rule.GUIDED, Rule.DECONVOLUTION) and rectifies(self.function):
            gradient = gradient.clamp(min=0)
        if rule is Rule.DECONVOLUTION and rectifies(self.function):
            return gradient
        if rule is Rule.DIFFERENCE:
            return self._chord(before, after, gradient, *self.baseline.like(before))
        if rule is Rule.RELEVANCE and not isinstance(self.function, nn.ReLU):
            zero = torch.zeros_like(before[:1])
            return self._chord(before, after, gradient, zero, self.function(zero))
        return self._tangent(before, after, gradient)

    def _tangent(self, before: Tensor, after: Tensor, gradient: Tensor) -> Tensor:
        if isinstance(self.function, nn.ReLU):
            passed: Tensor = aten.threshold_backward(gradient, after, 0)
            return passed
        return _transposed(self.function, before, gradient)

    def _chord(self, before: Tensor, after: Tensor, gradient: Tensor, from_before: Tensor, from_after: Tensor) -> Tensor:
        run = before - from_before
        chord = (after - from_after).div_(run).mul_(gradient)
        run = run.abs_()
        if _least(run) >= CLOSE:
            return chord
        return torch.where(run < CLOSE, self._tangent(before, after, gradient), chord)


@final
class Maximum(nn.Module):
    """Maximum pooling; windows may overlap."""

    def __init__(self, function: nn.MaxPool2d, switch: Switch) -> None:
        super().__init__()
        self.function = function
        self._switch = switch
        self.baseline = Baseline()

    def forward(self, before: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return _ran(before, self)
        if self._switch.remembering:
            self.baseline.remember(before, *self.give(before))
        pooled: Tensor = self.function(before)
        return pooled

    def give(self, before: Tensor) -> tuple[Tensor, Tensor]:
        pool = self.function
        after, places = functional.max_pool2d(
            before, pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode, return_indices=True
        )
        return after, places

    def back(self, before: Tensor, after: Tensor, places: Tensor, gradient: Tensor) -> Tensor:
        if self._switch.rule is not Rule.DIFFERENCE:
            return _put_back(before, places, gradient)
        from_before, from_after, from_places = self.baseline.like(before)
        # A rise of the maximum is attributed to its present place, a fall to its place in the baseline.
        highest = torch.maximum(after, from_after)
        owed = _put_back(before, places, gradient * (highest - from_after))
        owed += _put_back(before, from_places.expand_as(places), gradient * (after - highest))
        run = before - from_before
        return torch.where(run.abs() < CLOSE, 0.0, owed / run)


@final
class _Convolution(nn.Module):
    def __init__(self, function: nn.Conv2d, switch: Switch, *, first: bool, rectified: bool) -> None:
        super().__init__()
        self.function = function
        self._switch = switch
        self._first = first
        self._rectified = rectified
        # In a tuple, so that they are no layers of the network and are neither counted nor listed.
        self._copies = tuple(with_weights(function, weights, None) for weights in (function.weight, *_signed(function.weight, first)))

    def forward(self, before: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            after: Tensor = self.function(before)
            return after
        if self._first:
            self._switch.entries.append(before)
        return _ran(before, self)

    def give(self, before: Tensor) -> tuple[Tensor]:
        return (self.function(before),)

    def back(self, before: Tensor, after: Tensor, gradient: Tensor) -> Tensor:
        whole, positive, *negative = self._copies
        if self._switch.rule is not Rule.RELEVANCE:
            return _transposed(whole, before, gradient)
        relevance = after * gradient
        if self._first:
            return _transposed(positive, before, _shares(relevance, positive(torch.ones_like(before[:1]))))
        if self._rectified:
            return _transposed(positive, before, _shares(relevance, positive(before)))
        share = _shares(relevance, positive(before.clamp(min=0)) + negative[0](before.clamp(max=0)))
        return torch.where(before < 0, _transposed(negative[0], before, share), _transposed(positive, before, share))


@final
class Baseline:
    """What a part did for the baseline, and where in its tensors the images of a batch are."""

    def __init__(self) -> None:
        self._tensors: tuple[Tensor, ...] = ()
        self._axis = 0
        self._within = 1

    def remember(self, *tensors: Tensor) -> None:
        self._tensors = tensors

    @property
    def before(self) -> Tensor | None:
        """What went in last, if anything went through the part."""
        return self._tensors[0] if self._tensors else None

    def place(self, different: Tensor, alike: Tensor) -> None:
        """Find where images are, from what went in for two images and for the first of them twice.

        A network may stack views of the whole batch, or split each image into rows of its own (heads of attention); then the axis
        holds more than images. Raises ``ModelError`` where rows do not belong to one image each.
        """
        changed = different != alike
        for axis in range(changed.ndim):
            size = changed.shape[axis]
            rows = changed.movedim(axis, 0).reshape(size, -1).any(1).nonzero()[:, 0].tolist()
            for within in [width for width in range(size // 2, 0, -1) if size % (2 * width) == 0]:
                if rows and all(row // within % 2 for row in rows):
                    self._axis, self._within = axis, within
                    return
        if bool(changed.any()):
            raise ModelError("an activation mixes the images of a batch, so that none can be set against its baseline", NO_BASELINE)

    def like(self, before: Tensor) -> tuple[Tensor, ...]:
        """The tensors, repeated so that each image of the batch stands against the baseline."""
        if not self._tensors:
            raise ModelError("DeepLift's rule asks for a baseline, and none went forward")
        axis, each = self._axis, self._tensors[0].shape[self._axis]
        if before.shape[axis] == each:
            return self._tensors
        # A baseline of one row is spread without a copy.
        images = before.shape[axis] // each
        if each == 1:
            return self._tensors
        return tuple(_repeated(tensor, axis, self._within, images) for tensor in self._tensors)


def _repeated(tensor: Tensor, axis: int, within: int, images: int) -> Tensor:
    """Every group of ``within`` rows along the axis as often as there are images."""
    groups = torch.split(tensor, within, axis)
    return torch.cat([group for group in groups for _ in range(images)], axis)


def _laid_out(gradient: Tensor, like: Tensor) -> Tensor:
    """The gradient in the layout of what it belongs to: steps over two layouts at once take three times as long."""
    same = like.ndim == 4 and like.is_contiguous(memory_format=torch.channels_last)
    return gradient.contiguous(memory_format=torch.channels_last) if same else gradient


def _least(values: Tensor) -> float:
    """The smallest value, read in the layout of the values: another layout would copy a channels-last map."""
    return float((values.permute(0, 2, 3, 1) if values.ndim == 4 else values).min())


def _signed(weights: Tensor, first: bool) -> tuple[Tensor, ...]:
    return (torch.ones_like(weights),) if first else (weights.clamp(min=0), weights.clamp(max=0))


def _shares(relevance: Tensor, total: Tensor) -> Tensor:
    """Relevance divided by the total that each output was computed from, 0 where the total is 0; overwrites both."""
    # A mask would take four times as long.
    return relevance.div_(functional.threshold(total, 0.0, math.inf, inplace=True))


def _transposed(function: nn.Module, before: Tensor, gradient: Tensor) -> Tensor:
    """The gradient for what went in, given the one for what came out."""
    if type(function) is nn.Conv2d and function.padding_mode == "zeros" and not isinstance(function.padding, str):
        # `nn.grad.conv2d_input` knows the shape of what went in but not its layout, and copies everything to and fro.
        how = function.stride, function.padding, function.dilation, False, (0, 0), function.groups
        given: Tensor = aten.convolution_backward(gradient, before, function.weight, None, *how, (True, False, False))[0]
        return given
    with torch.enable_grad():
        leaf = before.detach().requires_grad_()
        return torch.autograd.grad(function(leaf), leaf, gradient)[0]


def _put_back(before: Tensor, places: Tensor, values: Tensor) -> Tensor:
    """Zeros like ``before`` with the values added at their places, flat indices within each plane."""
    return torch.zeros_like(before).flatten(2).scatter_add(2, places.flatten(2), values.flatten(2)).view_as(before)
