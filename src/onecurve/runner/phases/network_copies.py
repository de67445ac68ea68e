"""Copies of planted networks in the remote place of a run, one archive each under the key of what was to be planted."""

import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from onecurve.core.digests import FILE, digest_of, faults, has_digests
from onecurve.core.errors import DataError
from onecurve.store.remote import Remote

FOLDER: Final = "networks"
MARKER: Final = "key"
"""File that a run puts into its own copy; it is no part of the network."""


def send_network(remote: Remote | None, key: str, folder: Path) -> None:
    """Copy the network in ``folder`` to the remote place, if there is one and it is not there yet."""
    if remote is None or remote.has(_name(key)) or not has_digests(folder):
        return
    with tempfile.TemporaryDirectory() as place:
        archive = Path(place) / "network.tar"
        _pack(folder, archive)
        remote.send(archive, _name(key))


def fetch_network(remote: Remote | None, key: str, folder: Path) -> bool:
    """Have the network in ``folder``, whole or not at all; False if the remote place does not hold it.

    Raises ``DataError`` for an archive that is damaged.
    """
    if remote is None:
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as place:
        archive, arriving = Path(place) / "network.tar", Path(place) / "network"
        if not remote.fetch(_name(key), archive):
            return False
        found = _unpack(archive, arriving)
        if found:
            raise DataError(f"damaged: {remote.url}/{_name(key)}: {found}", "delete it there, so that the network is planted again")
        shutil.rmtree(folder, ignore_errors=True)
        arriving.rename(folder)
    return True


def is_network(folder: Path, noted: str | None) -> bool:
    """Whether the network in ``folder`` is the one whose digests were noted, or none were."""
    return noted is None or (has_digests(folder) and digest_of(folder / FILE) == noted)


def _name(key: str) -> str:
    return f"{FOLDER}/{key[:2]}/{key}.tar"


def _pack(folder: Path, archive: Path) -> None:
    """The files below ``folder`` in order of their names, without times and owners: the same archive for the same network."""
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as packed:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MARKER):
            about = tarfile.TarInfo(path.relative_to(folder).as_posix())
            about.size = path.stat().st_size
            with path.open("rb") as file:
                packed.addfile(about, file)


def _unpack(archive: Path, folder: Path) -> str:
    """Unpack it, and say what is wrong with it; empty for nothing."""
    try:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    except (tarfile.TarError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    if not has_digests(folder):
        return f"it has no {FILE}"
    return next(iter(faults(folder)), "")
