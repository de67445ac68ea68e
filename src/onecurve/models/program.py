"""A network as a list of tensor operations: JSON and tensors, no code. Networks of a new architecture are stored like this.

Torch's own exported files are not used, because loading them may unpickle objects and evaluate expressions. A file of this format
names operations, and only operations on tensors that pass ``_operation`` are ever run.
"""

import json
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, final

import torch
from torch import Tensor, fx, nn

from onecurve.core.errors import AnswerError

State = dict[str, Tensor]
ARITHMETIC = ("add", "sub", "mul", "floordiv", "mod", "neg", "getitem", "truediv", "eq", "ne", "lt", "le", "gt", "ge")
"""Functions of Python's `operator`: arithmetic on sizes, and the choice of one of several results."""
FACTORIES = ("arange", "full", "zeros", "ones", "eye", "linspace", "scalar_tensor")
"""Operations that make a tensor from numbers only."""
REPLACING = ("set_", "resize_", "resize_as_")
"""Operations that give a tensor other memory."""
TYPES = ("Tensor", "int", "float", "bool", "number", "Device", "str")
"""Types of arguments that an operation may take, also optional or in lists; no generators, storages, streams or objects."""
WORDS = (
    *("norm", "reduce", "rounding_mode", "driver", "interpolation", "UPLO", "approximate", "ord", "padding", "side", "mode"),
    *("pad_mode", "equation", "indexing", "padding_side"),
)
"""Parameters that may be strings; none of them is a file name."""
SPECIAL: Mapping[str, type] = {"dtype": torch.dtype, "memory_format": torch.memory_format, "layout": torch.layout}
MOST_STEPS = 20_000
WHAT_NEXT = "hand back the subject's own architecture with other weights, or a torch module without branches on pixel values"


@final
class Program(nn.Module):
    """A network that runs a stored list of operations, with gradients; it has no training mode.

    Raises ``AnswerError`` for a list that names anything but known operations on tensors.
    """

    def __init__(self, text: str, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.text = text
        try:
            record = json.loads(text)
            self._steps = [(str(name), _operation(what), list(given), dict(named)) for name, what, given, named in record["steps"]]
            self._output = str(record["output"])
            self._inputs = [str(name) for name in record["state"]]
            for name in self._inputs:
                _register(self, name, record["state"][name] == "parameter", state[name])
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise AnswerError(f"not a stored network: {type(error).__name__}: {error}") from error
        if len(self._steps) > MOST_STEPS:
            raise AnswerError(f"a stored network may have at most {MOST_STEPS} operations, got: {len(self._steps)}")

    def forward(self, images: Tensor) -> Tensor:
        # Operations may write into what they are given; whoever asks goes on to use the images, and no pass may tell the next anything.
        values: dict[str, Any] = {name: getattr(self, name).clone() for name in self._inputs}
        values["images"] = images.clone()
        for name, run, given, named in self._steps:
            positional = [_decoded(value, values, images.device) for value in given]
            values[name] = run(*positional, **{key: _decoded(value, values, images.device) for key, value in named.items()})
        logits: Tensor = values[self._output]
        return logits


def program_of(module: nn.Module, shape: tuple[int, int, int]) -> tuple[str, State]:
    """The operations that ``module`` (on the CPU, in eval mode) runs on any number of images of that shape.

    Returns the JSON text and the tensors for ``Program``. Raises ``AnswerError`` with the reason if a module cannot be stored like
    this: its path depends on pixel values, or it calls code outside torch.
    """
    images = torch.zeros(2, *shape)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            exported = torch.export.export(module, (images,), dynamic_shapes=({0: torch.export.Dim("count")},), strict=False)
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise AnswerError(f"a {type(module).__name__} cannot be stored as tensor operations: {first}", WHAT_NEXT) from error
    return _written(exported, type(module).__name__)


def _written(exported: torch.export.ExportedProgram, name: str) -> tuple[str, State]:
    nodes = list(exported.graph.nodes)
    outputs = exported.graph_signature.user_outputs
    strange = {node.op for node in nodes} - {"placeholder", "call_function", "output"}
    if strange or len(outputs) != 1 or not isinstance(outputs[0], str):
        raise AnswerError(f"a {name} must be plain tensor operations with one tensor as output", WHAT_NEXT)
    places = {spec.arg.name: spec for spec in exported.graph_signature.input_specs}
    images = next(node.name for node in nodes if node.op == "placeholder" and places[node.name].target is None)
    used = {node.name: places[node.name] for node in nodes if node.op == "placeholder" and node.name != images and node.users}
    held = {**exported.constants, **exported.state_dict}
    state = {key: held[str(spec.target)] for key, spec in used.items()}
    renamed = {images: "images"}
    steps = [_step(node, renamed, name) for node in nodes if node.op == "call_function" and node.users]
    kinds = {key: spec.kind.name.lower() for key, spec in used.items()}
    return json.dumps({"state": kinds, "steps": steps, "output": renamed.get(outputs[0], outputs[0])}), state


def _step(node: fx.Node, renamed: Mapping[str, str], name: str) -> list[Any]:
    target: Any = node.target
    what = f"operator.{target.__name__}" if getattr(target, "__module__", "") == "_operator" else str(target)
    try:
        _operation(what)
        return [node.name, what, _encoded(node.args, renamed), {key: _encoded(value, renamed) for key, value in node.kwargs.items()}]
    except ValueError as error:
        raise AnswerError(f"a {name} cannot be stored as tensor operations: {error}", WHAT_NEXT) from error


def _operation(name: str) -> Callable[..., Any]:
    """The operation of that name; raises ``ValueError`` unless it is arithmetic on sizes or a public operation on tensors."""
    room, _, rest = name.partition(".")
    if room == "operator" and rest in ARITHMETIC:
        arithmetic: Callable[..., Any] = getattr(operator, rest)
        return arithmetic
    match = re.fullmatch(r"aten\.([a-z][a-zA-Z0-9_]*|_to_copy)\.(\w+)", name)
    found = getattr(getattr(torch.ops.aten, match[1], None), match[2], None) if match else None
    if match is None or not isinstance(found, torch._ops.OpOverload):
        raise ValueError(f"not an operation on tensors: {name}")
    arguments = found._schema.arguments
    kinds = [set(re.findall(r"\w+", str(argument.type))) - {"List", "Optional"} for argument in arguments]
    takes_tensors = any("Tensor" in kind for kind in kinds) or match[1] in FACTORIES
    plain = all(kind <= set(TYPES) for kind in kinds)
    wordless = all("str" not in kind or argument.name in WORDS for kind, argument in zip(kinds, arguments, strict=True))
    if not (takes_tensors and plain and wordless) or match[1] in REPLACING:
        raise ValueError(f"not an operation on tensors alone: {name}")
    return found


def _register(program: nn.Module, name: str, trained: bool, values: Tensor) -> None:
    if not re.fullmatch(r"[pbc]_\w+", name):
        raise ValueError(f"not the name of a tensor: {name}")
    if trained:
        program.register_parameter(name, nn.Parameter(values))
    else:
        program.register_buffer(name, values)


def _encoded(value: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(value, fx.Node):
        return {"value": renamed.get(value.name, value.name)}
    if isinstance(value, list | tuple):
        return [_encoded(inner, renamed) for inner in value]
    if isinstance(value, torch.device):
        return {"device": "of the images"}
    for word, kind in SPECIAL.items():
        if isinstance(value, kind):
            return {word: str(value).removeprefix("torch.")}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"it depends on a {type(value).__name__}")


def _decoded(value: Any, values: Mapping[str, Any], device: torch.device) -> Any:
    if isinstance(value, list):
        return [_decoded(inner, values, device) for inner in value]
    if not isinstance(value, dict):
        return value
    if "value" in value:
        return values[value["value"]]
    if "device" in value:
        return device
    word = next(iter(value), "")
    found = getattr(torch, str(value.get(word)), None)
    if word not in SPECIAL or not isinstance(found, SPECIAL[word]):
        raise AnswerError(f"not a value of a stored network: {value}")
    return found
