"""What is shown while a verb takes long."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

Progress = Callable[[float, str], None]
"""Called with the share that is done, in [0, 1], and what is being done."""
SECONDS = 5.0
"""Least time between two lines."""


@final
@dataclass
class PrintedProgress:
    """Prints a line on stderr every few seconds; the default of verbs that take long."""

    words: str
    _last: float = field(default_factory=time.monotonic)

    def __call__(self, share: float, doing: str) -> None:
        now = time.monotonic()
        if now - self._last >= SECONDS:
            self._last = now
            print(f"{self.words}: {100 * share:.0f} % done, {doing}", file=sys.stderr)  # noqa: T201 - meant for a person who waits


def no_progress(_share: float, _doing: str) -> None:
    """Shows nothing: for programs."""
