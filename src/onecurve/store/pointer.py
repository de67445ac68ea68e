"""Where the rows and the blobs of a run lie if not in its folder: a small file there, so that later commands need no address."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, final

from onecurve.core.errors import DataError, SchemaError, UsageError

FILE: Final = "store.json"
SCHEMA: Final = 1


@final
@dataclass(frozen=True)
class Pointer:
    """What a folder says of the run; both empty for one that holds everything itself."""

    store: str = ""
    """Address of a database, without a password; empty for the file in the folder."""
    blobs: str = ""
    """URL of the place to which blobs and networks are copied; empty for none."""


def read_pointer(folder: Path) -> Pointer:
    """What the folder says; raises ``DataError`` for a damaged file, ``SchemaError`` for one of a newer version."""
    path = folder / FILE
    if not path.is_file():
        return Pointer()
    try:
        found: Any = json.loads(path.read_bytes())
        version = found.pop("schema")
        pointer = Pointer(**found) if version == SCHEMA else Pointer()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"damaged: {path}", "restore it from a copy, or write it again with --store and --blobs") from error
    if version != SCHEMA:
        raise SchemaError(f"{path} has schema {version}, this version reads {SCHEMA}", "update onecurve")
    return pointer


def write_pointer(folder: Path, pointer: Pointer) -> None:
    """Write it whole; nothing for a folder that holds everything itself. Raises ``UsageError`` where the folder cannot be written."""
    if pointer in {Pointer(), read_pointer(folder)}:
        return
    arriving = folder / f".{FILE}-{os.getpid()}"
    try:
        arriving.write_text(json.dumps({"schema": SCHEMA, **asdict(pointer)}, indent=1) + "\n", encoding="utf-8")
        arriving.replace(folder / FILE)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}", "choose another folder with --out") from error
