"""Loads weight files into a module: safetensors, or torch files that hold only tensors. No file is ever run.

A file that does not fit is refused with a list of all problems, and the module stays unchanged.
"""

import os
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from onecurve.core.errors import ModelError
from onecurve.models.parts import is_finite

State = dict[str, Tensor]
LISTED = 12
"""Number of problems that are listed; the rest are counted."""
CONVERT = "convert it to safetensors: safetensors.torch.save_file(module.state_dict(), 'weights.safetensors')"
WRAPPINGS = ("state_dict", "model_state_dict", "model", "net", "network")
"""Keys under which training scripts store the weights."""


def load_weights(module: nn.Module, path: str | Path) -> None:
    """Put the weights of a `.safetensors`, `.pt` or `.pth` file into the module, in place.

    A prefix `module.` on every name and a dictionary around the weights, as training scripts write them, are accepted. Raises
    ``ModelError`` for a file that is missing, damaged, far too large or needs code to load, and for names, shapes or numbers that
    do not fit; all of them are listed.
    """
    put_state(module, read_state(Path(path), limit_for(module)), str(path))


def limit_for(module: nn.Module) -> int:
    """The largest size in bytes of a weight file for this module: sixteen times its weights plus 64 MiB."""
    needed = sum(int(values.numel() * values.element_size()) for values in module.state_dict().values())
    return 16 * needed + 2**26


def read_state(path: Path, limit: int) -> State:
    """Names and tensors of a weight file of at most ``limit`` bytes; raises ``ModelError`` for any other file."""
    if path.suffix in (".pt", ".pth"):
        _check_file(path, limit)
        return _unwrapped(_read_torch(path, limit), path)
    if path.suffix == ".safetensors":
        return read_safetensors(path, limit)
    raise ModelError(f"weights are read from .safetensors, .pt or .pth files, got: {path}")


def read_safetensors(path: Path, limit: int) -> State:
    """Names and tensors of a safetensors file of at most ``limit`` bytes with any name; raises ``ModelError`` for any other file."""
    _check_file(path, limit)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path} is not a complete safetensors file: {error}") from error


def _check_file(path: Path, limit: int) -> None:
    if not path.is_file():
        raise ModelError(f"no such weight file: {path}")
    if path.stat().st_size > limit:
        raise ModelError(f"{path} is far too large for this network: {path.stat().st_size:,} bytes", f"at most {limit:,} are read")


def put_state(module: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Copy the tensors into the module; raises ``ModelError`` that lists all that are missing, unexpected or do not fit."""
    wanted = module.state_dict()
    problems = _problems(wanted, state)
    if problems:
        more = f"\n  and {len(problems) - LISTED} more" if len(problems) > LISTED else ""
        listed = "".join(f"\n  {problem}" for problem in problems[:LISTED])
        raise ModelError(f"{name} does not fit the network:{listed}{more}", "were the weights saved from this very architecture?")
    with torch.no_grad():
        for key, values in state.items():
            wanted[key].copy_(values)


def write_state(path: Path, state: Mapping[str, Tensor], facts: Mapping[str, str] | None = None) -> None:
    """Write tensors and metadata ``facts`` as a safetensors file, atomically: other processes see the complete file or none."""
    # Cloned, because the format refuses tensors that share memory.
    plain = {key: values.detach().cpu().clone(memory_format=torch.contiguous_format) for key, values in state.items()}
    write_file(path, save(plain, dict(facts) if facts else None))


def write_file(path: Path, content: bytes) -> None:
    """Write a file atomically; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.{uuid4().hex}")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _problems(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    # Old checkpoints lack this counter; nothing here depends on it.
    missing = [key for key in wanted if key not in state and not key.endswith("num_batches_tracked")]
    problems = [f"missing: {key}, {tuple(wanted[key].shape)}" for key in missing]
    problems += [f"unexpected: {key}" for key in state if key not in wanted]
    for key, values in state.items():
        if key in wanted and values.shape != wanted[key].shape:
            problems.append(f"wrong shape: {key} must be {tuple(wanted[key].shape)}, got: {tuple(values.shape)}")
        elif key in wanted and wanted[key].is_floating_point() != values.is_floating_point():
            problems.append(f"wrong type: {key} must be {wanted[key].dtype}, got: {values.dtype}")
        elif not is_finite(values):
            problems.append(f"not finite: {key} holds NaN or infinity")
    return problems


def _read_torch(path: Path, limit: int) -> Any:
    try:
        _check_unpacked_size(path, limit)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except ModelError:
        raise
    except pickle.UnpicklingError as error:
        # Torch distinguishes the two cases only in its message, which advises to run the code.
        if "Unsupported global" in str(error) or "Unsupported class" in str(error):
            raise ModelError(f"{path} needs code to be loaded and is refused", CONVERT) from error
        raise ModelError(f"{path} is not a complete torch weight file: it is damaged, or holds more than tensors", CONVERT) from error
    except Exception as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(f"{path} is not a complete torch weight file: {first}") from error


def _check_unpacked_size(path: Path, limit: int) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    if unpacked > limit:
        raise ModelError(f"{path} unpacks to far too much for this network: {unpacked:,} bytes", f"at most {limit:,} are read")


def _unwrapped(loaded: Any, path: Path) -> State:
    while isinstance(loaded, dict):
        inside = next((loaded[key] for key in WRAPPINGS if isinstance(loaded.get(key), dict)), None)
        if inside is None:
            break
        loaded = inside
    if not isinstance(loaded, dict) or not loaded:
        raise ModelError(f"{path} must hold a dictionary of tensors, got: {type(loaded).__name__}")
    others = [str(key) for key, values in loaded.items() if not isinstance(values, Tensor)]
    if others:
        raise ModelError(f"{path} holds things that are not tensors: {', '.join(others[:LISTED])}")
    prefixed = all(str(key).startswith("module.") for key in loaded)
    return {str(key).removeprefix("module.") if prefixed else str(key): values for key, values in loaded.items()}
