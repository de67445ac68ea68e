"""Landlock, by which a Linux process gives up files and processes that it may reach, for good and for all that it starts.

Called by number, since neither Python nor a well-kept package offers it. Numbers and bits are those of the kernel's
`include/uapi/linux/landlock.h`; kernels know more of them with each version.
"""

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from onecurve.runner.isolation.kernel import checked, libc

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_ASK_VERSION = 1
_BENEATH = 1
_NO_NEW_PRIVILEGES = 38
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE, DEVICE = 1 << 14, 1 << 15
_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""From this version on, so many rights over files are known."""
_TCP = 0b11
"""From version 4 on: bind and connect."""
_SCOPES = 0b11
"""From version 6 on: abstract sockets and signals."""
READ = EXECUTE | READ_FILE | READ_DIR
_OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | DEVICE


def version() -> int:
    """The version that the kernel speaks; 0 where there is none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, int(libc().syscall(_CREATE, None, ctypes.c_size_t(0), _ASK_VERSION)))


def give_up(readable: Iterable[Path], listable: Iterable[Path], writable: Iterable[Path], devices: Iterable[Path]) -> None:
    """Keep only these: what may be read and executed, folders of which names may be read, what may be written, and devices.

    Places that do not exist are passed over. Raises ``OSError`` where the kernel refuses.
    """
    known = version()
    rights = (1 << max(bits for since, bits in _RIGHTS.items() if since <= max(1, known))) - 1
    fields = [rights, _TCP if known >= 4 else None, _SCOPES if known >= 6 else None]
    wanted = struct.pack(f"={len([f for f in fields if f is not None])}Q", *(f for f in fields if f is not None))
    ruleset = checked(libc().syscall(_CREATE, wanted, ctypes.c_size_t(len(wanted)), 0))
    try:
        given = ((READ, readable), (READ_DIR, listable), (rights & ~EXECUTE | READ, writable), (READ_FILE | WRITE_FILE | DEVICE, devices))
        for right, places in given:
            for place in places:
                _allow(ruleset, place, right & rights)
        checked(libc().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        checked(libc().syscall(_RESTRICT, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, place: Path, rights: int) -> None:
    try:
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= _OF_A_FILE
        if rights:
            rule = struct.pack("=Qi", rights, opened)
            checked(libc().syscall(_ADD, ruleset, _BENEATH, rule, 0))
    finally:
        with suppress(OSError):
            os.close(opened)
