"""Linux namespaces of one's own: no network, no shared memory and no messages of other processes.

Called by number, as `os.unshare` is there from Python 3.12 on. Numbers are those of the kernel's `sched.h` and `mount.h`.
"""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from onecurve.runner.isolation.kernel import checked, libc

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - an own one is mounted over it
_USER, _NETWORK, _MESSAGES, _MOUNTS = 0x10000000, 0x40000000, 0x08000000, 0x00020000
_NO_SET_UID, _NO_DEVICES, _BIND, _RECURSIVE, _PRIVATE = 2, 4, 4096, 16384, 1 << 18
COVER = "size=1m,mode=755"
"""The empty folder that is put over a hidden one."""


def enter_own_spaces(shared_mb: float) -> None:
    """Move this process, and all that it starts, out of the network; it sees an empty `/dev/shm` of that many MiB.

    Must be called with one thread. Raises ``OSError`` where the system does not allow it, having changed nothing but maybe
    the first step.
    """
    user, group = os.getuid(), os.getgid()
    checked(libc().unshare(_USER | _NETWORK | _MESSAGES | _MOUNTS))
    own = Path("/proc/self")
    # Who one is stays the same: files are owned by the same person as before.
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{user} {user} 1")
    (own / "gid_map").write_text(f"{group} {group} 1")
    _mount(None, Path("/"), None, _RECURSIVE | _PRIVATE)
    _mount("tmpfs", SHARED_MEMORY, "tmpfs", _NO_SET_UID | _NO_DEVICES, f"size={int(shared_mb)}m,mode=1777")


def cover(hidden: Iterable[Path], handed: Iterable[Path]) -> None:
    """Put an empty folder over each hidden one, in which only what is handed is there, for this process and all that it starts.

    Where the process is in spaces of its own. Raises ``OSError`` where the system does not allow it.
    """
    folders = [folder for folder in hidden if folder.is_dir()]
    folders = [folder for folder in folders if not any(folder != other and folder.is_relative_to(other) for other in folders)]
    real = dict.fromkeys(path.resolve() for path in handed)
    below = [path for path in real if path.exists() and any(path.is_relative_to(folder) for folder in folders)]
    checked(libc().unshare(_MOUNTS))
    opened = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in below}
    folder_like = {path for path in below if path.is_dir()}
    try:
        for folder in folders:
            _mount("tmpfs", folder, "tmpfs", _NO_SET_UID | _NO_DEVICES, COVER)
        for path in sorted(below):
            if not path.exists():
                (path if path in folder_like else path.parent).mkdir(parents=True, exist_ok=True)
                if path not in folder_like:
                    path.touch()
                _mount(f"/proc/self/fd/{opened[path]}", path, None, _BIND)
    finally:
        for descriptor in opened.values():
            os.close(descriptor)


def _mount(source: str | None, place: Path, kind: str | None, flags: int, options: str | None = None) -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, str(place), kind, options)]
    checked(libc().mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]))
