"""An open `.npz` file whose arrays are read by name. Nothing is unpickled, and nothing is read before its size is checked."""

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from onecurve.core.errors import DataError

MOST_BYTES = 8 * 1024**3
"""A file whose arrays take more than this in memory is refused."""


@final
@dataclass(frozen=True)
class Archive:
    """An open file whose arrays are read by name."""

    path: Path
    file: np.lib.npyio.NpzFile

    @property
    def names(self) -> list[str]:
        """The names of the arrays."""
        return list(self.file.files)

    def read(self, name: str) -> np.ndarray:
        """The array; raises ``DataError`` for one that holds objects, is damaged or claims more than the file holds."""
        self._require_all_there(name)
        try:
            return np.asarray(self.file[name])
        except (ValueError, OSError, EOFError, MemoryError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
            if "allow_pickle" in str(error):
                raise self.fault(f"`{name}` holds Python objects, which are never loaded", "save it as plain numbers or strings") from error
            raise self.fault(f"`{name}` cannot be read: {error}", "the file may be damaged or cut short; copy it anew") from error

    def _require_all_there(self, name: str) -> None:
        """Memory is taken by what an array's header says, so that is compared with the size of the entry first."""
        try:
            with zipfile.ZipFile(self.path) as whole, whole.open(f"{name}.npy") as entry:
                version = np.lib.format.read_magic(entry)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, kind = read(entry)
                there = whole.getinfo(f"{name}.npy").file_size
        except (ValueError, KeyError, OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError):
            return  # whoever reads the array says what is wrong
        claimed = math.prod(shape) * kind.itemsize
        if not kind.hasobject and claimed > there:
            raise self.fault(f"`{name}` claims {claimed:,} bytes and has {there:,}", "the file is damaged or cut short; copy it anew")

    def fault(self, what: str, hint: str = "") -> DataError:
        """The error for something wrong in this file."""
        return DataError(f"{what}: {self.path}", hint)

    def strings(self, name: str) -> list[str]:
        """The strings of an array; raises ``DataError`` for one that holds others."""
        values = self.read(name)
        if values.dtype.kind not in "US" or values.ndim != 1:
            raise self.fault(
                f"`{name}` must be strings in one dimension, got: {values.dtype} {values.shape}", "save it as numpy.array(['cat', 'dog'])"
            )
        return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values.tolist()]


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The file, open within the block; raises ``DataError`` if there is no such file, or if its arrays are too large for memory."""
    if not path.exists():
        raise DataError(f"no such file: {path}", "write npz:PATH with the path of an existing .npz file")
    if path.is_dir():
        raise DataError(f"a folder and not a file: {path}", "a folder of images is written folder:PATH")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"not an .npz file: {path}: {error}", "make one with numpy.savez_compressed(PATH, images=…, labels=…)") from error
    if size > MOST_BYTES:
        raise DataError(
            f"the arrays take {size / 1024**3:.1f} GiB, the most is {MOST_BYTES // 1024**3}: {path}", "give a folder of images instead"
        )
    with np.load(path, allow_pickle=False) as file:
        yield Archive(path, file)
