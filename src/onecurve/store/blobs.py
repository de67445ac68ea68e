"""Content-addressed blobs: records with arrays, and files, each under the digest of its content.

Several processes may write at once: a blob is complete or absent, and the same content has the same name.
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from onecurve.core.codec import decode, digest, encode
from onecurve.core.errors import SchemaError

RECORD = "record"


class Blobs:
    """A folder of blobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, record: object) -> str:
        """Store a record (see ``core.codec``) and return its key. The same record is stored once."""
        key = digest(record)
        path = self._path(key)
        if not path.exists():
            text, arrays = encode(record)
            contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
            _write_whole(path, save(contiguous, metadata={RECORD: text}))
        return key

    def get(self, key: str) -> Any:
        """The record of that key; raises ``KeyError`` if it is not here, ``SchemaError`` if it is damaged."""
        path = self._path(key)
        if not path.exists():
            raise KeyError(key)
        try:
            with safe_open(path, "numpy") as file:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
                return decode(file.metadata()[RECORD], arrays)
        except (SafetensorError, KeyError, ValueError) as error:
            raise SchemaError(f"damaged blob: {path}", "delete it and run again") from error

    def adopt(self, file: Path) -> str:
        """Move a finished safetensors file in and return its key; the file is gone from where it was."""
        summary = hashlib.sha256()
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                summary.update(chunk)
        key = summary.hexdigest()[:32]
        path = self.file(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, path)
        return key

    def file(self, key: str) -> Path:
        """Where the adopted file of that key is, or would be."""
        return self.folder / key[:2] / f"{key}.file.safetensors"

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.safetensors"


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
