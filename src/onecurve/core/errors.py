"""Everything that can go wrong, drawn as one tree.

    OneCurveError
    ├── UsageError             the person asked for what cannot be; no traceback, exit code 2
    │   ├── UnknownNameError       no such flaw, tool, reader, task; names the nearest
    │   ├── SpecError              a parameter is missing, misspelt or out of range
    │   ├── DataError              a folder, file or array that cannot be used as data
    │   ├── ModelError             a network or weight file that cannot be used
    │   ├── MissingExtraError      an optional part is absent; prints the install line
    │   └── SchemaError            a stored file of a version that cannot be read
    ├── ContractError          an author's object broke its promise
    │   ├── AnswerError            wrong type or shape, not finite, negative, empty row
    │   └── BudgetError            went on spending after the budget was gone
    └── UngradeableError       floor and ceiling earn the same here; refused at planting

A message says what, where and what next: one line for the fault, and a hint on a line of its own.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class OneCurveError(Exception):
    """Any fault that OneCurve itself reports; ``hint`` says what to do next, or is empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class UsageError(OneCurveError):
    """The person asked for something that cannot be; shown without a traceback, exit code 2."""


class UnknownNameError(UsageError):
    """No entry of that name; the hint names the nearest, or lists what there is."""

    @classmethod
    def among(cls, kind: str, name: str, known: Iterable[str]) -> "UnknownNameError":
        """The error for a ``name`` that is not among the ``known`` names of that ``kind``."""
        names = sorted(known)
        near = get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(names) or 'none'}"
        return cls(f"no {kind} is called: {name}", hint)


class SpecError(UsageError):
    """A parameter is missing, misspelt or out of range."""


class DataError(UsageError):
    """A folder, file or array cannot be used as data."""


class ModelError(UsageError):
    """A network or a weight file cannot be used."""


class MissingExtraError(UsageError):
    """An optional dependency is absent; the hint is the line that installs it."""

    @classmethod
    def needing(cls, what: str, extra: str) -> "MissingExtraError":
        """The error for ``what`` when the optional ``extra`` is not installed."""
        return cls(f"{what} needs the extra: {extra}", f"pip install 'onecurve[{extra}]'")


class ContractError(OneCurveError):
    """An author's object broke its promise; costs its own cell and nothing else."""


class AnswerError(ContractError):
    """An answer of the wrong type or shape, not finite, negative, or with an empty row."""


class BudgetError(ContractError):
    """The budget was gone and the tool went on spending."""


class UngradeableError(OneCurveError):
    """Floor and ceiling earn the same on this case, so it cannot separate answers."""


class SchemaError(UsageError):
    """A stored file has a schema version for which there is no migration."""
