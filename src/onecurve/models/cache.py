"""A cache of trained weights by content key, so that the same network is trained only once. Processes may share it.

Every file carries a digest of its tensors. A damaged file counts as missing: the network is trained again, the file is overwritten,
and ``Cache.healed`` says so in a line.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from onecurve.core.errors import ModelError
from onecurve.models.metering import unmetered
from onecurve.models.weight_files import read_safetensors
from onecurve.models.weights import write_state

LARGEST = 2**32
"""Bytes; the largest file that is read."""
DIGEST = "digest"


@final
@dataclass(frozen=True)
class Cache:
    """Weights in ``root``, one safetensors file per key."""

    root: Path
    healed: list[str] = field(default_factory=list, compare=False)
    """A line for each damaged file that was found and is trained anew."""

    def network(self, key: str) -> dict[str, Tensor] | None:
        """The weights with that content key, on the CPU; None if there are none, or if they are damaged."""
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            state = read_safetensors(path, LARGEST)
            with safe_open(path, "pt") as file:
                facts = file.metadata() or {}
            # Files of earlier versions have no digest and are taken as they are.
            if DIGEST not in facts or facts[DIGEST] == state_digest(state):
                return state
        except (ModelError, SafetensorError, OSError, ValueError):
            pass
        self.healed.append(f"the cached network {path} is damaged; it is trained again")
        return None

    def keep(self, key: str, module: nn.Module) -> None:
        """Store the weights and buffers of the module; raises ``ModelError`` if ``root`` cannot be written."""
        try:
            state = unmetered(module).state_dict()
            write_state(self._path(key), state, {DIGEST: state_digest(state)})
        except OSError as error:
            raise ModelError(
                f"cannot write to the cache {self.root}: {error}", "set ONECURVE_CACHE to a folder that can be written"
            ) from error

    def _path(self, key: str) -> Path:
        if not re.fullmatch(r"[0-9A-Za-z_-]{1,128}", key):
            raise ModelError(f"a cache key is letters, digits, `-` and `_`, got: {key!r}")
        # Spread over sub-folders, because folders with very many files are slow.
        return self.root / "networks" / key[:2] / f"{key}.safetensors"


def state_digest(state: Mapping[str, Tensor]) -> str:
    """64 hexadecimal digits of names, types, shapes and bytes of the tensors."""
    summary = hashlib.sha256()
    for name in sorted(state):
        values = state[name].detach().cpu().contiguous()
        summary.update(f"{name}:{values.dtype}:{tuple(values.shape)}".encode())
        summary.update(values.reshape(-1).view(torch.uint8).numpy().data)
    return summary.hexdigest()
