"""File names, labels and words for solvers, cases and figures. File names are safe whatever a solver or case is called."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.report.words.marks import mark_of

FIXED: Mapping[str, str] = {
    "floor": "The best of several trivial answers that need no look at the network: skill 0 by definition.",
    "ceiling": "The answer from the ground truth: skill 1 by definition.",
    "oracle": "Evidence made from the ground truth, to test whether a reader can read it.",
    "noise": "Evidence of the same kinds and sizes with random content, to test whether a reader finds something in noise.",
}
"""Reference points and controls: no class of their own states these words."""
FIGURES: Mapping[str, str] = {
    "success": "attack success rate (ASR)",
    "twin_success": "ASR of the clean twin",
    "attack_success": "attack success rate (ASR)",
    "attack_success_relearned": "ASR after relearning",
    "relearning_steps": "steps to relearn",
    "relearning_share": "steps to relearn, as a share of the twin's",
    "false_firing": "false trigger rate",
    "elsewhere": "leakage to other classes",
    "twin_accuracy": "accuracy of the clean twin",
    "near_miss": "near-miss rate",
}
"""Stored names of figures and facts that the field calls otherwise."""
CLEAN = "clean"
"""The flaw of a network that carries none."""


def page_name(name: str) -> str:
    """A file name for any name, different for different names.

    >>> page_name("neural-cleanse"), page_name("../a b")
    ('neural-cleanse.html', 'a-b-2c2c791a.html')
    """
    plain = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-")[:60]
    digest = "" if plain == name else f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{plain or 'page'}{digest}.html"


def solver_link(name: str) -> str:
    """From the index to the page of a tool, reader or direct solver."""
    return f"solvers/{page_name(name)}"


def case_link(case: str) -> str:
    """From the index to the page of a case."""
    return f"cases/{page_name(case)}"


def anchor(*parts: str) -> str:
    """An id inside a page for any names.

    >>> anchor("cells", "detect")
    'cells-detect'
    """
    return "-".join(page_name(part).removesuffix(".html") for part in parts)


def cells_link(tool: str, task: str) -> str:
    """From the index to the cells of a tool, reader or direct solver on a task."""
    return f"{solver_link(tool)}#{anchor('cells', task)}"


def evidence_link(case: str, task: str, solver: str) -> str:
    """From the index to what a solver showed and answered on a case."""
    return f"{case_link(case)}#{anchor('shown', task, solver)}"


def scores_file(name: str, of: str) -> str:
    """The CSV file of a table on the page of a tool, reader or direct solver."""
    return anchor("solver", name, of)


def failure_link(row: Row) -> str:
    """From the index to the reason of a cell without a full answer."""
    return f"index.html#{failure_anchor(row.status, row.task, row.solver, row.reason)}"


def failure_anchor(status: str, task: str, solver: str, reason: str) -> str:
    """The id of that reason: cells of one solver with the same status and reason on one task share it."""
    return anchor("why", status, task, solver, hashlib.sha256(reason.encode()).hexdigest()[:6])


def in_words(text: str) -> str:
    """Text for a page: backticks become quotation marks.

    >>> in_words("says `4`")
    'says “4”'
    """
    return re.sub(r"`([^`]*)`", r"“\1”", text)


def figure_name(name: str) -> str:
    """The words that a page prints for a stored figure or fact.

    >>> figure_name("success"), figure_name("poison_rate")
    ('attack success rate (ASR)', 'poison rate')
    """
    return FIGURES.get(name, name.replace("_", " "))


def is_contender(row: Row) -> bool:
    """Whether the row belongs to a method or a baseline, not to a control or a reference point."""
    return row.role in (Role.METHOD, Role.BASELINE)


@final
@dataclass(frozen=True)
class Names:
    """Short labels, colours and marks of the solvers of one report."""

    halves: Mapping[str, tuple[str, str]]
    """Solver to its tool and reader."""

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Names":
        """The names in the rows of a report."""
        return cls({row.solver: (row.tool, row.reader) for row in rows})

    def halves_of(self, name: str) -> frozenset[tuple[str, str]]:
        """Tool and reader of every solver that has the name as one of its halves, of a direct solver too."""
        return frozenset(halves for halves in self.halves.values() if name in halves)

    def partners(self, name: str) -> tuple[str, ...]:
        """The readers of a tool, or the tools of a reader, in order of name."""
        return tuple(sorted({half for halves in self.halves_of(name) for half in halves} - {"", name}))

    def label(self, solver: str, among: Iterable[str]) -> str:
        """The tool's name alone where no other solver among them uses the same tool, else the whole name."""
        tool = self.halves[solver][0]
        return tool if sum(self.halves[other][0] == tool for other in among) <= 1 else solver

    def style(self, solver: str) -> int:
        """Number of its tool's colour and mark."""
        return mark_of(self.halves[solver][0])

    def link(self, solver: str) -> str:
        """From the index to the page of the solver's tool."""
        return solver_link(self.halves[solver][0])


def no_reason(status: Status) -> str:
    """What stands where a cell without a full answer gives no reason."""
    return "a person has yet to answer" if status is Status.WAITING else "no reason given"
