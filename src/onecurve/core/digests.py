"""Digests of files: what a folder held when it was written, so that damage is noticed and never becomes a number."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from onecurve.core.errors import DataError

FILE = "digests.json"
"""Lies in the folder and names every file of it, but not itself."""
REMEDY = "restore it from a copy, or plant it again in another folder"


def digest_of(path: Path) -> str:
    """64 hexadecimal digits of a file's content; raises ``DataError`` for a file that is not there or cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise DataError(f"a file is missing: {path}", REMEDY) from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", REMEDY) from error


def write_digests(folder: Path, names: Iterable[str] | None = None) -> None:
    """Write down the digest of every file below the folder, or of those named."""
    here = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path != folder / FILE)
    known = {name: digest_of(folder / name) for name in sorted(names if names is not None else here)}
    (folder / FILE).write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def has_digests(folder: Path) -> bool:
    """Whether the folder can be checked; those written by versions before this module cannot."""
    return (folder / FILE).is_file()


def faults(folder: Path) -> list[str]:
    """What is wrong with the folder's files, one line each; nothing for a folder that is intact or has no digests."""
    try:
        known = _digests(folder)
    except DataError as error:
        return [error.message]
    return [fault for name in known if (fault := _fault(folder, name, known))]


def require_intact(folder: Path, names: Iterable[str]) -> None:
    """Raise ``DataError`` for the first of the files that is not as it was written; silent where there are no digests."""
    known = _digests(folder)
    for name in names if known else ():
        fault = _fault(folder, name, known)
        if fault:
            raise DataError(fault, REMEDY)


def _digests(folder: Path) -> Mapping[str, str]:
    path = folder / FILE
    if not path.is_file():
        return {}
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"damaged: {path}", REMEDY) from error
    if not isinstance(known, dict) or not known:
        raise DataError(f"damaged: {path}", REMEDY)
    return known


def _fault(folder: Path, name: str, known: Mapping[str, str]) -> str:
    path = folder / name
    if name not in known:
        return f"damaged: {folder / FILE} does not name {name}"
    try:
        return "" if digest_of(path) == known[name] else f"damaged: {path}"
    except DataError as error:
        return error.message
    except ValueError:  # a name that no file can have
        return f"damaged: {folder / FILE}"
