"""Where a run keeps its rows and blobs, found out and opened; one program at a time writes."""

from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from onecurve.core.errors import UsageError
from onecurve.store.databases import sqlite
from onecurve.store.databases.address import address_of
from onecurve.store.databases.database import Database
from onecurve.store.pointer import Pointer

UNIX_ONLY: Final = "running a suite needs Linux or macOS"


def agreed(folder: Path, known: Pointer, address: str, blobs: str) -> Pointer:
    """Where the run has its rows and blobs, by its folder and by what was asked for; raises ``UsageError`` where the two differ."""
    if blobs and known.blobs and blobs.rstrip("/") != known.blobs:
        raise UsageError(f"the blobs of {folder} are in {known.blobs}", "leave out --blobs, or choose another folder with --out")
    pointer = replace(known, blobs=known.blobs or blobs.rstrip("/"))
    if not address:
        return pointer
    asked = address_of(address)
    if known.store and not address_of(known.store).names_the_same(asked):
        raise UsageError(f"the rows of {folder} are in {known.store}", "leave out --store, or choose another folder with --out")
    if not known.store and (folder / sqlite.FILE).is_file():
        raise UsageError(f"the rows of {folder} are in its own {sqlite.FILE}", "leave out --store, or choose another folder with --out")
    return replace(pointer, store=asked.shown)


def opened(folder: Path, pointer: Pointer, address: str, *, writable: bool) -> Database:
    """The database with the rows; ``address`` may have a password, which the folder has not."""
    if not pointer.store:
        return sqlite.SqliteDatabase(folder / sqlite.FILE, writable=writable)
    from onecurve.store.databases.postgres import PostgresDatabase  # noqa: PLC0415 - only where it is asked for

    return PostgresDatabase(address_of(address or pointer.store), writable=writable)


def locked(folder: Path) -> IO[str]:
    """The lock of a folder, which is made; raises ``UsageError`` where another process has it, or nothing can be written."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows, where results can be read but not written
    except ImportError as error:
        raise UsageError(UNIX_ONLY, "on Windows use the Windows Subsystem for Linux (WSL)") from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}", "choose another folder with --out") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise UsageError(f"another run is writing to: {folder}", "wait for it to end, or choose another --out") from error
    return lock
