"""The walls around a cell, and how well they hold on this machine."""

import json
import os
import shutil
import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from multiprocessing.connection import Connection
from pathlib import Path
from typing import final

from onecurve.runner.isolation import landlock
from onecurve.runner.isolation.reach import Reach, devices, installed, open_but
from onecurve.runner.isolation.spaces import SHARED_MEMORY, cover, enter_own_spaces


class Wanted(StrEnum):
    """What a person wants of isolation."""

    AUTO = "auto"
    """As much as the system can do."""
    REQUIRED = "required"
    """All of it, or no run."""
    OFF = "off"


@final
@dataclass(frozen=True)
class Confinement:
    """What no cell of a run may read, whatever folder it lies in, and what all of them may read besides the packages."""

    hidden: tuple[str, ...]
    readable: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class Isolation:
    """What cells are kept from, as tried on this machine."""

    files: bool
    """From reading and writing what is not theirs."""
    names: bool
    """From seeing names and sizes of a run's files."""
    network: bool
    processes: bool

    @property
    def whole(self) -> bool:
        """Whether nothing is left open."""
        return self.files and self.names and self.network and self.processes

    @property
    def words(self) -> str:
        """For a person: one sentence.

        >>> Isolation(True, True, True, True).words
        'isolated: a cell reads its subject and the installed packages; it has no network and reaches no other process'
        >>> Isolation(True, True, False, True).words
        'partly isolated: nothing keeps a cell from the network'
        """
        if self.whole:
            return "isolated: a cell reads its subject and the installed packages; it has no network and reaches no other process"
        named = (
            ("files, the ground truth included", self.files),
            ("names and sizes of the run's files", self.names),
            ("the network", self.network),
            ("other processes", self.processes),
        )
        left = [name for name, kept in named if not kept]
        if len(left) == len(named):
            return "not isolated: nothing keeps a cell from the ground truth, the network or other processes"
        return f"partly isolated: nothing keeps a cell from {' or '.join(left)}"


SHARED_FOR_A_TRY = 16.0
"""MiB."""
NONE = Isolation(files=False, names=False, network=False, processes=False)


def common(found: Collection[Isolation]) -> Isolation:
    """What holds on several machines; nothing where none was tried."""
    names = [one.name for one in fields(Isolation)]
    return Isolation(**{name: all(getattr(one, name) for one in found) for name in names}) if found else NONE


@final
class Walls:
    """Raised once by the process from which cells are forked, and closed by each cell around itself."""

    def __init__(self, confinement: Confinement, shared_mb: float) -> None:
        self._own_spaces = False
        with suppress(OSError):
            enter_own_spaces(shared_mb)
            self._own_spaces = True
        self.hidden = tuple(Path(place).resolve() for place in confinement.hidden)
        more = open_but(map(Path, confinement.readable), self.hidden)
        self._always = installed(self.hidden).plus(more)
        self._files = landlock.version() > 0

    def close(self, handed: Reach, folder: Path) -> None:
        """Keep this process, for good, to what it was handed, what is installed, and one folder to write in.

        Raises ``OSError`` where the system refuses what it allowed before.
        """
        if self._own_spaces:
            cover(self.hidden, handed.readable)
        if not self._files:
            return
        reach = self._always.plus(handed)
        writable = [folder, *([SHARED_MEMORY] if self._own_spaces else [])]
        landlock.give_up(reach.readable, reach.listable, writable, devices())

    def clear(self) -> None:
        """Remove what a cell left in the shared memory of these walls."""
        if self._own_spaces:
            _empty(SHARED_MEMORY)


def tried(confinement: Confinement, folder: Path) -> Isolation:
    """Close walls around this process and try to get past them, in and out of that empty folder.

    Call it in a process that does nothing else.
    """
    own, shut, hidden = folder / "own", folder / "shut", folder / "hidden"
    own.mkdir()
    hidden.mkdir()
    shut.write_text("shut")
    (hidden / "file").write_text("hidden")
    also = Confinement((*confinement.hidden, str(hidden.resolve())), confinement.readable)
    # A process of the same person outside the walls, to which nothing is done.
    above = os.getppid()
    with _listening() as there:
        with suppress(OSError):
            Walls(also, SHARED_FOR_A_TRY).close(Reach(), own)
        return Isolation(
            files=_refused(shut.read_text) and _refused(lambda: (folder / "new").write_text("")),
            names=not (hidden / "file").exists(),
            network=_refused(lambda: _reached(there)),
            processes=_refused(lambda: os.kill(above, 0)),
        )


def tell_isolation(answers: Connection, confinement: Confinement, folder: str) -> None:
    """Send what ``tried`` found, as JSON. Runs in a process of its own."""
    with suppress(OSError):  # whoever asked may be gone
        answers.send_bytes(json.dumps(asdict(tried(confinement, Path(folder)))).encode())


def _listening() -> socket.socket:
    there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    there.bind(("127.0.0.1", 0))
    return there


def _reached(there: socket.socket) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.sendto(b"here", there.getsockname())


def _refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except OSError:
        return True
    return False


def _empty(folder: Path) -> None:
    for place in list(folder.iterdir()):
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)
