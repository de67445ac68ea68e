"""A cache of trained weights by content key, so that the same network is trained only once. Processes may share it.

A damaged file counts as missing: the network is trained again and the file is overwritten.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import final

from torch import Tensor, nn

from onecurve.core.errors import ModelError
from onecurve.models.metering import unmetered
from onecurve.models.weights import read_safetensors, write_state

LARGEST = 2**32
"""Bytes; the largest file that is read."""


@final
@dataclass(frozen=True)
class Cache:
    """Weights in ``root``, one safetensors file per key."""

    root: Path

    def network(self, key: str) -> dict[str, Tensor] | None:
        """The weights with that content key, on the CPU; None if there are none."""
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            return read_safetensors(path, LARGEST)
        except ModelError:
            return None

    def keep(self, key: str, module: nn.Module) -> None:
        """Store the weights and buffers of the module; raises ``ModelError`` if ``root`` cannot be written."""
        try:
            write_state(self._path(key), unmetered(module).state_dict())
        except OSError as error:
            raise ModelError(
                f"cannot write to the cache {self.root}: {error}", "set ONECURVE_CACHE to a folder that can be written"
            ) from error

    def _path(self, key: str) -> Path:
        if not re.fullmatch(r"[0-9A-Za-z_-]{1,128}", key):
            raise ModelError(f"a cache key is letters, digits, `-` and `_`, got: {key!r}")
        # Spread over sub-folders, because folders with very many files are slow.
        return self.root / "networks" / key[:2] / f"{key}.safetensors"
