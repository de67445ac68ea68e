"""Variables of the environment that hold passwords: the process that keeps the rows has them, and no other process gets them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PREFIXES: Final = ("PGPASS", "AWS_", "AZURE_", "GOOGLE_")
"""Of the names of variables with which databases and remote places are opened."""


@contextmanager
def secrets_withheld() -> Iterator[None]:
    """Within it, processes are started without these variables."""
    held = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(PREFIXES)}
    try:
        yield
    finally:
        os.environ.update(held)
