"""Parcels: a job with the records that it reads goes out, its outcome with all that it made comes back."""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, final

from onecurve.core.errors import DataError
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.engine.remote.archives import unpack
from onecurve.runner.engine.remote.transfers import TRANSFERS, Transfer, named, rewritten, texts
from onecurve.store.blobs import Blobs, is_key

FOLDERS, BLOBS, MADE, CACHE = "@folders", "@blobs", "@made", "@cache"
"""What stands in a parcel for places of the machine where the job is done."""
_NAME = re.compile(r"(\d)/([0-9a-f]{2})/([0-9a-f]{32})(\.file)?\.safetensors")


@final
@dataclass(frozen=True)
class Parcel:
    """A job for another machine."""

    job: Mapping[str, Any]
    """Its fields, with stand-ins for places."""
    folders: tuple[str, ...]
    """Keys of the folders that it reads."""
    blobs: Mapping[str, bytes]
    """Files of blobs that it reads, by place: number of the folder of blobs, and path in it."""
    blob_folders: int = 0
    fills: bool = False


@final
@dataclass(frozen=True)
class Reply:
    """What came of it."""

    outcome: Mapping[str, Any]
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    made: bytes = b""
    """The folder that it filled, as an archive; empty where it fills none."""


@final
@dataclass(frozen=True)
class Packing:
    """How one job is packed: which places of this machine it names, and what stands for them."""

    job: Job
    transfer: Transfer
    folders: Mapping[str, str]
    """Folders that it reads by path, with the keys of their content."""

    @property
    def blob_folders(self) -> tuple[str, ...]:
        """Folders of blobs, each once."""
        return tuple(dict.fromkeys(named(self.job.arguments, self.transfer.blobs)))

    def parcel(self) -> Parcel:
        """What goes out; raises ``DataError`` for a record that is not here."""
        places = {path: f"{FOLDERS}/{key}" for path, key in self.folders.items()}
        places |= {path: f"{BLOBS}/{number}" for number, path in enumerate(self.blob_folders)}
        places |= dict.fromkeys(named(self.job.arguments, (self.transfer.fills,)), MADE)
        places |= dict.fromkeys(named(self.job.arguments, (self.transfer.caches,)), CACHE)
        job = {**asdict(self.job), "trust": self.job.trust.value, "arguments": rewritten(self.job.arguments, places)}
        return Parcel(job, tuple(self.folders.values()), dict(self._read()), len(self.blob_folders), bool(self.transfer.fills))

    def _read(self) -> Iterator[tuple[str, bytes]]:
        for names, adopted in ((self.transfer.records, False), (self.transfer.files, True)):
            for key in named(self.job.arguments, names):
                yield self._file(key, adopted=adopted)

    def _file(self, key: str, *, adopted: bool) -> tuple[str, bytes]:
        for number, folder in enumerate(self.blob_folders):
            path = _path(Blobs(Path(folder)), key, adopted=adopted)
            if path.is_file():
                return f"{number}/{path.relative_to(folder).as_posix()}", path.read_bytes()
        raise DataError(f"a blob is missing: {key}")

    def taken_in(self, reply: Reply) -> Outcome:
        """The outcome, once all that came with it lies where it belongs.

        Raises ``DataError`` for a blob that is not what its name says.
        """
        for name, content in reply.blobs.items():
            found = _NAME.fullmatch(name)
            if found is None or int(found[1]) >= len(self.blob_folders):
                raise DataError(f"a blob with a strange name: {name[:80]}")
            _keep(Blobs(Path(self.blob_folders[int(found[1])])), found[3], content, adopted=bool(found[4]))
        for folder in named(self.job.arguments, (self.transfer.fills,)) if reply.made else ():
            if Path(folder).is_dir():
                Path(folder).rmdir()  # raises where it holds anything
            unpack(reply.made, Path(folder))
        return Outcome(**reply.outcome)


def packing(job: Job, folders: Mapping[str, str]) -> Packing:
    """How to pack a job; ``folders`` has the key of each folder that it reads."""
    return Packing(job, TRANSFERS[job.do], folders)


def read_folders(job: Job) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Folders that a job reads: those that never change, and others."""
    transfer = TRANSFERS[job.do]
    return tuple(dict.fromkeys(named(job.arguments, transfer.networks))), tuple(dict.fromkeys(named(job.arguments, transfer.folders)))


def unpacked(parcel: Parcel, folders: Path, here: Path, cache: Path) -> Job:
    """The job with places of this machine: its blobs lie below ``here`` then, and what it fills is to be made there."""
    for number in range(parcel.blob_folders):
        (here / "blobs" / str(number)).mkdir(parents=True)
    for name, content in parcel.blobs.items():
        path = here / "blobs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    places = {f"{FOLDERS}/{key}": str(folders / key) for key in parcel.folders}
    places |= {f"{BLOBS}/{number}": str(here / "blobs" / str(number)) for number in range(parcel.blob_folders)}
    places |= {MADE: str(here / "made"), CACHE: str(cache)}
    if parcel.fills:
        (here / "made").mkdir(parents=True)
    arguments = rewritten(parcel.job["arguments"], places)
    return replace(Job(**{**parcel.job, "trust": Trust(parcel.job["trust"])}), arguments=arguments)


def made_blobs(parcel: Parcel, value: Mapping[str, Any] | None, here: Path) -> dict[str, bytes]:
    """Files of all blobs that the value names and that were not sent along."""
    found = {}
    for key in dict.fromkeys(text for text in texts(value or {}) if is_key(text)):
        for number in range(parcel.blob_folders):
            blobs = Blobs(here / "blobs" / str(number))
            for adopted in (False, True):
                path = _path(blobs, key, adopted=adopted)
                name = f"{number}/{path.relative_to(blobs.folder).as_posix()}"
                if name not in parcel.blobs and path.is_file():
                    found[name] = path.read_bytes()
    return found


def _path(blobs: Blobs, key: str, *, adopted: bool) -> Path:
    return blobs.file(key) if adopted else blobs.path(key)


def _keep(blobs: Blobs, key: str, content: bytes, *, adopted: bool) -> None:
    """Write a file whole unless it is there, and make sure that it is what its name says."""
    path = _path(blobs, key, adopted=adopted)
    fault = blobs.file_fault if adopted else blobs.fault
    if not fault(key):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).replace(path)
    if words := fault(key):
        path.unlink(missing_ok=True)
        raise DataError(words)
