"""What is shown while a verb takes long."""

import sys
import time
from dataclasses import dataclass, field
from typing import final

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
