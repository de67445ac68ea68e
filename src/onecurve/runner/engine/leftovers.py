"""The temporary folders of cells: each is named after the keeper that owns it, so that those of dead keepers can be told and removed."""

import hashlib
import os
import re
import shutil
import socket
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from onecurve.runner.engine.processes import living

PREFIX = "onecurve-cell-"
SLACK = 10.0
"""Seconds by which the system may be wrong about when a process began; a folder whose owner may live stays."""
_NAME = re.compile(rf"{PREFIX}(?P<pid>\d+)-(?P<began>\d+)-(?P<place>[0-9a-f]{{8}})-.+")


def cell_folder() -> Path:
    """A new folder for what one cell writes, owned by this process."""
    known = living(os.getpid())
    began = known[1] if known else 0.0
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-{began:.0f}-{_place()}-"))


def sweep() -> int:
    """Remove the folders whose owner is dead, this user's on this machine; returns how many. Those of other runs that go on stay."""
    swept = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if _is_left(folder):
                _remove(folder)
                swept += not folder.exists()
    return swept


def _is_left(folder: Path) -> bool:
    name, about = _NAME.fullmatch(folder.name), folder.lstat()
    if name is None or name["place"] != _place() or about.st_uid != os.getuid() or not stat.S_ISDIR(about.st_mode):
        return False
    owner = living(int(name["pid"]))
    return owner is None or abs(owner[1] - float(name["began"])) > SLACK


def _remove(folder: Path) -> None:
    """Remove it, folders that a cell closed to everybody included."""
    folder.chmod(0o700)
    for place, names, _ in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _place() -> str:
    """8 hexadecimal digits of the machine and of the space in which its process numbers count, which a container has of its own."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return hashlib.sha256(f"{socket.gethostname()}\0{space}".encode()).hexdigest()[:8]
