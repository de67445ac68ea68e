"""The C library, through which the Linux kernel is called where Python offers no function."""

import ctypes
import os
from functools import cache
from typing import Any


@cache
def libc() -> Any:
    """The C library of this process."""
    return ctypes.CDLL(None, use_errno=True)


def checked(result: int) -> int:
    """What a call returned. Raises ``OSError`` with the kernel's reason where it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
