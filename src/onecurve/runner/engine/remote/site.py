"""Where jobs of another machine are done: a folder for what was sent, and a pool."""

import os
import platform
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import final

from onecurve.core.errors import UsageError
from onecurve.models.devices import has_device
from onecurve.runner.engine.processes import living
from onecurve.runner.engine.remote.archives import packed, unpack
from onecurve.runner.engine.remote.leftovers import LIVING, PREFIX, is_in_use, sweep_sites
from onecurve.runner.engine.remote.parcels import Parcel, Reply, made_blobs, unpacked
from onecurve.runner.engine.remote.pool_process import PoolProcess, PoolSettings
from onecurve.runner.isolation.walls import Isolation
from onecurve.version import __version__

LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn")


@final
@dataclass(frozen=True)
class SiteSettings:
    """The same for every worker of a run."""

    run: str
    """Names the run, so that its workers on one machine share what was sent there."""
    memory_mb: float
    isolated: bool
    hidden: tuple[str, ...] = ()
    """Places of the driver that no cell may read, should a worker be on its machine."""
    readable: tuple[str, ...] = ()
    threads: str = "1"
    """What `OMP_NUM_THREADS` is for cells."""
    directory: str = ""
    """Where addresses of files begin, if it is there."""
    files: tuple[str, ...] = ()
    """Files of a person that every worker must be able to read."""
    device: str = "cpu"
    """What every worker must have."""
    whole: bool = False
    """Whether a worker whose isolation leaves anything open is refused."""


@final
@dataclass(frozen=True)
class Greeting:
    """What a worker says of itself."""

    machine: str
    versions: Mapping[str, str]
    isolation: Isolation
    lacks: tuple[str, ...] = ()
    """What it should have, in words."""


def versions() -> dict[str, str]:
    """What must be the same everywhere for the same rows."""
    return {"python": platform.python_version(), "onecurve": __version__, **{name: version(name) for name in LIBRARIES}}


def require_fit(greeting: Greeting) -> None:
    """Raise ``UsageError`` for a worker that lacks anything, or has other versions than this process."""
    for words in greeting.lacks:
        raise UsageError(f"{greeting.machine} {words}", "every worker needs the same; a shared disk holds files for all")
    here = versions()
    other = [
        f"{name} {greeting.versions.get(name)} in place of {wanted}"
        for name, wanted in here.items()
        if greeting.versions.get(name) != wanted
    ]
    if other:
        raise UsageError(f"{greeting.machine} has {', '.join(other)}", "install the same versions everywhere: rows would differ")


@final
class Site:
    """One worker's: several workers of a run on one machine share the folders that were sent, and nothing else."""

    def __init__(self, settings: SiteSettings) -> None:
        sweep_sites()
        self._settings = settings
        self.root = Path(tempfile.gettempdir()).resolve() / f"{PREFIX}{settings.run}-{os.getuid()}"
        self._folders = self.root / "folders"
        self._cache = self.root / "cache"
        self._sign_in()
        hidden = (str(self.root), *filter(os.path.exists, settings.hidden)) if settings.isolated else ()
        pool = PoolSettings(str(self.root / "logs"), settings.memory_mb, hidden, settings.readable)
        where = settings.directory if settings.directory and Path(settings.directory).is_dir() else "/"
        self._pool = PoolProcess(pool, {"OMP_NUM_THREADS": settings.threads}, where)

    def greeting(self) -> Greeting:
        """Who is here."""
        return Greeting(platform.node(), versions(), self._pool.isolation, tuple(self._lacks()))

    def _lacks(self) -> Iterator[str]:
        settings = self._settings
        yield from (f"cannot read {file}" for file in settings.files if not os.access(file, os.R_OK))
        if settings.whole and not self._pool.isolation.whole:
            yield f"cannot isolate cells as is required ({self._pool.isolation.words})"
        if not has_device(settings.device):
            yield f"has no device {settings.device}"

    def lacking(self, keys: Iterable[str]) -> list[str]:
        """Keys of folders that were not sent yet."""
        return [key for key in keys if not (self._folders / key).is_dir()]

    def receive(self, key: str, archive: bytes) -> None:
        """Keep a folder that was sent."""
        unpack(archive, self._folders / key)

    def do(self, parcel: Parcel) -> Reply:
        """Do a job whose folders are here."""
        here = Path(tempfile.mkdtemp(dir=self.root, prefix="job-"))
        here.chmod(0o755)
        try:
            outcome = self._pool.do(unpacked(parcel, self._folders, here, self._cache))
            made = packed(here / "made") if parcel.fills and outcome.value is not None else b""
            return Reply(asdict(outcome), made_blobs(parcel, outcome.value, here), made)
        finally:
            shutil.rmtree(here, ignore_errors=True)

    def close(self) -> None:
        """End the pool; the last one out removes what was sent."""
        self._pool.close()
        with suppress(OSError):
            self._mark.unlink()
        if not is_in_use(self.root):
            shutil.rmtree(self.root, ignore_errors=True)

    def _sign_in(self) -> None:
        known = living(os.getpid())
        (self.root / LIVING).mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
        self._mark = self.root / LIVING / f"{os.getpid()}-{known[1] if known else 0.0:.0f}"
        self._mark.touch()
