"""Folders of workers on their machines, and how those of dead workers are told and removed."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

PREFIX: Final = "onecurve-site-"
LIVING: Final = "alive"
"""Folder of a site whose files name the processes that use it."""
SLACK: Final = 1.0
"""Seconds by which the system may be wrong about when a process began."""


def sweep_sites() -> None:
    """Remove what dead workers left on this machine."""
    for root in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-{os.getuid()}"):
        if (root / LIVING).is_dir() and not is_in_use(root):
            shutil.rmtree(root, ignore_errors=True)


def is_in_use(root: Path) -> bool:
    """Whether a worker lives that uses the folder."""
    for mark in (root / LIVING).glob("*-*"):
        pid, _, began = mark.name.partition("-")
        with suppress(psutil.Error):
            owner = psutil.Process(int(pid))
            if owner.status() != psutil.STATUS_ZOMBIE and abs(owner.create_time() - float(began)) <= SLACK:
                return True
    return False
