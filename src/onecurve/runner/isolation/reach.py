"""Which files a cell may read: the installed packages, its tool's own folder, and what it was handed; never a run or a cache."""

import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import final

from onecurve.core.registry import ENTRY_POINTS

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/nix/store", "/proc", "/sys")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
GRAPHICS = ("nvidia*", "dri", "kfd")
"""Names below `/dev`."""
RESULTS = ("results.sqlite", "store.json")
"""A folder with one of these files is a run."""
DEPTH = 6
"""Folders below a granted one that are gone through to leave a hidden one out; what lies deeper is left out as a whole."""


@final
@dataclass(frozen=True)
class Reach:
    """Places in the file system."""

    readable: tuple[Path, ...] = ()
    listable: tuple[Path, ...] = ()
    """Folders of which the names can be read, and no more; what may be read in them is named apart."""

    def plus(self, other: "Reach") -> "Reach":
        """Both together."""
        return Reach(self.readable + other.readable, self.listable + other.listable)


def installed(hidden: Sequence[Path]) -> Reach:
    """What every cell may read: the system, Python, the packages, and weights that libraries have fetched."""
    paths = {Path(place) for place in (*SYSTEM, sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values())}
    # The folder of a script and the working folder are on the path as well. They are no packages, and may hold anything.
    kept = [*hidden, Path.home(), Path.cwd(), Path(tempfile.gettempdir())]
    paths |= {Path(place) for place in sys.path if place and not any(one.resolve().is_relative_to(Path(place).resolve()) for one in kept)}
    paths |= {Path(place) for place in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if place}
    return open_but(sorted({Path(__file__).parents[2], *paths, *_of_entry_points(), *_fetched_weights()}), hidden)


def open_but(places: Iterable[Path], hidden: Sequence[Path], *, dots: bool = True) -> Reach:
    """The places without what is hidden below them; without ``dots`` also without names that begin with a dot, and without runs."""
    shut = [place.resolve() for place in hidden]
    found: list[Path] = []
    listed: list[Path] = []
    for place in places:
        _open(place, shut, dots, found, listed, DEPTH)
    return Reach(tuple(dict.fromkeys(found)), tuple(dict.fromkeys(listed)))


def _open(place: Path, shut: Sequence[Path], dots: bool, found: list[Path], listed: list[Path], depth: int) -> None:
    real = place.resolve()
    if any(real.is_relative_to(one) for one in shut):
        return
    if not dots and (any((place / name).exists() for name in RESULTS) or (depth < DEPTH and place.name.startswith("."))):
        return
    within = any(one.is_relative_to(real) for one in shut)
    if not within and (dots or not place.is_dir() or depth < DEPTH):
        found.append(place)
    elif depth:
        listed.append(place)
        for child in _children(place):
            _open(child, shut, dots, found, listed, depth - 1)


def _children(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from sorted(folder.iterdir())


def _of_entry_points() -> Iterator[Path]:
    """Folders of packages that bring tools; those installed in place are on no path."""
    for point in entry_points(group=ENTRY_POINTS):
        with suppress(ImportError, ValueError, AttributeError):
            found = find_spec(point.value.partition(":")[0].partition(".")[0])
            if found is not None:
                yield from map(Path, found.submodule_search_locations or filter(None, [found.origin]))


def _fetched_weights() -> Iterator[Path]:
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    yield Path(os.environ.get("HF_HOME") or caches / "huggingface")
    yield Path(os.environ.get("TORCH_HOME") or caches / "torch")


def devices() -> tuple[Path, ...]:
    """Devices that a cell may use: those without a memory, and graphics cards."""
    return (*map(Path, DEVICES), *(path for name in GRAPHICS for path in Path("/dev").glob(name)))
