"""The lower part of a network as a network of its own: all layers up to a given one.

It holds only the parameters that it uses, so that its counted size is its true size.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import fx, nn

from onecurve.core.errors import ModelError


@final
@dataclass(frozen=True)
class Cut:
    """A place where a network can be cut."""

    layer: str
    """Name of the layer whose output is kept, in the bare module."""
    size: int
    """Non-zero parameters of everything up to and including it."""


def cuts(module: nn.Module) -> list[Cut]:
    """All places, in the order in which they run. Raises ``ModelError`` where the path depends on the pixels."""
    graph = _graph(module)
    parameters = dict(module.named_parameters())
    counts = {name: int(torch.count_nonzero(values)) for name, values in parameters.items()}
    needed: dict[fx.Node, frozenset[str]] = {}
    found = []
    for node in graph.nodes:
        own = _own_parameters(node, parameters)
        needed[node] = own.union(*(needed[before] for before in node.all_input_nodes))
        if node.op == "call_module":
            found.append(Cut(str(node.target), sum(counts[name] for name in needed[node])))
    return found


def trunk(module: nn.Module, layer: str) -> nn.Module:
    """The part of a bare module (not a metered one) that gives the output of ``layer``; shares its layers, copies nothing."""
    graph = _graph(module)
    last = [node for node in graph.nodes if node.op == "call_module" and node.target == layer]
    if not last:
        raise ModelError(f"the network never runs the layer: {layer}")
    shortened = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        copies[node] = shortened.node_copy(node, copies.__getitem__)
        if node is last[-1]:
            break
    shortened.output(copies[last[-1]])
    # Dead layers can only be told from ones with effects once the graph belongs to a module.
    cut = fx.GraphModule(module, shortened)
    cut.graph.eliminate_dead_code()
    cut.delete_all_unused_submodules()
    cut.recompile()
    return cut.eval()


def _graph(module: nn.Module) -> fx.Graph:
    try:
        return fx.symbolic_trace(module).graph
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), "")
        raise ModelError(f"the network cannot be cut, as its layers cannot be listed: {type(error).__name__}: {first}") from error


def _own_parameters(node: fx.Node, parameters: dict[str, nn.Parameter]) -> frozenset[str]:
    target = str(node.target)
    if node.op == "call_module":
        return frozenset(name for name in parameters if name.rpartition(".")[0] == target or name.startswith(f"{target}."))
    return frozenset({target}) if node.op == "get_attr" and target in parameters else frozenset()
