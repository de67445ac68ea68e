"""Subjects and networks on disk: JSON and safetensors. Nothing that is read here is run as code.

The only exception is a network from a user's own `FILE.py:CALLABLE` or `FILE.onnx`: that file rebuilds it, but only if the file is
unchanged since the subject was stored and lies outside the subject's folder.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save as save_arrays
from torch import nn

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.digests import require_intact
from onecurve.core.errors import AnswerError, ModelError, SchemaError
from onecurve.core.image.images import LabelledImages
from onecurve.core.own_files import files_of
from onecurve.core.workbench import Meter
from onecurve.models.building import FILE_ADDRESS, Shape, build, file_of, is_file_address
from onecurve.models.metering import Metered, unmetered
from onecurve.models.network import TorchNetwork
from onecurve.models.parts import is_finite
from onecurve.models.program import Program, program_of
from onecurve.models.weight_files import read_safetensors
from onecurve.models.weights import load_weights, put_state, write_file, write_state
from onecurve.models.wrappers import wrap

SCHEMA = 1
LARGEST = 2**32
"""Bytes; the largest file of a returned network that is read."""
PROBES = 8
"""Images of noise on which a stored network must give the same logits as the returned network."""


@final
@dataclass(frozen=True)
class Architecture:
    """How to build the network that the weights belong to."""

    address: str
    """As ``building.build`` takes it."""
    shape: Shape
    classes: int
    wrappers: tuple[str, ...] = ()
    """Names of the modules around the network, the innermost first (see ``models.wrappers``)."""

    def record(self) -> dict[str, Any]:
        """For JSON. Files call the wrappers `casings`."""
        return {"address": self.address, "shape": self.shape, "classes": self.classes, "casings": self.wrappers}


def save_subject(folder: str | Path, subject: Subject, architecture: Architecture) -> None:
    """Write `subject.json`, `network.safetensors` and, if a clean set is granted, `clean.safetensors`, and nothing else.

    `subject.json` is written last, so a folder without it is incomplete. Raises ``ModelError`` if the network is not granted, is
    not a torch network, or does not have that architecture.
    """
    place, network = Path(folder), subject.granted_network()
    if not isinstance(network, TorchNetwork):
        raise ModelError(f"the network of {subject.id} is not a torch module: {type(network).__name__}")
    place.mkdir(parents=True, exist_ok=True)
    bare = unmetered(network.module)
    put_state(_built(architecture), bare.state_dict(), f"the network of {subject.id}")
    write_state(place / "network.safetensors", bare.state_dict())
    if subject.clean is not None:
        write_file(place / "clean.safetensors", save_arrays(_arrays(subject.clean)))
    record = {
        "schema": SCHEMA,
        "id": subject.id,
        "class_names": subject.class_names,
        "shape": subject.input_shape,
        "access": subject.access.words(),
        "architecture": {**_words(architecture), "code": _code_digest(architecture.address)},
    }
    write_file(place / "subject.json", json.dumps(record, indent=1).encode())


def load_subject(folder: str | Path, *, meter: Meter | None = None, device: str = "cpu") -> Subject:
    """The subject in that folder, with its network on ``device`` and counted by ``meter`` if one is given.

    Raises ``ModelError`` if the folder holds no complete subject, ``SchemaError`` for an unknown version, ``DataError`` for a file
    that is not as it was planted.
    """
    place = Path(folder)
    record = _record(place)
    # Where a worker may see the subject alone, whoever started it has checked the whole folder.
    require_intact(place.parent, [f"{place.name}/{path.name}" for path in sorted(place.iterdir())])
    if record.get("schema") != SCHEMA:
        raise SchemaError(f"{place} has schema {record.get('schema')}, this version reads {SCHEMA}")
    try:
        words = record["architecture"]
        architecture = Architecture(words["address"], tuple(words["shape"]), words["classes"], tuple(words.get("casings", ())))
        _check_code(architecture.address, words.get("code", ""), place)
        access = _access(record["access"])
        names, shape, name = tuple(record["class_names"]), tuple(record["shape"]), record["id"]
    except (KeyError, TypeError) as error:
        raise ModelError(f"{place / 'subject.json'} is not complete: {type(error).__name__}: {error}") from error
    module = _built(architecture)
    load_weights(module, place / "network.safetensors")
    network = TorchNetwork(module if meter is None else Metered(module, meter, shape), device)
    return Subject(name, network, names, shape, access, _clean(place / "clean.safetensors"))


def save_network(path: str | Path, network: TorchNetwork, like: nn.Module, *, shape: Shape | None = None) -> None:
    """Write a network that a repair returned; it may be metered, a copy, or the module without a meter.

    If it is ``like`` with other weights, the weights are written. Any other module is written as a list of tensor operations (see
    ``program``) for images of ``shape``; modules from ``building.build`` know their shape themselves. The stored network is compared
    with the original on images of noise. Raises ``AnswerError`` with the reason if the network cannot be stored or does not give
    finite logits for the classes of ``like``.
    """
    if not isinstance(network, TorchNetwork):
        raise AnswerError(f"only torch networks can be returned, got: {type(network).__name__}")
    module, model = _for_storage(network.module), _for_storage(like)
    _require_finite(module)
    images = _probes(model, shape)
    wanted = _logits(module, images, int(_logits(model, images, None).shape[1]))
    twin = _with_state_of(model, module)
    if twin is not None and _agree(_logits(twin, images, None), wanted):
        write_state(Path(path), module.state_dict(), {"kind": "weights"})
        return
    text, state = program_of(module, (images.shape[1], images.shape[2], images.shape[3]))
    if not _agree(_logits(Program(text, state), images, None), wanted):
        raise AnswerError(f"a {type(module).__name__} does not compute the same after it is stored", "does it draw random numbers?")
    write_state(Path(path), state, {"kind": "program", "program": text})


def load_network(path: str | Path, like: nn.Module | Architecture, device: str = "cpu") -> TorchNetwork:
    """The network that ``save_network`` wrote, unmetered, on ``device``; ``like`` is not changed.

    Raises ``AnswerError`` for a file that is missing, damaged, does not fit ``like``, or holds NaN, named.
    """
    place = Path(path)
    try:
        state = read_safetensors(place, LARGEST)
        with safe_open(place, "pt") as file:
            facts = file.metadata() or {}
        if facts.get("kind") == "program":
            module: nn.Module = Program(facts.get("program", ""), state)
            _require_finite(module)
        else:
            module = _built(like) if isinstance(like, Architecture) else _for_storage(like)
            put_state(module, state, str(place))
    except (ModelError, SafetensorError, OSError) as error:
        raise AnswerError(f"not a returned network: {error}") from error
    return TorchNetwork(module.eval(), device)


def _built(architecture: Architecture) -> nn.Module:
    module = build(architecture.address, architecture.shape, architecture.classes, 0)
    return wrap(module, architecture.wrappers, architecture.shape, architecture.classes)


def _for_storage(module: nn.Module) -> nn.Module:
    try:
        return unmetered(module).cpu().eval()
    except Exception as error:
        raise AnswerError(f"a {type(module).__name__} cannot be copied: {type(error).__name__}: {error}") from error


def _probes(like: nn.Module, shape: Shape | None) -> torch.Tensor:
    known = shape or getattr(like, "input_shape", None)
    if known is None:
        raise AnswerError("the shape of the images is not known", "pass `shape`, or a module from `onecurve.models.building.build`")
    return torch.rand(PROBES, *known, generator=torch.Generator().manual_seed(0))


def _logits(module: nn.Module, images: torch.Tensor, classes: int | None) -> torch.Tensor:
    try:
        with torch.no_grad():
            logits = module(images)
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), "")
        raise AnswerError(f"a {type(module).__name__} does not run on {tuple(images.shape)}: {type(error).__name__}: {first}") from error
    expected = (len(images), classes) if classes else None
    if not isinstance(logits, torch.Tensor) or (expected and logits.shape != expected):
        got = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise AnswerError(f"a {type(module).__name__} must give logits of shape {expected}, got: {got}")
    if not is_finite(logits):
        raise AnswerError(f"a {type(module).__name__} gives logits that are not finite")
    return logits


def _agree(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-3, atol=1e-4 * float(other.abs().max() + 1))


def _with_state_of(model: nn.Module, module: nn.Module) -> nn.Module | None:
    try:
        put_state(model, module.state_dict(), "")
    except ModelError:
        return None
    return model


def _require_finite(module: nn.Module) -> None:
    named = [*module.named_parameters(), *module.named_buffers()]
    bad = [name for name, values in named if not is_finite(values)]
    if bad:
        raise AnswerError(f"the weights of a returned network must be finite, these are not: {', '.join(bad[:8])}")


def _words(architecture: Architecture) -> dict[str, Any]:
    """For JSON; the field for wrappers is left out if there are none, as in files that are older than wrappers."""
    words = _settled(architecture).record()
    if not architecture.wrappers:
        del words["casings"]
    return words


def _settled(architecture: Architecture) -> Architecture:
    """With the absolute path of a user's file, because a subject may be read from any working directory."""
    match = FILE_ADDRESS.fullmatch(architecture.address)
    if match is None:
        return architecture
    file, (_, colon, called) = file_of(match["place"]), match["place"].rpartition(":")
    callable_in_file = f"{colon}{called}" if file.suffix == ".py" else ""
    return replace(architecture, address=f"{file.resolve()}{callable_in_file}")


def _code_digest(address: str) -> str:
    match = FILE_ADDRESS.fullmatch(address)
    if match is None:
        return ""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files_of(file_of(match["place"])))).hexdigest()


def _check_code(address: str, digest: str, folder: Path) -> None:
    if not is_file_address(address):
        return
    file = file_of(address)
    if not file.is_absolute() or file.resolve().is_relative_to(folder.resolve()):
        raise ModelError(f"a subject may not bring its own code: {address}", "its file must be one of yours, outside the folder")
    if not file.is_file() or _code_digest(address) != digest:
        raise ModelError(f"{folder} was made with a file that is gone or has changed: {file}", "plant it anew")


def _record(place: Path) -> dict[str, Any]:
    try:
        record = json.loads((place / "subject.json").read_text())
    except FileNotFoundError as error:
        raise ModelError(f"no subject in: {place}", "a subject is a folder with subject.json") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{place / 'subject.json'} cannot be read: {error}") from error
    if not isinstance(record, dict):
        raise ModelError(f"{place / 'subject.json'} is not a subject")
    return record


def _access(words: list[str]) -> Access:
    access = Access.NONE
    for word in words:
        access |= Access[word.upper().replace("-", "_")]
    return access


def _arrays(images: LabelledImages) -> dict[str, np.ndarray]:
    arrays = {"images": images.images, "labels": images.labels, "features": images.features, "feature_masks": images.feature_masks}
    return {name: np.ascontiguousarray(values) for name, values in arrays.items() if values is not None}


def _clean(path: Path) -> LabelledImages | None:
    if not path.exists():
        return None
    try:
        arrays = load_arrays(path)
        return LabelledImages(arrays["images"], arrays["labels"], arrays.get("features"), arrays.get("feature_masks"))
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ModelError(f"{path} is not a complete clean set: {error}") from error
