"""A folder as one run of bytes, the same bytes for the same files, and back."""

import hashlib
import io
import shutil
import tarfile
import tempfile
from pathlib import Path

from onecurve.core.errors import DataError

KEY = 32
"""Hexadecimal digits of a key."""


def packed(folder: Path) -> bytes:
    """The regular files below the folder, in order of their names, without times and owners.

    Raises ``DataError`` for a folder that is not there.
    """
    if not folder.is_dir():
        raise DataError(f"a folder is missing: {folder}")
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                continue
            about = tarfile.TarInfo(path.relative_to(folder).as_posix())
            if path.is_dir():
                about.type, about.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(about)
                continue
            about.size = path.stat().st_size
            with path.open("rb") as file:
                archive.addfile(about, file)
    return content.getvalue()


def key_of(archive: bytes) -> str:
    """32 hexadecimal digits of the content."""
    return hashlib.sha256(archive).hexdigest()[:KEY]


def unpack(archive: bytes, folder: Path) -> None:
    """Write the files below ``folder``, which is whole or not there; what another process has put there meanwhile stays.

    Raises ``DataError`` for an archive with names that lead out of the folder.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    arriving = Path(tempfile.mkdtemp(dir=folder.parent, prefix="."))
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as opened:
            opened.extractall(arriving, filter="data")
        arriving.chmod(0o755)
        arriving.rename(folder)
    except tarfile.TarError as error:
        raise DataError(f"an archive that cannot be unpacked: {error}") from error
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(arriving, ignore_errors=True)
