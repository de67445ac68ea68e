"""Recognises activations by what they do and not by how they are written, and makes each one module.

`maximum(x, 0)`, `where(x > 0, x, 0)` and `x * (x > 0)` are ReLUs, `clamp(0, 20)` is a ReLU with a ceiling, `x * sigmoid(x)` is one
activation and no product of two branches. A rule that looks for names misses all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor, fx, nn

from onecurve.models.parts import Add

MOST_STEPS: Final = 8
"""The longest way from what goes in to what comes out of one activation."""
FARTHEST: Final = 30.0
"""Numbers within this distance of 0 are tried."""
BEYOND: Final = 1e5
"""How much larger the numbers are that tell a ReLU from one with a ceiling."""
ROUNDING: Final = 64
"""Units in the last place by which numbers may differ and count as equal."""
CASTS: Final = ("float", "double", "half", "bfloat16", "to", "type", "type_as", torch.Tensor.to)
"""Steps that change the precision of numbers and nothing else."""
KNOWN: Final = (nn.Threshold, nn.Hardtanh, nn.LeakyReLU)
"""Modules of torch that are a ReLU, or one with a ceiling, for some of their settings."""


@final
class Elementwise(nn.Module):
    """An activation that has no name: each number that comes out depends on the number at its place, and not in a straight line."""

    def __init__(self, steps: fx.GraphModule) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, before: Tensor) -> Tensor:
        after: Tensor = self.steps(before)
        return after


def recognise(network: fx.GraphModule, shapes: Mapping[str, tuple[int, ...]], like: Tensor) -> None:
    """Make every activation of a traced network one module, in place.

    ``shapes`` are those of what nodes give, the precision and the device of the network are those of ``like``.

    A ReLU becomes ``nn.ReLU``, a ReLU with a ceiling ``nn.Hardtanh``, any other elementwise function that is not affine, and that is
    not a module of torch already, ``Elementwise``.
    """
    search = _Search(network, shapes, like)
    learned = _after_parameters(network)
    for node in list(network.graph.nodes):
        found = search.found(node) if node in learned and search.is_open(node) else None
        if found is not None:
            part, source = found
            name = f"activation_{node.name}"
            network.add_submodule(name, part.eval())
            node.op, node.target, node.args, node.kwargs = "call_module", name, (source,), {}
    network.graph.eliminate_dead_code()


def rectifies(part: nn.Module) -> bool:
    """Whether a module is a ReLU, with or without a ceiling."""
    return isinstance(part, nn.ReLU) or (isinstance(part, nn.Hardtanh) and part.min_val == 0)


@final
@dataclass(frozen=True)
class _Candidate:
    """A node, the one node that it is a function of, and the steps between them."""

    node: fx.Node
    source: fx.Node
    steps: frozenset[fx.Node]


@final
class _Search:
    """Looks for the steps that make up activations."""

    def __init__(self, network: fx.GraphModule, shapes: Mapping[str, tuple[int, ...]], like: Tensor) -> None:
        self._network = network
        self._like = like
        self._shapes = shapes
        self._order = {node: place for place, node in enumerate(network.graph.nodes)}
        self._fixed = _independent(network.graph)

    def is_open(self, node: fx.Node) -> bool:
        """Whether the node may be an activation that is not known as one."""
        if node.op != "call_module":
            return node.op in ("call_function", "call_method") and node.target not in CASTS
        part = self._network.get_submodule(str(node.target))
        return isinstance(part, Add) or (isinstance(part, KNOWN) and not rectifies(part))

    def found(self, node: fx.Node) -> tuple[nn.Module, fx.Node] | None:
        """The module that does the same as the node and the steps before it, and the node that these steps start from."""
        first = candidate = self._before(node)
        part = None if first is None else self._part(first)
        # A few steps more may make a ReLU of what is none by itself: half of (x + |x|).
        while candidate is not None and (part is None or isinstance(part, Elementwise)):
            candidate = self._longer(candidate)
            whole = None if candidate is None else self._part(candidate)
            if candidate is not None and whole is not None and rectifies(whole):
                return whole, candidate.source
        return None if part is None or first is None else (part, first.source)

    def _before(self, node: fx.Node) -> _Candidate | None:
        """The nearest node that everything goes through which goes into the node, and the steps from there."""
        steps, waiting = {node}, {before for before in node.all_input_nodes if before not in self._fixed}
        while len(waiting) > 1:
            latest = max(waiting, key=self._order.__getitem__)
            if len(steps) == MOST_STEPS or not self._may_be_inside(latest):
                return None
            steps.add(latest)
            waiting = (waiting - {latest}) | {before for before in latest.all_input_nodes if before not in self._fixed}
        return _Candidate(node, waiting.pop(), frozenset(steps)) if waiting else None

    def _longer(self, candidate: _Candidate) -> _Candidate | None:
        before = self._before(candidate.source) if self._may_be_inside(candidate.source) else None
        if before is None or len(candidate.steps | before.steps) > MOST_STEPS:
            return None
        return _Candidate(candidate.node, before.source, candidate.steps | before.steps)

    def _may_be_inside(self, node: fx.Node) -> bool:
        if node.op == "call_module":
            return next(self._network.get_submodule(str(node.target)).parameters(), None) is None
        return node.op in ("call_function", "call_method")

    @torch.no_grad()
    def _part(self, candidate: _Candidate) -> nn.Module | None:
        """The module that does the same; None where the node is no activation, or is one that has a module of its own already."""
        shape = self._shapes.get(candidate.node.name)
        if not shape or self._shapes.get(candidate.source.name) != shape:
            return None
        function = _function(self._network, candidate, sorted(candidate.steps, key=self._order.__getitem__))
        grid = _grid(shape, self._like)
        try:
            given = function(grid.clone())
            if not isinstance(given, Tensor) or given.shape != grid.shape or not given.is_floating_point():
                return None
            named = _rectifier(function, grid)
            alone = candidate.node.op == "call_module" and len(candidate.steps) == 1
            if named is not None or alone or _is_affine(function, grid, given) or not _is_elementwise(function, grid, given):
                return named
        except Exception:  # noqa: BLE001 - a step may take no such numbers
            return None
        return Elementwise(function)


def _rectifier(function: nn.Module, grid: Tensor) -> nn.Module | None:
    """The ReLU that does the same as the function, for small and large numbers; None where none does."""
    grids = [grid, grid * BEYOND]
    given = [function(each.clone()) for each in grids]
    ceiling = float(given[1].max())
    for kind in (nn.ReLU(), nn.ReLU6(), nn.Hardtanh(0.0, ceiling) if 0 < ceiling < FARTHEST * BEYOND / 100 else nn.ReLU()):
        # Nothing else may come of negative numbers: the logarithm of a clamp at a tiny number must not become that of 0.
        if all(_same(one, kind(each)) and not one[each < 0].any() for one, each in zip(given, grids, strict=True)):
            return kind
    return None


def _function(network: fx.GraphModule, candidate: _Candidate, steps: Sequence[fx.Node]) -> fx.GraphModule:
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {candidate.source: graph.placeholder("before")}
    for node in steps:
        for before in node.all_input_nodes:
            if before not in copies:
                _copy_fixed(graph, before, copies)
        copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(copies[candidate.node])
    return fx.GraphModule(network, graph)


def _copy_fixed(graph: fx.Graph, node: fx.Node, copies: dict[fx.Node, fx.Node]) -> None:
    for before in node.all_input_nodes:
        if before not in copies:
            _copy_fixed(graph, before, copies)
    copies[node] = graph.node_copy(node, copies.__getitem__)


def _grid(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Numbers of either sign, most of them small, in random order."""
    chance = torch.Generator().manual_seed(0)
    sizes, signs = (torch.rand(shape, generator=chance, dtype=like.dtype) for _ in range(2))
    return ((2 * signs - 1) * FARTHEST * sizes).to(like.device)


def _same(one: Tensor, other: Tensor) -> bool:
    allowed = ROUNDING * torch.finfo(other.dtype).eps * max(1.0, float(other.abs().max()))
    return float((one - other).abs().max()) <= allowed


def _is_affine(function: nn.Module, grid: Tensor, given: Tensor) -> bool:
    twice = 2 * function(torch.zeros_like(grid))
    # A ReLU with a slope passes the first test, a tanh the second.
    return _same(2 * function(grid / 2), given + twice / 2) and _same(given + function(-grid), twice)


def _is_elementwise(function: nn.Module, grid: Tensor, given: Tensor) -> bool:
    """Whether numbers keep what comes out at their places while half of the others change."""
    if not bool(given.isfinite().all()):
        return False
    chosen = (torch.rand(grid.shape, generator=torch.Generator().manual_seed(1)) < 0.5).to(grid.device)
    changed = function(torch.where(chosen, grid, -grid - 1))
    return _same(changed[chosen], given[chosen])


def _independent(graph: fx.Graph) -> frozenset[fx.Node]:
    """Nodes that do not depend on the images."""
    dependent: set[fx.Node] = set()
    for node in graph.nodes:
        if node.op == "placeholder" or dependent.intersection(node.all_input_nodes):
            dependent.add(node)
    return frozenset(set(graph.nodes) - dependent)


def _after_parameters(network: fx.GraphModule) -> frozenset[fx.Node]:
    """Nodes that something with parameters came before: what is done to pixels alone is no activation."""
    parameters = dict(network.named_parameters())
    found: set[fx.Node] = set()
    for node in network.graph.nodes:
        read = any(before.op == "get_attr" and str(before.target) in parameters for before in node.all_input_nodes)
        own = node.op == "call_module" and next(network.get_submodule(str(node.target)).parameters(), None) is not None
        if read or own or found.intersection(node.all_input_nodes):
            found.add(node)
    return frozenset(found)
