"""A place beyond this machine, such as a bucket, that keeps copies of what a run makes: whatever fsspec has a protocol for."""

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, TypeVar, final
from urllib.parse import urlsplit

from onecurve.core.errors import DataError, MissingExtraError, OneCurveError, UsageError

T = TypeVar("T")

PATIENCE: Final = 60.0
"""Seconds for which a place that cannot be reached is tried again."""
PAUSES: Final = (0.2, 5.0)
"""Seconds before the second try, and at most between two; they double."""
WORDS: Final = 300
"""Characters of an error that a message repeats, at most."""
FINAL: Final = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
"""Errors that trying again does not mend."""
ABOUT: Final = "onecurve.txt"
TOLD: Final = b"Blobs and networks of runs of OneCurve, by the digest of their content. `sealed` holds the ground truth.\n"
HINT: Final = "--blobs takes a URL such as s3://BUCKET/PREFIX or file:///FOLDER; credentials come from the environment"
GOES_ON: Final = "everything finished is kept, and the same command goes on"


@final
@dataclass(frozen=True)
class Remote:
    """A folder in such a place; files in it are written whole and never changed."""

    url: str
    files: Any
    """The file system of fsspec."""
    root: str
    """Path of the folder in that file system."""
    sent: set[str] = field(default_factory=set)
    """What was copied there, or found there, since it was opened."""

    def below(self, name: str) -> "Remote":
        """A folder in this one."""
        return Remote(f"{self.url}/{name}", self.files, f"{self.root}/{name}")

    def send(self, file: Path, name: str) -> None:
        """Copy a file there, once; raises ``OneCurveError`` where the place cannot be reached."""
        if name not in self.sent:
            self._patiently(lambda: self._put(file, name))
            self.sent.add(name)

    def fetch(self, name: str, file: Path) -> bool:
        """Copy a file from there, whole; False if it is not there. Raises ``OneCurveError`` where the place cannot be reached."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handle, arriving = tempfile.mkstemp(dir=file.parent, prefix=".")
        except OSError as error:
            raise DataError(f"cannot write to {file.parent}: {error.strerror}", f"it has to be fetched from {self.url}") from error
        os.close(handle)
        try:
            self._patiently(lambda: self.files.get_file(f"{self.root}/{name}", arriving))
            Path(arriving).replace(file)
        except FileNotFoundError:
            return False
        finally:
            Path(arriving).unlink(missing_ok=True)
        self.sent.add(name)
        return True

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        if name not in self.sent and self._patiently(lambda: bool(self.files.exists(f"{self.root}/{name}"))):
            self.sent.add(name)
        return name in self.sent

    def require(self) -> None:
        """Raise ``UsageError`` unless something can be written there now."""
        try:
            if _is_local(self.files):
                self.files.makedirs(self.root, exist_ok=True)  # elsewhere that would make a bucket
            self.files.pipe_file(f"{self.root}/{ABOUT}", TOLD)
        except Exception as error:  # each protocol has errors of its own
            raise UsageError(f"cannot write to {self.url}: {_said(error)}", HINT) from error

    def _put(self, file: Path, name: str) -> None:
        place = f"{self.root}/{name}"
        if not _is_local(self.files):
            self.files.put_file(str(file), place)  # whole or not at all, as an object is
            return
        self.files.makedirs(place.rpartition("/")[0], exist_ok=True)
        arriving = f"{place}.{token_hex(4)}.part"
        try:
            self.files.put_file(str(file), arriving)
            self.files.mv(arriving, place)
        except BaseException:
            with suppress(OSError):
                self.files.rm_file(arriving)
            raise

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """Do it, and again after an error that may pass until the patience ends."""
        until, pause = time.monotonic() + PATIENCE, PAUSES[0]
        while True:
            try:
                return attempt()
            except FINAL as error:
                if isinstance(error, FileNotFoundError):
                    raise
                raise DataError(f"cannot use {self.url}: {_said(error)}", HINT) from error
            except Exception as error:  # each protocol has errors of its own
                if time.monotonic() + pause > until:
                    words = f"{self.url} could not be reached for {PATIENCE:g} s: {_said(error)}"
                    raise OneCurveError(words, GOES_ON) from error
                time.sleep(pause)
                pause = min(2 * pause, PAUSES[1])


def opened_remote(url: str) -> Remote:
    """The place of a URL; raises ``UsageError`` for a URL that is none, ``MissingExtraError`` where its protocol is not installed."""
    parts = urlsplit(url)
    if not parts.scheme or parts.password:
        raise UsageError("not a URL of a place for blobs" if not parts.password else "a URL of a place for blobs holds no password", HINT)
    try:
        import fsspec  # noqa: PLC0415 - an extra

        files, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        raise _lacking(parts.scheme, error) from error
    except ValueError as error:
        raise UsageError(f"not a URL of a place for blobs: {url}: {_said(error)}", HINT) from error
    return Remote(url.rstrip("/"), files, str(root).rstrip("/"))


def _lacking(scheme: str, error: ImportError) -> MissingExtraError:
    if scheme in {"s3", "s3a"} or "fsspec" in str(error):
        needed = "fsspec" if "fsspec" in str(error) else "s3fs"
        return MissingExtraError.needing(f"a place {scheme}:// for blobs is opened by {needed}, which", "remote")
    return MissingExtraError(f"a place {scheme}:// for blobs: {error}", "install the package that opens it")


def local_folder(url: str) -> Path | None:
    """The folder of a URL on this machine's own disks; None for any other."""
    parts = urlsplit(url)
    return Path(parts.path) if parts.scheme in {"file", "local"} else None


def _is_local(files: Any) -> bool:
    """Whether these are files on disks of this machine, where a folder has to be made and a file is not whole before it is closed."""
    return "file" in files.protocol


def _said(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:WORDS]
