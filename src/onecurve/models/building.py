"""Builds the network of an address: a name of the catalog, or a user's own `FILE.py:CALLABLE[weights=PATH]` or `FILE.onnx`.

A user's file is Python and is run. Weights are data and are never run.
"""

import hashlib
import inspect
import io
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stderr
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from onecurve.core.errors import ModelError, OneCurveError
from onecurve.core.own_files import as_if_run, ending, files_of, load_from_file
from onecurve.core.spec import content_key, spec_of
from onecurve.models.admission import Admitted, admit
from onecurve.models.catalog import MODELS
from onecurve.models.network import settle_layout
from onecurve.models.onnx_files import module_of_onnx
from onecurve.models.randomness import seeded
from onecurve.models.trials import probes
from onecurve.models.unwrapping import settle_sizes, with_plain_weights, without_shells
from onecurve.models.weights import load_weights

Shape = tuple[int, int, int]
FILE_ADDRESS = re.compile(r"(?P<place>.+\.py:\w+|.+\.onnx)(?:\[weights=(?P<weights>.+)\])?")


def build(address: str, shape: Shape, classes: int, seed: int) -> nn.Module:
    """The network of an address for images of ``shape`` (channels, height, width) and ``classes`` classes, in eval mode.

    ``address`` is a name of the catalog with parameters, or `FILE.py:CALLABLE`, optionally with `[weights=PATH]`, or `FILE.onnx`. The
    callable makes an ``nn.Module``; it gets ``shape``, ``classes`` and ``seed`` if its signature has parameters of these names. A
    user's network is made plain and tried on images of noise before it is returned (see ``admission.admit``). The global random
    state is restored. The attribute ``input_shape`` of the module is set to ``shape``.

    Raises ``ModelError`` for anything that is not such a network, ``UnknownNameError`` or ``SpecError`` for a misspelt name or
    parameter.
    """
    return build_with_notes(address, shape, classes, seed).module


def build_with_notes(address: str, shape: Shape, classes: int, seed: int) -> Admitted:
    """The same network, and one line for each thing that was done to make it plain and to fit its weights."""
    _check_sizes(shape, classes)
    if is_file_address(address):
        admitted = _of_file(address, shape, classes, seed)
    else:
        admitted = Admitted(MODELS.make(address).build(shape, classes, seed).eval(), (), classes)
    # Torch's types know no attributes of a module but tensors and modules.
    admitted.module.input_shape = shape  # type: ignore[assignment]
    return admitted


def module_at(address: str, shape: Shape, classes: int, seed: int) -> tuple[nn.Module, tuple[str, ...]]:
    """The module of a person's file as it is made, with its weights, and one line for each thing that was done to fit these.

    It is not admitted yet. Raises ``ModelError`` for what is not such an address, file, callable or weight file.
    """
    match = FILE_ADDRESS.fullmatch(address)
    if match is None:
        raise ModelError(f"not an address of a network: {address}", "write FILE.py:CALLABLE, FILE.py:CALLABLE[weights=PATH] or FILE.onnx")
    module = make_module(match["place"], {"shape": shape, "classes": classes, "seed": seed}, seed)
    return fit_weights(module, match["weights"].strip("'\""), shape, seed) if match["weights"] else (module, ())


def fit_weights(module: nn.Module, path: str, shape: Shape, seed: int) -> tuple[nn.Module, tuple[str, ...]]:
    """The module without what wraps it, with the weights of a file, and one line for each thing that was done to fit them.

    Lazy layers take their sizes from an image of ``shape`` first. Raises ``ModelError`` as ``weights.load_weights`` does.
    """
    bare = without_shells(module).module
    settle_sizes(bare, probes(bare, shape)[:1], seed)
    return bare, _with_weights(bare, path)


def _of_file(address: str, shape: Shape, classes: int, seed: int) -> Admitted:
    module, loaded = module_at(address, shape, classes, seed)
    admitted = admit(module, shape, classes, name=address)
    settle_layout(admitted.module, probes(admitted.module, shape))
    return replace(admitted, notes=(*loaded, *admitted.notes))


def _with_weights(module: nn.Module, path: str) -> tuple[str, ...]:
    try:
        return load_weights(module, path)
    except ModelError:
        # The file may hold plain weights although the callable prunes or normalises those that it draws.
        folded = with_plain_weights(module)
        if not folded:
            raise
        return (*folded, *load_weights(module, path))


def is_file_address(address: str) -> bool:
    """Whether the address names a user's file and not an entry of the catalog."""
    name = address.partition("[")[0]
    return ".py" in name or name.endswith(".onnx")


def file_of(place: str) -> Path:
    """The file in `FILE.py:CALLABLE` or `FILE.onnx`."""
    return Path(place if place.endswith(".onnx") else place.rpartition(":")[0])


def identity(address: str) -> str:
    """32 hexadecimal digits that change with anything that changes the networks of an address: the spec, or the user's files."""
    match = FILE_ADDRESS.fullmatch(address)
    if match is None:
        return spec_of(MODELS.make(address)).key
    weights = (match["weights"] or "").strip("'\"")
    files = [*files_of(file_of(match["place"])), *([Path(weights)] if weights else [])]
    return content_key(match["place"], [hashlib.sha256(file.read_bytes()).hexdigest() for file in files])


def _check_sizes(shape: Shape, classes: int) -> None:
    if len(shape) != 3 or shape[0] not in (1, 3) or min(shape[1:]) < 16:
        raise ModelError(f"images must be 1 or 3 channels x height x width, at least 16 pixels a side, got: {tuple(shape)}")
    if classes < 2:
        raise ModelError(f"a classifier needs at least 2 classes, got: {classes}")


def make_module(place: str, offered: dict[str, Any], seed: int) -> nn.Module:
    """The module that a person's `FILE.py:CALLABLE` makes, or that a `FILE.onnx` holds; raises ``ModelError``.

    The callable gets of ``offered`` what its signature names.
    """
    if place.endswith(".onnx"):
        return module_of_onnx(file_of(place))
    try:
        # A file is imported once per process, so its import must not depend on the seed of the first network.
        with seeded(0):
            thing = load_from_file(place)
    except OneCurveError as error:
        raise ModelError(error.message, error.hint) from error
    with seeded(seed):
        module = deepcopy(thing) if isinstance(thing, nn.Module) else _called(thing, place, offered)
    if not isinstance(module, nn.Module):
        raise ModelError(f"`{place}` must return an nn.Module, got: {type(module).__name__}")
    return module


def _called(thing: Callable[..., object], place: str, offered: dict[str, Any]) -> Any:
    if not callable(thing):
        raise ModelError(f"`{place}` must be a callable that makes an nn.Module, got: {type(thing).__name__}")
    try:
        known = set(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        known = set()
    wanted = {name: value for name, value in offered.items() if name in known}
    said = io.StringIO()
    try:
        with redirect_stderr(said), as_if_run(file_of(place)):
            made = thing(**wanted)
    except KeyboardInterrupt:
        raise
    except SystemExit as error:
        raise ModelError(f"`{place}` ends the program: {ending(error, said.getvalue())}", "it must return an nn.Module") from error
    except BaseException as error:
        raise ModelError(
            f"`{place}` raised {type(error).__name__}: {error}",
            "it is called without arguments, or with shape, classes and seed where it names them",
        ) from error
    sys.stderr.write(said.getvalue())
    return made
