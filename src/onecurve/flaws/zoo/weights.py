"""The weights of a zoo: one safetensors file in half precision, of which one network is read at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from onecurve.core.digests import require_intact
from onecurve.core.errors import DataError
from onecurve.core.image.images import Ints
from onecurve.flaws.zoo.manifest import REMEDY, manifest, place_of

NETWORK, TWIN, ROWS, RELABELLED = "network", "twin", "rows", "relabelled"
State = Mapping[str, Tensor]


@final
@dataclass(frozen=True)
class ChangedImages:
    """What one flaw changed in the training images."""

    rows: Ints
    """int64; as in ``flaws.planting.outcomes.InsertedFlaw``."""
    relabelled: int
    """Training images whose label it changed."""


@final
@dataclass(frozen=True)
class StoredWeights:
    """One planted network before any weight edit, and its clean twin, in single precision; and what its flaws changed."""

    network: State
    twin: State
    changed: tuple[ChangedImages, ...]
    """One per flaw, in the order of planting; so that nobody has to draw the training images again to know it."""


def stored_weights(zoo: str, key: str) -> StoredWeights:
    """The weights with that key in the zoo of that name or path; raises ``DataError`` where it has none, or is damaged."""
    if key not in {network.key for network in manifest(zoo).networks}:
        raise DataError(
            f"the zoo `{zoo}` holds no network of this recipe, seed and kind of flaw, or holds it of another version of planting",
            "leave `zoo` out of the recipe to train it",
        )
    path = place_of(zoo).with_suffix(".safetensors")
    require_intact(path.parent, [path.name])
    try:
        with safe_open(path, "pt") as file:
            network = _state(file, f"{key}.{NETWORK}.")
            # A clean network is its own twin.
            return StoredWeights(network, _state(file, f"{key}.{TWIN}.") or network, _changed(file, key))
    except (SafetensorError, OSError) as error:
        raise DataError(f"cannot read the zoo {path}: {error}", REMEDY) from error


def write_weights(found: Mapping[str, StoredWeights], path: Path) -> None:
    """Write the weights by key, rounded to half precision; the twin is left out where it is the network itself."""
    tensors: dict[str, Tensor] = {}
    for key, weights in found.items():
        tensors |= {f"{key}.{NETWORK}.{name}": _rounded(value) for name, value in weights.network.items()}
        if not same(weights.network, weights.twin):
            tensors |= {f"{key}.{TWIN}.{name}": _rounded(value) for name, value in weights.twin.items()}
        tensors[f"{key}.{RELABELLED}"] = torch.tensor([one.relabelled for one in weights.changed], dtype=torch.int32)
        tensors |= {f"{key}.{ROWS}.{number}": torch.tensor(one.rows, dtype=torch.int32) for number, one in enumerate(weights.changed)}
    save_file(tensors, path)
    path.chmod(0o644)


def same(one: State, other: State) -> bool:
    """Whether two networks have the same weights, bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def _changed(file: safe_open, key: str) -> tuple[ChangedImages, ...]:
    counts: list[int] = file.get_tensor(f"{key}.{RELABELLED}").tolist()  # type: ignore[no-untyped-call]
    rows = [file.get_tensor(f"{key}.{ROWS}.{number}").long().numpy() for number in range(len(counts))]  # type: ignore[no-untyped-call]
    return tuple(ChangedImages(some, count) for some, count in zip(rows, counts, strict=True))


def _rounded(value: Tensor) -> Tensor:
    return (value.half() if value.is_floating_point() else value).clone(memory_format=torch.contiguous_format)


def _state(file: safe_open, prefix: str) -> dict[str, Tensor]:
    names = [name for name in file.keys() if name.startswith(prefix)]  # type: ignore[no-untyped-call] # noqa: SIM118
    found = {name.removeprefix(prefix): file.get_tensor(name) for name in names}  # type: ignore[no-untyped-call]
    return {name: value.float() if value.is_floating_point() else value for name, value in found.items()}
