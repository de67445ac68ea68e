"""Linux namespaces of one's own: no network, no shared memory and no messages of other processes.

Called by number, as `os.unshare` is there from Python 3.12 on. Numbers are those of the kernel's `sched.h` and `mount.h`.
"""

import ctypes
import os
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - an own one is mounted over it
_USER, _NETWORK, _MESSAGES, _MOUNTS = 0x10000000, 0x40000000, 0x08000000, 0x00020000
_NO_SET_UID, _NO_DEVICES, _RECURSIVE, _PRIVATE = 2, 4, 16384, 1 << 18


def enter_own_spaces(shared_mb: float) -> None:
    """Move this process, and all that it starts, out of the network; it sees an empty `/dev/shm` of that many MiB.

    Must be called with one thread. Raises ``OSError`` where the system does not allow it, having changed nothing but maybe
    the first step.
    """
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(_USER | _NETWORK | _MESSAGES | _MOUNTS))
    own = Path("/proc/self")
    # Who one is stays the same: files are owned by the same person as before.
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{user} {user} 1")
    (own / "gid_map").write_text(f"{group} {group} 1")
    _check(libc.mount(None, b"/", None, ctypes.c_ulong(_RECURSIVE | _PRIVATE), None))
    options = f"size={int(shared_mb)}m,mode=1777".encode()
    flags = ctypes.c_ulong(_NO_SET_UID | _NO_DEVICES)
    _check(libc.mount(b"tmpfs", os.fsencode(SHARED_MEMORY), b"tmpfs", flags, options))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
