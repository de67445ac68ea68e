"""The folder that an audit writes into: apart from the images, and for one audit at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from onecurve.core.errors import UsageError

OWN: Final = ("assets", "pictures", "stages")
"""Folders that an audit makes there."""


def require_apart(out: Path, images: Path) -> None:
    """Raises ``UsageError`` where outputs would lie among the images: the next audit would read them as such."""
    if not images.is_dir():
        return
    place, own = images.resolve(), out.resolve()
    if own.is_relative_to(place):
        raise UsageError(f"what is written would lie among the images: {out} is in {images}", "choose a folder beside them with --out")
    if any(place.is_relative_to(own / name) for name in OWN):
        raise UsageError(f"what is written would lie among the images: {images} is a folder that an audit in {out} writes to", "--out DIR")


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Make the folder and hold its lock; a folder that was made and stayed empty is taken away again.

    Raises ``UsageError`` where it cannot be written to, or another audit is at work in it.
    """
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        writable = os.access(out, os.W_OK | os.X_OK)
    except OSError as error:
        raise UsageError(f"cannot write to {out}: {error.strerror}", "choose another folder with --out") from error
    if not writable:
        raise UsageError(f"cannot write to {out}: no permission", "choose another folder with --out")
    try:
        with _locked(out):
            yield
    finally:
        with suppress(OSError):
            for folder in made:
                folder.rmdir()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lock of the folder itself, where the system knows such locks; it ends with the process."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        yield
        return
    place = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"another audit is writing to: {folder}", "wait for it to end, or choose another --out") from error
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(place)
