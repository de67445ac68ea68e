"""What a contract check finds: one promise and whether it was kept."""

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

from onecurve.core.errors import OneCurveError


@final
@dataclass(frozen=True)
class Finding:
    """One promise and whether it was kept."""

    check: str
    passed: bool
    detail: str = ""
    traceback: str = ""
    """Where the author's code raised; empty for any other fault."""


Check = tuple[str, Callable[[], str]]
"""What is promised, and a trial that returns the fault in words, empty if the promise is kept."""


def tried(checks: Iterable[Check]) -> tuple[Finding, ...]:
    """A finding per check; whatever a trial raises is a fault."""
    return tuple(_tried(words, trial) for words, trial in checks)


def _tried(words: str, trial: Callable[[], str]) -> Finding:
    try:
        fault = trial()
    except OneCurveError as error:
        return Finding(words, passed=False, detail=error.message)
    except Exception as error:  # noqa: BLE001 - an author's code may raise anything; it is the finding
        return Finding(words, passed=False, detail=f"raised {type(error).__name__}: {error}", traceback=traceback.format_exc())
    return Finding(words, not fault, fault)
