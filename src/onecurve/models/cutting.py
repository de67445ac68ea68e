"""Finds the last feature maps of a normalised network: a cut of its graph that separates the logits from the images.

The last module with four axes is not always it: where branches are joined or gated by a function it is one branch or the gate, and
where two streams are pooled apart it is one stream. Axes of places are found by what moves them, not by their order.
"""

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count, permutations, repeat
from typing import Final, final

import torch
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

from onecurve.core.errors import ModelError
from onecurve.models.normalising import DotProductAttention, each_node

Shape = tuple[int, int, int]
Axes = tuple[int, int, int]
USUAL: Final[Axes] = (1, 2, 3)
"""Channels, height and width where nothing speaks for another order."""
ORDERS: Final[tuple[Axes, ...]] = tuple((a, b, c) for a, b, c in permutations(USUAL))
DRAWS: Final = 2
LONELY: Final = 0.3
"""The least move along maps that are one place high or wide: channels move less by chance."""
CLEARLY: Final = 0.2
"""How much farther the centre of a change must move along other axes, as a share of their length, to be taken for height and width."""
PRODUCTS: Final = (torch.matmul, torch.bmm, torch.baddbmm, torch.einsum, operator.matmul, "matmul", "bmm", "einsum")
"""What makes tensors of four axes without places: the heads of attention."""
MOVERS: Final = (
    *(torch.transpose, torch.permute, torch.reshape, torch.flatten, torch.squeeze, torch.unsqueeze, operator.getitem, torch.movedim),
    *("transpose", "permute", "reshape", "view", "flatten", "contiguous", "squeeze", "unsqueeze", "unflatten", "movedim"),
)
"""What only arranges numbers anew."""
ATTENTION = (nn.Softmax, nn.MultiheadAttention, DotProductAttention)


@final
class TapPoint(nn.Module):
    """Gives what it gets as a tensor of its own, so that a gradient for it is that of the paths through it alone."""

    def forward(self, values: Tensor) -> Tensor:
        return values.view_as(values)


@final
@dataclass(frozen=True)
class Tap:
    """One tensor of the cut, as the output of a module that was put there and gives what it gets."""

    module: str
    """The name of that module."""
    layer: str
    """The name of the layer or function that gives the maps."""
    axes: Axes
    """Which axes are channels, height and width."""

    def maps(self, values: Tensor) -> Tensor:
        """N x c x h x w, for what the module gives."""
        return values.permute(0, *self.axes)


@final
@dataclass(frozen=True)
class Cut:
    """The last feature maps; several where they are pooled apart, none where there are no maps or attention comes after them."""

    taps: tuple[Tap, ...] = ()

    @property
    def name(self) -> str:
        """The layers that give the maps; empty where there are none."""
        return " and ".join(tap.layer for tap in self.taps)


def cut_of(network: fx.GraphModule, shape: Shape) -> Cut:
    """Put a tap at each of the last feature maps of a normalised network, in place, for images of ``shape``.

    Maps are tensors of four axes, two of them places (more than one), that a layer with parameters had a part in. The logits are
    computed from the taps, and from pixels that no layer with parameters has read; this is checked by running that part alone. Raises
    ``ModelError`` if it gives other logits.
    """
    images = _moved(shape, network)
    learned = _learned(network)
    axes = _all_axes(network, images, learned)
    above, last = _walk(network, axes, learned)
    if not last:
        return Cut()
    _prove(network, above, images[:2])
    return Cut(tuple(_tapped(network, node, axes, above, number) for number, (node, axes) in enumerate(last.items())))


def _moved(shape: Shape, network: fx.GraphModule) -> Tensor:
    """``DRAWS`` times five images: one, and the same with other noise in its upper, lower, left and right quarter."""
    chance = torch.Generator().manual_seed(0)
    firsts, others = torch.rand(2, DRAWS, *shape, generator=chance)
    height, width = -(-shape[1] // 4), -(-shape[2] // 4)
    images = firsts.repeat(5, 1, 1, 1, 1)
    images[1, ..., :height, :], images[2, ..., -height:, :] = others[..., :height, :], others[..., -height:, :]
    images[3, ..., :width], images[4, ..., -width:] = others[..., :width], others[..., -width:]
    parameter = next((values for values in network.parameters() if values.is_floating_point()), images)
    moved: Tensor = images.flatten(0, 1).to(parameter)
    return moved


@torch.no_grad()
def _all_axes(network: fx.GraphModule, images: Tensor, learned: frozenset[fx.Node]) -> Mapping[fx.Node, Axes | None]:
    return {node: _axes_of(given) for node, given in each_node(network, images) if node in learned and isinstance(given, Tensor)}


def _learned(network: fx.GraphModule) -> frozenset[fx.Node]:
    """The nodes that depend on both the images and a layer with parameters; batch normalisation alone makes no feature maps."""
    parameters = dict(network.named_parameters())
    seen: set[fx.Node] = set()
    learned: set[fx.Node] = set()
    for node in network.graph.nodes:
        if node.op == "placeholder" or seen.intersection(node.all_input_nodes):
            seen.add(node)
        part = network.get_submodule(str(node.target)) if node.op == "call_module" else None
        own = part is not None and not isinstance(part, _BatchNorm) and any(True for _ in part.parameters())
        read = any(before.op == "get_attr" and str(before.target) in parameters for before in node.all_input_nodes)
        if node in seen and (own or read or learned.intersection(node.all_input_nodes)):
            learned.add(node)
    return frozenset(learned)


def _walk(
    network: fx.GraphModule, maps: Mapping[fx.Node, Axes | None], learned: frozenset[fx.Node]
) -> tuple[frozenset[fx.Node], dict[fx.Node, Axes]]:
    """The nodes that lead from the last maps to the logits, and these maps with their axes in the order in which they run; no maps
    where there is attention on the way.
    """
    above: set[fx.Node] = set()
    found: dict[fx.Node, Axes] = {}
    waiting = [node for node in network.graph.nodes if node.op == "output"]
    while waiting:
        node = waiting.pop()
        axes = None if _is_product(node) else maps.get(node)
        if _is_attention(network, node):
            return frozenset(), {}
        if axes is not None:
            found[node] = axes
        elif node not in above and (node.op == "output" or node in learned):
            above.add(node)
            waiting += node.all_input_nodes
    return frozenset(above), {node: found[node] for node in network.graph.nodes if node in found}


def _is_product(node: fx.Node) -> bool:
    while node.op in ("call_function", "call_method") and node.target in MOVERS and node.all_input_nodes:
        node = node.all_input_nodes[0]
    return node.op in ("call_function", "call_method") and node.target in PRODUCTS


def _is_attention(network: fx.GraphModule, node: fx.Node) -> bool:
    if node.op != "call_module":
        return False
    part = network.get_submodule(str(node.target))
    return isinstance(part, ATTENTION) and not (isinstance(part, nn.Softmax) and len(node.meta.get("shape", ())) < 3)


def _axes_of(values: Tensor) -> Axes | None:
    """Channels, height and width of maps a x b x c of the images of ``_moved``; None where there is not more than one place."""
    if values.ndim != 4 or len(values) != 5 * DRAWS:
        return None
    groups = values.reshape(5, DRAWS, *values.shape[1:])
    upper, lower, left, right = (_centres(groups[number] - groups[0]) for number in range(1, 5))
    # What changes lower down or further right moves a centre along height or width, always one way; along channels by chance.
    moves = {axes: float((lower - upper)[axes[1] - 1] + (right - left)[axes[2] - 1]) for axes in ORDERS}
    sizes = values.shape
    best = max((axes for axes in ORDERS if min(sizes[axes[1]], sizes[axes[2]]) > 1), key=lambda axes: moves[axes], default=USUAL)
    axes = best if moves[best] > moves[USUAL] + CLEARLY else USUAL
    high, wide = sizes[axes[1]], sizes[axes[2]]
    if high * wide == 1 or (min(high, wide) == 1 and moves[axes] < LONELY):
        return None
    return axes


def _centres(change: Tensor) -> Tensor:
    """Three numbers in [0, 1]: the centre of changes D x a x b x c along each of the last axes, mean over D; a half for no change."""
    weights = change.abs().double()
    total = weights.sum((1, 2, 3)).clamp(min=torch.finfo(torch.float64).tiny)
    centres = []
    for axis in (1, 2, 3):
        profile = weights.sum(tuple(other for other in (1, 2, 3) if other != axis))
        places = torch.linspace(-0.5, 0.5, profile.shape[1], dtype=torch.float64, device=profile.device)
        centres.append(float(((profile @ places) / total).mean()) if profile.shape[1] > 1 else 0.0)
    return torch.tensor(centres)


@torch.no_grad()
def _prove(network: fx.GraphModule, above: frozenset[fx.Node], images: Tensor) -> None:
    """Raise ``ModelError`` unless the nodes above the cut, run by themselves from what goes into them, give the logits."""
    needed = {before for node in above for before in node.all_input_nodes if before not in above}
    kept = {node: given for node, given in each_node(network, images) if node in needed or node.op == "output"}
    interpreter = fx.Interpreter(network, garbage_collect_values=False)
    interpreter.env.update({node: kept[node] for node in needed})
    for node in network.graph.nodes:
        if node in above:
            interpreter.env[node] = interpreter.run_node(node)
    (output,) = (node for node in network.graph.nodes if node.op == "output")
    if not torch.allclose(interpreter.env[output], kept[output], rtol=1e-4, atol=1e-5):
        raise ModelError("the logits cannot be computed from the last feature maps", "use a method that needs no feature maps")


def _tapped(network: fx.GraphModule, node: fx.Node, axes: Axes, above: frozenset[fx.Node], number: int) -> Tap:
    """Let the nodes above the cut read the maps through a module of their own; nodes below it read them as before."""
    name = next(name for name in map("tap_{}_{}".format, repeat(number), count()) if not hasattr(network, name))
    network.add_submodule(name, TapPoint().eval())
    with network.graph.inserting_after(node):
        tap = network.graph.call_module(name, (node,))
    tap.meta["shape"] = node.meta.get("shape", ())
    node.replace_all_uses_with(tap, delete_user_cb=lambda user: user in above)
    network.recompile()
    return Tap(name, str(node.target) if node.op == "call_module" else node.name, axes)
