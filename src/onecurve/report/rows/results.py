"""Everything the report is made of: rows, displays, records and facts.

The report depends on this record alone and runs nothing. It shows what is missing here as not kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import final

from onecurve.core.display import Calibration, CaseDisplay, PlantRecord
from onecurve.core.row import Row
from onecurve.core.spec import Parameter


@final
@dataclass(frozen=True)
class CatalogEntry:
    """The facts of one tool, reader or direct solver, as its class states them."""

    name: str
    """As it stands in ``Row.tool`` or ``Row.reader``."""
    kind: str
    """`tool`, `reader` or `solver`."""
    version: int
    summary: str
    """One line."""
    source: str
    """Paper with arXiv id, or `baseline`."""
    needs: tuple[str, ...] = ()
    """The access that it needs, from ``Access.words()``."""
    tasks: tuple[str, ...] = ()
    """The tasks of the run that it was asked."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


@final
@dataclass(frozen=True)
class RunFacts:
    """What was run, when, where and with which versions."""

    command: str
    """The exact command line that makes these rows again."""
    suite: str
    """Name of the suite."""
    suite_text: str
    """The suite file itself."""
    seed: int | None
    """None where it was drawn for the run: a report does not tell it."""
    started: datetime
    finished: datetime
    seconds: float
    """Wall time; less than the sum over cells where several workers ran."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Package name to version."""
    machine: str = ""
    """The machine in words."""
    isolation: tuple[str, ...] = ()
    """What tools were kept from, in words, for each way in which the run was started; empty where it is not recorded."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """What was hashed to its digest: suite, rows, code, data."""
    own: tuple[str, ...] = ()
    """What is told of a person's own images and networks, one line each."""
    other_limits: tuple[str, ...] = ()
    """Limits of the planting gate that differ from the defaults, in words."""
    other_versions: tuple[str, ...] = ()
    """Rows that are kept and not shown, since another version of a task asked them, in words."""
    names_seeds: bool = False
    """Whether the suite itself holds seeds of networks."""

    @property
    def seed_words(self) -> str:
        """For headings."""
        return "a drawn seed" if self.seed is None else f"seed {self.seed}"

    @property
    def secrecy(self) -> str:
        """Who could compute the ground truth while the solvers ran."""
        if self.seed is not None:
            return f"{self.seed}, given beforehand: whoever knows the suite and the seed can compute every truth"
        if self.names_seeds:
            return "drawn, but the suite names seeds of networks: whoever knows the suite can compute their truths"
        return "drawn, secret during the run"


@final
@dataclass(frozen=True)
class Results:
    """All that a report shows. ``record`` may raise ``KeyError``, which is shown as `not kept`."""

    rows: tuple[Row, ...]
    displays: Mapping[str, CaseDisplay]
    """By case id."""
    plants: tuple[PlantRecord, ...]
    calibrations: tuple[Calibration, ...]
    record: Callable[[str], object]
    """Loads the stored question, evidence or answer of a blob key."""
    entries: Mapping[str, CatalogEntry]
    """Facts of every tool, reader and direct solver, by name."""
    run: RunFacts
