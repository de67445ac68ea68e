"""Rewrites a network so that every activation and every sum is a module of its own, and checks that its function is unchanged.

Methods that change the backward pass of activations find these by their modules. They fail silently on a network that calls `relu`
as a function, uses one module in two places or works in place: guided backpropagation becomes the plain gradient.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain, count
from operator import attrgetter
from typing import Any, final

import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

from onecurve.core.errors import ModelError
from onecurve.models.metering import unmetered
from onecurve.models.parts import Add, without_hooks
from onecurve.models.recognising import recognise

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-3}
"""The largest allowed change of a logit, relative to the largest logit (to 1 if all are smaller), by the precision of the proof."""
WHAT_NEXT = "use a method that needs no activations (gradients or perturbations), or write the network without branches on pixel values"
AFFINE = (nn.Conv1d, nn.Conv2d, nn.Linear)
"""Layers whose subclasses may stay untraced if their code cannot be traced and a test shows that they are affine."""

aten = torch.ops.aten


@final
@dataclass(frozen=True)
class _Form:
    """A module class that computes the same as a function."""

    module: Callable[..., nn.Module]
    names: tuple[str, ...] = ()
    """The parameters of the function after its first that the module takes too, in the order of the function."""


_ACTIVATIONS: Mapping[Any, _Form] = {
    **dict.fromkeys((functional.relu, torch.relu, "relu", aten.relu.default), _Form(nn.ReLU)),
    functional.relu6: _Form(nn.ReLU6),
    functional.leaky_relu: _Form(nn.LeakyReLU, ("negative_slope",)),
    functional.elu: _Form(nn.ELU, ("alpha",)),
    functional.silu: _Form(nn.SiLU),
    functional.mish: _Form(nn.Mish),
    functional.hardswish: _Form(nn.Hardswish),
    functional.gelu: _Form(nn.GELU, ("approximate",)),
    functional.softplus: _Form(nn.Softplus, ("beta", "threshold")),
    **dict.fromkeys((torch.sigmoid, functional.sigmoid, "sigmoid"), _Form(nn.Sigmoid)),
    **dict.fromkeys((torch.tanh, functional.tanh, "tanh"), _Form(nn.Tanh)),
    **dict.fromkeys((torch.softmax, functional.softmax, "softmax", aten.softmax.int), _Form(nn.Softmax, ("dim",))),
    functional.max_pool2d: _Form(nn.MaxPool2d, ("kernel_size", "stride", "padding", "dilation", "ceil_mode")),
}
_IGNORED = ("inplace", "_stacklevel", "dtype", "return_indices")
"""Parameters of functions that do not change the result while they have their default values (`inplace`: any value)."""
_SUMS = (operator.add, torch.add, "add", aten.add.Tensor)
_IN_PLACE: Mapping[Any, Any] = {
    **dict.fromkeys((functional.relu_, torch.relu_, "relu_", aten.relu_.default), torch.relu),
    **dict.fromkeys((operator.iadd, "add_"), operator.add),
    aten.add_.Tensor: aten.add.Tensor,
    **dict.fromkeys((operator.isub, "sub_"), operator.sub),
    **dict.fromkeys((operator.imul, "mul_"), operator.mul),
    **dict.fromkeys((operator.itruediv, "div_"), operator.truediv),
}
"""For each in-place operation, the operation with the same result that leaves its input unchanged."""


def normalise(module: nn.Module, shape: tuple[int, int, int], *, folded: bool = False) -> fx.GraphModule:
    """A copy of the network in eval mode, as a graph of modules and without a meter.

    Functional activations, maximum pooling and sums become modules, nothing works in place, and a module that is used
    several times becomes several modules that share its parameters. Scaled dot-product attention is expanded, so that its
    softmax is a module too. With ``folded``, batch normalisation that follows a convolution is folded into it.
    ``node.meta["shape"]`` is the shape of the output of a node for two images of ``shape``.

    Raises ``ModelError`` if the path through the network cannot be traced, or if the rewritten network does not give the same
    logits on random images in float64, or in float32 where a cast inside the network forbids float64.
    """
    held = next((values.dtype for values in module.parameters() if values.is_floating_point()), torch.float32)
    bare, images, expected = _prepared(module, shape)
    graph, closed = _traced(bare)
    exact = _exact(module)
    rewritten = fx.GraphModule(bare, graph)
    _separate(rewritten)
    _use_modules(rewritten)
    _show_attention(rewritten)
    _recognise(rewritten, images)
    if folded:
        _fold(rewritten)
    rewritten.graph.lint()
    rewritten.delete_all_unused_submodules()
    rewritten.recompile()
    _prove(rewritten, images, expected, closed)
    return _back_to(held, rewritten, exact)


@final
class _Tracer(fx.Tracer):
    """Traces the code of every module except torch's own and the ``closed`` classes."""

    def __init__(self, closed: frozenset[type]) -> None:
        super().__init__(param_shapes_constant=True)
        self._closed = closed
        self.failed: type | None = None

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m) in self._closed or super().is_leaf_module(m, module_qualified_name)

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return super().call_module(m, forward, args, kwargs)
        except Exception:
            self.failed = self.failed or type(m)
            raise


def _traced(bare: nn.Module) -> tuple[fx.Graph, frozenset[type]]:
    closed: frozenset[type] = frozenset()
    while True:
        tracer = _Tracer(closed)
        try:
            return tracer.trace(bare), closed
        except Exception as error:
            failed = tracer.failed
            if failed is not None and issubclass(failed, AFFINE) and failed not in closed:
                closed |= {failed}
                continue
            first = next(iter(str(error).strip().splitlines()), "")
            where = failed.__name__ if failed else type(bare).__name__
            raise ModelError(f"the path through a {where} cannot be traced: {type(error).__name__}: {first}", WHAT_NEXT) from error


def _separate(network: fx.GraphModule) -> None:
    """Make one module per call, none of them in place."""
    seen: set[str] = set()
    for node in list(network.graph.nodes):
        if node.op != "call_module":
            continue
        part = network.get_submodule(node.target)
        if node.target in seen:
            held = {id(values): values for values in (*part.parameters(), *part.buffers())}
            _replace(network, node, deepcopy(part, held))
        elif getattr(part, "inplace", False):
            _redirect(node)
        seen.add(node.target)
    for part in network.modules():
        if getattr(part, "inplace", False):
            # Torch's types know no attributes of a module but tensors and modules.
            part.inplace = False  # type: ignore[assignment]


def _use_modules(network: fx.GraphModule) -> None:
    for node in list(network.graph.nodes):
        if node.op not in ("call_function", "call_method"):
            continue
        if node.target in _IN_PLACE:
            node.op, node.target = "call_function", _IN_PLACE[node.target]
            _redirect(node)
        elif node.kwargs.get("inplace"):
            _redirect(node)
        part = _module_for(node)
        if part is None:
            continue
        node.args = node.args[:2] if isinstance(part, Add) else node.args[:1]
        node.kwargs = {}
        _replace(network, node, part)


def _module_for(node: fx.Node) -> nn.Module | None:
    """The module that computes the same as the function; None if the node may stay a function."""
    if node.target in _SUMS:
        two = len(node.args) == 2 and not node.kwargs and all(isinstance(value, fx.Node) for value in node.args)
        return Add() if two else None
    if _clamps_at_zero(node):
        return nn.ReLU()
    form = _ACTIVATIONS.get(node.target)
    if form is None or not node.args:
        return None
    given = {**dict(zip(form.names, node.args[1:], strict=False)), **node.kwargs}
    if any(isinstance(value, fx.Node) for value in given.values()):
        return None
    if node.kwargs.get("dtype") is not None or node.kwargs.get("return_indices"):
        return None
    return form.module(**{name: value for name, value in given.items() if name not in _IGNORED})


def _clamps_at_zero(node: fx.Node) -> bool:
    """Whether a clamp computes a ReLU."""
    if node.target in (torch.clamp_min, "clamp_min"):
        return tuple(node.args[1:]) == (0,)
    if node.target not in (torch.clamp, "clamp"):
        return False
    bounds = {**dict(zip(("min", "max"), node.args[1:], strict=False)), **node.kwargs}
    least = bounds.get("min")
    return isinstance(least, int | float) and least == 0 and bounds.get("max") is None


def _show_attention(network: fx.GraphModule) -> None:
    """Expand attention that is one function; let torch's attention modules return their weights."""
    for node in list(network.graph.nodes):
        if node.target in (functional.scaled_dot_product_attention, aten.scaled_dot_product_attention.default):
            plain = len(node.args) == 3 and not any(value for name, value in node.kwargs.items() if name != "scale")
            if plain:
                _replace(network, node, DotProductAttention(node.kwargs.get("scale")))
                node.kwargs = {}
        elif node.op == "call_module" and isinstance(network.get_submodule(node.target), nn.MultiheadAttention):
            node.kwargs = {**node.kwargs, "need_weights": True}


def _redirect(node: fx.Node) -> None:
    """Nodes that used the input of an in-place step after that step saw its result; make them use the result."""
    given = node.args[0]
    if not isinstance(given, fx.Node):
        return
    order = {each: place for place, each in enumerate(node.graph.nodes)}
    given.replace_all_uses_with(node, delete_user_cb=lambda user: order[user] > order[node])


def _replace(network: fx.GraphModule, node: fx.Node, part: nn.Module) -> None:
    name = next(name for name in chain([node.name], (f"{node.name}_{number}" for number in count())) if not hasattr(network, name))
    network.add_submodule(name, part.eval())
    node.op, node.target = "call_module", name


def _fold(network: fx.GraphModule) -> None:
    for node in list(network.graph.nodes):
        before = node.args[0] if node.op == "call_module" and len(node.args) == 1 else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        convolution, normalisation = network.get_submodule(str(before.target)), network.get_submodule(str(node.target))
        if not isinstance(convolution, nn.Conv2d) or not isinstance(normalisation, nn.BatchNorm2d):
            continue
        mean, variance = normalisation.running_mean, normalisation.running_var
        if mean is None or variance is None:
            continue
        scale, shift = normalisation.weight, normalisation.bias
        weight, bias = fuse_conv_bn_weights(convolution.weight, convolution.bias, mean, variance, normalisation.eps, scale, shift)
        _replace(network, before, with_weights(convolution, weight, bias))
        node.replace_all_uses_with(before)
        network.graph.erase_node(node)


def with_weights(convolution: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """A copy of the convolution with other weights, which need no gradient, and without hooks."""
    other = without_hooks(convolution)
    other._parameters = {
        "weight": nn.Parameter(weight.detach(), requires_grad=False),
        "bias": None if bias is None else nn.Parameter(bias.detach(), requires_grad=False),
    }
    return other


def _prepared(module: nn.Module, shape: tuple[int, int, int]) -> tuple[nn.Module, Tensor, Tensor]:
    """A copy without a meter, two random images for it, one of them far outside the range of pixels, and its logits for them."""
    try:
        bare = unmetered(module).eval().double()
        return bare, _probes(bare, shape).double(), _expected(bare, _probes(bare, shape).double())
    except ModelError:
        bare = unmetered(module).eval()
        return bare, _probes(bare, shape), _expected(bare, _probes(bare, shape))


def _probes(bare: nn.Module, shape: tuple[int, int, int]) -> Tensor:
    chance = torch.Generator().manual_seed(0)
    place = next((values.device for values in bare.parameters()), torch.device("cpu"))
    return torch.stack([torch.rand(shape, generator=chance), torch.randn(shape, generator=chance)]).to(place)


@torch.no_grad()
def _expected(bare: nn.Module, images: Tensor) -> Tensor:
    try:
        logits: Tensor = bare(images.clone())
    except RuntimeError as error:
        first = next(iter(str(error).strip().splitlines()), "")
        raise ModelError(f"the network cannot be run on random images, so its rewriting cannot be checked: {first}", WHAT_NEXT) from error
    return logits


@torch.no_grad()
def _prove(rewritten: fx.GraphModule, images: Tensor, expected: Tensor, closed: frozenset[type]) -> None:
    """Raise ``ModelError`` unless the logits are as expected and closed parts are affine; records the shapes at the nodes."""
    given, shapes = _run(rewritten, images)
    bent = _not_affine(rewritten, images, closed) if closed else ""
    if bent:
        raise ModelError(f"the path through a {bent} cannot be traced, and it is not affine", WHAT_NEXT)
    change = float((given - expected).abs().max())
    if not change <= TOLERANCE[images.dtype] * max(1.0, float(expected.abs().max())):
        raise ModelError(f"rewriting the network changed its logits by: {change:.3g}", WHAT_NEXT)
    for node in rewritten.graph.nodes:
        node.meta["shape"] = shapes.get(node.name, ())


@torch.no_grad()
def _recognise(network: fx.GraphModule, images: Tensor) -> None:
    network.recompile()
    if any(node.op in ("call_function", "call_method") for node in network.graph.nodes):
        _, shapes = _run(network, images)
        recognise(network, shapes, images)


def _run(network: fx.GraphModule, images: Tensor) -> tuple[Tensor, dict[str, tuple[int, ...]]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for node, given in each_node(network, images):
        if isinstance(given, Tensor):
            shapes[node.name] = tuple(given.shape)
    logits: Tensor = given
    return logits, shapes


def each_node(network: fx.GraphModule, images: Tensor) -> Iterator[tuple[fx.Node, Any]]:
    """Every node of the graph and what it gives for the images, in the order in which they run; the output is the last."""
    # Node by node, because the progress bar of `Interpreter.run` takes a semaphore that a killed worker never releases.
    interpreter = fx.Interpreter(network)
    interpreter.args_iter = iter((images,))
    for node in network.graph.nodes:
        given = interpreter.env[node] = interpreter.run_node(node)
        yield node, given
        for unused in interpreter.user_to_last_uses.get(node, ()):
            del interpreter.env[unused]


def _not_affine(network: fx.GraphModule, images: Tensor, closed: frozenset[type]) -> str:
    """The class of a closed part that is not affine, empty if all are: f(a + b) - f(a) - f(b) + f(0) must be 0."""
    inputs: dict[nn.Module, Tensor] = {}
    parts = [part for part in network.modules() if type(part) in closed]
    handles = [part.register_forward_pre_hook(lambda part, given: inputs.__setitem__(part, given[0])) for part in parts]
    try:
        network(images)
    finally:
        for handle in handles:
            handle.remove()
    for part, value in inputs.items():
        other = torch.randn(value.shape, generator=torch.Generator().manual_seed(1), dtype=value.dtype).to(value.device)
        bend = part(value + other) - part(value) - part(other) + part(torch.zeros_like(value))
        if float(bend.abs().max()) > TOLERANCE[images.dtype] * max(1.0, float(part(value).abs().max())):
            return type(part).__name__
    return ""


def _exact(module: nn.Module) -> frozenset[str]:
    """Buffers that are float64 although the network is not, because they count, and the constants that tracing makes of them."""
    if not any(values.dtype == torch.float64 for values in module.buffers()):
        return frozenset()
    native = unmetered(module).eval()
    buffers = {name for name, values in native.named_buffers() if values.dtype == torch.float64}
    again, _ = _traced(native)
    read = {str(node.target) for node in again.nodes if node.op == "get_attr"}
    return frozenset(buffers | {name for name in read if attrgetter(name)(native).dtype == torch.float64})


def _back_to(held: torch.dtype, network: fx.GraphModule, exact: frozenset[str]) -> fx.GraphModule:
    """The network with its numbers in ``held`` again, except for the buffers that were float64 before."""
    for name, values in (*network.named_parameters(), *network.named_buffers()):
        if values.is_floating_point() and name not in exact:
            values.data = values.data.to(held)
    return network


@final
class DotProductAttention(nn.Module):
    """softmax(q k' * scale) v, with the softmax as a module; scale is 1 / sqrt(width of q) if none is given."""

    def __init__(self, scale: float | None = None) -> None:
        super().__init__()
        self.scale = scale
        self.softmax = nn.Softmax(-1)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        scale = query.shape[-1] ** -0.5 if self.scale is None else self.scale
        weights: Tensor = self.softmax(query @ key.transpose(-2, -1) * scale)
        return weights @ value
