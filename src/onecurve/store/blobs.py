"""Content-addressed blobs: records with arrays, and files, each under the digest of its content.

A folder may have a remote place beside it, with the same layout: what is not here is fetched from there. Several processes may write at
once: a blob is complete or absent, and the same content has the same name. Whatever is read is compared with its name, so that damage is
an error and never another answer.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from onecurve.core.codec import decode, digest_of_encoded, encode
from onecurve.core.digests import digest_of
from onecurve.core.errors import DataError, OneCurveError, SchemaError
from onecurve.store.remote import Remote

RECORD = "record"
REBUILT = "network:"
"""What rows put before the key of an adopted file."""
MOST_WORDS = 500
"""Characters of a reason."""
KEY = 32
"""Hexadecimal digits of a key."""
REMEDY = "restore it from a copy, or run again in another folder; `onecurve verify` lists all that is damaged"


class MissingBlobError(DataError, KeyError):
    """There is no blob of that key; a ``KeyError`` for callers to whom that is no mistake."""


class Blobs:
    """A folder of blobs, maybe with a remote place that holds those that are not here."""

    def __init__(self, folder: Path, remote: Remote | None = None) -> None:
        self.folder = folder
        self.remote = remote

    def put(self, record: object) -> str:
        """Store a record (see ``core.codec``) and return its key. The same record is stored once; a damaged file is overwritten."""
        text, arrays = encode(record)
        key = digest_of_encoded(text, arrays)
        path = self.path(key)
        if self.fault(key):
            contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
            _write_whole(path, save(contiguous, metadata={RECORD: text}))
        return key

    def get(self, key: str) -> Any:
        """The record of that key; raises ``MissingBlobError`` if it is not here, ``DataError`` if it is damaged."""
        path = self.path(key)
        if not self.bring(path):
            raise MissingBlobError(f"a blob is missing: {path}", REMEDY)
        text, arrays = _encoded(path, key)
        try:
            return decode(text, arrays)
        except SchemaError:
            raise
        except (OneCurveError, LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
            # It is as it was stored, but what stored it was no record of ours.
            raise DataError(f"not a record: {path.name}: {type(error).__name__}: {error}"[:MOST_WORDS]) from error

    def fault(self, key: str) -> str:
        """What is wrong with the record of that key, in words; empty if it is here as it was stored."""
        path = self.path(key)
        if not self.bring(path):
            return f"a blob is missing: {path}"
        try:
            _encoded(path, key)
        except DataError as error:
            return error.message
        return ""

    def adopt(self, file: Path) -> str:
        """Move a finished safetensors file in and return its key; the file is gone from where it was."""
        key = digest_of(file)[:KEY]
        path = self.file(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, path)
        return key

    def file(self, key: str) -> Path:
        """Where the adopted file of that key is, or would be."""
        return self.folder / key[:2] / f"{key}.file.safetensors"

    def keys(self) -> tuple[str, ...]:
        """Keys of everything that is stored, as rows name it: those of adopted files begin with `network:`."""
        found = (path.name for path in self.folder.glob("??/*.safetensors") if not path.name.startswith("."))
        return tuple(sorted(f"{REBUILT}{name[:KEY]}" if name.endswith(".file.safetensors") else name[:KEY] for name in found))

    def checked_file(self, key: str) -> Path:
        """Where the adopted file of that key is; raises ``DataError`` if it is missing or damaged."""
        fault = self.file_fault(key)
        if fault:
            raise DataError(fault, REMEDY)
        return self.file(key)

    def file_fault(self, key: str) -> str:
        """What is wrong with the adopted file of that key, in words; empty if it is here as it was stored."""
        path = self.file(key)
        if not self.bring(path):
            return f"a blob is missing: {path}"
        return "" if digest_of(path)[:KEY] == key else f"damaged blob: {path}"

    def take(self, key: str, other: "Blobs", most_bytes: int, accept: Callable[[Any], None] | None = None) -> None:
        """Copy a record that is accepted, or without ``accept`` an adopted file, from other blobs, maybe of a hostile process that ended.

        Raises ``DataError`` unless a regular file of that content, and of at most so many bytes, lies there under its key, and
        what ``accept`` raises for a record.
        """
        file = accept is None
        source, path = (other.file(key), self.file(key)) if file else (other.path(key), self.path(key))
        size = _regular_size(source, other.folder)
        if size > most_bytes:
            raise DataError(f"a blob may have at most {most_bytes} bytes, got: {size}")
        fault = other.file_fault(key) if file else other.fault(key)
        if fault:
            raise DataError(f"damaged blob: {source.name}")
        if accept is not None:
            accept(other.get(key))
        if self.file_fault(key) if file else self.fault(key):
            _copy_whole(source, path)

    def bring(self, path: Path, *, anew: bool = False) -> bool:
        """Whether a file of this folder is here, once it was fetched if it was not; ``anew`` to fetch it in any case."""
        if path.exists() and not anew:
            return True
        return self.remote is not None and self.remote.fetch(self._name(path), path)

    def send(self, path: Path) -> None:
        """Copy a file of this folder to the remote place, if there is one."""
        if self.remote is not None and path.exists():
            self.remote.send(path, self._name(path))

    def is_sent(self, path: Path) -> bool:
        """Whether a file of this folder is known to be in the remote place."""
        return self.remote is not None and self._name(path) in self.remote.sent

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def path(self, key: str) -> Path:
        """Where the record of that key is, or would be."""
        return self.folder / key[:2] / f"{key}.safetensors"


def is_key(text: str) -> bool:
    """Whether a text can be a key."""
    return len(text) == KEY and set(text) <= set("0123456789abcdef")


def _regular_size(source: Path, folder: Path) -> int:
    """Bytes of a file that may be read, and that no link leads to; raises ``MissingBlobError`` for anything else."""
    try:
        if not any(place.is_symlink() for place in (folder, source.parent, source)) and source.is_file():
            with source.open("rb"):
                return source.stat().st_size
    except OSError:
        pass  # its owner may have closed it to everybody
    raise MissingBlobError(f"a blob is missing: {source.name}")


def _encoded(path: Path, key: str) -> tuple[str, dict[str, np.ndarray]]:
    """Text and arrays of a blob; raises ``DataError`` unless they are those that the key was made of."""
    try:
        with safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            text = (file.metadata() or {})[RECORD]
        if digest_of_encoded(text, arrays) == key:
            return text, arrays
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"damaged blob: {path}", REMEDY) from error
    raise DataError(f"damaged blob: {path}", REMEDY)


def _copy_whole(source: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    os.close(handle)
    try:
        shutil.copyfile(source, name)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


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
