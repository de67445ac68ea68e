"""Reads weight files of any ending by what they hold: safetensors, torch files of tensors only, archives of numpy arrays.

No file is ever run: what needs code to be loaded is refused.
"""

import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from onecurve.core.errors import ModelError

State = dict[str, Tensor]
CONVERT = "convert it to safetensors: safetensors.torch.save_file(module.state_dict(), 'weights.safetensors')"
STRANGERS = {
    b"version https://git-lfs": ("a Git LFS pointer and not the file itself", "fetch it: git lfs pull"),
    b"<": ("a page of the web or another text", "download the file itself"),
    b"\x89HDF": ("an HDF5 file", CONVERT),
}
"""How files begin that are taken for weights by mistake, what they are, and what to do."""
DEEPEST = 4


def read_weights(path: Path, limit: int) -> dict[str, State]:
    """All dictionaries of tensors in a file of at most ``limit`` bytes, by the keys that lead to them, joined by dots.

    A dictionary at the top has the key "". Raises ``ModelError`` for any other file.
    """
    check_file(path, limit)
    kind = _kind_of(path)
    if kind == "safetensors":
        return {"": read_safetensors(path, limit)}
    loaded = _read_arrays(path, limit) if kind == "arrays" else _read_torch(path, limit)
    found = dict(_states(loaded))
    if not found:
        raise ModelError(f"{path} must hold a dictionary of tensors, got: {_told(loaded)}", CONVERT)
    return found


def read_safetensors(path: Path, limit: int) -> State:
    """Names and tensors of a safetensors file of at most ``limit`` bytes with any name; raises ``ModelError`` for any other file."""
    check_file(path, limit)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path} is not a complete safetensors file: {error}") from error


def check_file(path: Path, limit: int) -> None:
    """Raise ``ModelError`` for a file that is absent or too large."""
    if not path.is_file():
        raise ModelError(f"no such weight file: {path}")
    if path.stat().st_size > limit:
        raise ModelError(f"{path} is far too large for this network: {path.stat().st_size:,} bytes", f"at most {limit:,} are read")


def _kind_of(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(64)
    if start[:2] == b"PK":
        return _kind_of_archive(path)
    # A pickle, as torch wrote it before it wrote archives.
    if start[:1] == b"\x80":
        return "torch"
    if start[8:9] == b"{":
        return "safetensors"
    for beginning, (what, hint) in STRANGERS.items():
        if start.startswith(beginning):
            raise ModelError(f"{path} is no weight file: it is {what}", hint)
    # Nothing tells what it is: its ending says what was meant.
    if path.suffix in (".safetensors", ".pt", ".pth"):
        return "safetensors" if path.suffix == ".safetensors" else "torch"
    raise ModelError(f"{path} is no weight file: weights are read from safetensors, torch and numpy files", CONVERT)


def _kind_of_archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "torch"
    if names and all(name.endswith(".npy") for name in names):
        return "arrays"
    if any("/code/" in name for name in names):
        raise ModelError(
            f"{path} is TorchScript, which is code and not weights", "save the weights alone: torch.save(module.state_dict(), path)"
        )
    return "torch"


def _read_arrays(path: Path, limit: int) -> State:
    _check_unpacked_size(path, limit)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(np.array(arrays[name])) for name in arrays.files}
    except (OSError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} is not a complete archive of numbers: {error}") from error


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


def _states(loaded: Any, place: str = "", depth: int = 0) -> Iterator[tuple[str, State]]:
    if not isinstance(loaded, Mapping) or depth > DEEPEST:
        return
    tensors = {str(key): value for key, value in loaded.items() if isinstance(value, Tensor)}
    if tensors:
        yield place, tensors
    for key, value in loaded.items():
        yield from _states(value, f"{place}.{key}" if place else str(key), depth + 1)


def _told(loaded: Any) -> str:
    if not isinstance(loaded, Mapping):
        return type(loaded).__name__
    return f"a dictionary of {', '.join(map(str, list(loaded)[:8]))}" if loaded else "an empty dictionary"
