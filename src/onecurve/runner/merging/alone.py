"""One program at a time writes into a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onecurve.core.errors import UsageError
from onecurve.store.store import UNIX_ONLY


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Hold the lock by which a store knows that somebody writes there; raises ``UsageError`` where somebody else does."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError as error:
        raise UsageError(UNIX_ONLY, "on Windows use the Windows Subsystem for Linux (WSL)") from error
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise UsageError(f"another program is writing to: {out}", "wait for it to end, or choose another --out") from error
            yield
    except PermissionError as error:
        raise UsageError(f"cannot write to {out}: {error.strerror}", "choose another folder with --out") from error
