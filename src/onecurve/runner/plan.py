"""The plan: cases x tasks x solvers x budgets x repeats, each look and each cell keyed by content."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from onecurve.core.access import Access
from onecurve.core.grade import Status
from onecurve.core.question import Form
from onecurve.core.roles import TOLD, Task
from onecurve.core.row import Role, Row
from onecurve.core.spec import content_key
from onecurve.readers.machinery.readable_kinds import why_not_asked

FED = ("oracle", "noise")
"""Evidence that the grading side makes: from the truth, and from nothing."""


@final
@dataclass(frozen=True)
class Facts:
    """What planning must know of a tool, reader or solver; see ``untrusted.describe``."""

    kind: str
    name: str
    version: int
    key: str
    address: str
    parameters: Mapping[str, str]
    summary: str
    source: str
    needs: int
    shows: tuple[str, ...]
    """Types of piece that a tool shows, by name."""
    reads: tuple[str, ...]
    """Types of piece that a reader reads, by name."""
    answers: tuple[str, ...]
    """Forms of question that a reader or solver answers."""
    role: str
    budgeted: bool
    reads_itself: bool = False
    """True for a tool whose class has `read` too."""
    ours: bool = True
    """False for what comes from a person's file or from another package."""


@final
@dataclass(frozen=True)
class PlannedSolver:
    """One solver of the suite: one that hands back a network, a tool with its reader, or a reader fed by the grading side."""

    looks: Facts | None
    reads: Facts | None
    fed: str = ""
    """`oracle` or `noise` for a control, else empty."""

    @property
    def name(self) -> str:
        return f"{self.tool}@{self.reader}" if self.reader else self.tool

    @property
    def tool(self) -> str:
        return self.fed or (self.looks.name if self.looks else "")

    @property
    def reader(self) -> str:
        return self.reads.name if self.reads else ""

    @property
    def role(self) -> Role:
        if self.fed:
            return Role.CONTROL
        if self.reads is not None and not self.reads.ours:
            return Role.OWN_READER
        return Role(self.looks.role if self.looks else Role.METHOD)

    @property
    def key(self) -> str:
        """Changes with anything that could change its answers."""
        return content_key(self.fed, self.looks.key if self.looks else "", self.reads.key if self.reads else "")

    def serves(self, task: Task) -> bool:
        """Whether it answers the form of question, and its reader reads a piece that its tool shows.

        Nobody answers a Weigh question without a reader, since who has the network at hand could run it on what is asked.
        """
        answering = self.reads or self.looks
        if answering is None or task.form not in answering.answers or (self.reads is None and not task.form.rebuilds):
            return False
        return self.looks is None or self.reads is None or not set(self.looks.shows).isdisjoint(self.reads.reads)

    def is_told_enough(self, task: Task) -> bool:
        """Whether the task's brief tells what it needs to be told."""
        return not self.needs() & TOLD & ~task.tells

    def needs(self) -> Access:
        """What it must be granted."""
        halves = [Access(half.needs) for half in (self.looks, self.reads) if half is not None]
        total = Access.NONE
        for half in halves:
            total |= half
        return total


@final
@dataclass(frozen=True)
class AskedCase:
    """A case with its questions, as the grading side prepared it."""

    case: str
    network: str
    """The planted network's name."""
    group: tuple[str, str]
    """The set and the architecture of the network."""
    subject_key: str
    """Changes with the content of the subject's folder."""
    flaw: str
    network_flaws: str
    """All kinds planted in the network, joined by `+`."""
    tasks: Mapping[str, Mapping[str, Any]]
    facts: Mapping[str, str | int | float]


@final
@dataclass(frozen=True)
class PlannedLook:
    """A look to take; several cells may wait for it."""

    key: str
    network: str
    tool: str
    brief: str
    budget: float
    reference: str = ""
    """The clean network that the tool is handed; empty where it needs none."""


@final
@dataclass(frozen=True)
class PlannedCell:
    """A cell to answer."""

    row: Row
    """As it stands before the answer."""
    network: str
    solver: PlannedSolver
    look: PlannedLook | None
    references: tuple[PlannedLook, ...]
    evidence: str
    """Blob key of evidence that is already there, for controls."""
    seed_key: str
    missing: str
    """What the case does not grant, in words; empty if the cell can be attempted."""
    reference: str = ""
    """The clean network given to the reader or solver; empty where it needs none."""


@final
@dataclass(frozen=True)
class Reference:
    """A clean network that detectors are calibrated on, and that tools are handed which compare with one."""

    name: str
    key: str
    """Changes with the content of the subject's folder."""
    group: tuple[str, str]


@final
@dataclass(frozen=True)
class Grid:
    """What is crossed with what."""

    tasks: Mapping[str, Task]
    """By name."""
    solvers: Sequence[PlannedSolver]
    look_budgets: Sequence[float]
    retrain_budgets: Sequence[float]
    repeats: int
    references: Sequence[Reference]
    seed: int
    empty_brief: str
    """Blob key of the brief that says nothing."""
    class_budgets: Sequence[float] = ()
    """Per class, for looks that are told no target; empty to grant them the budgets of all looks."""
    classes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Classes by set and architecture."""

    def blind_budgets(self, group: tuple[str, str]) -> Sequence[float]:
        """Budgets of one look that is told no target, at a network of that set and architecture."""
        return tuple(budget * self.classes[group] for budget in self.class_budgets) or self.look_budgets


def plan_cells(cases: Sequence[AskedCase], grid: Grid) -> Iterator[PlannedCell]:
    """Every cell of the run, in a fixed order."""
    for case in cases:
        for task, asked in case.tasks.items():
            for solver in grid.solvers:
                if solver.serves(grid.tasks[task]):
                    yield from _cells_of(case, task, asked, solver, grid)


def _cells_of(case: AskedCase, task: str, asked: Mapping[str, Any], solver: PlannedSolver, grid: Grid) -> Iterator[PlannedCell]:
    for look_budget in _look_budgets(solver, task, grid, case.group):
        for retrain_budget in _retrain_budgets(task, grid):
            for repeat in range(grid.repeats):
                yield _cell(case, task, asked, solver, grid, (look_budget, retrain_budget, repeat))


def _cell(
    case: AskedCase, task: str, asked: Mapping[str, Any], solver: PlannedSolver, grid: Grid, dials: tuple[float, float, int]
) -> PlannedCell:
    look_budget, retrain_budget, repeat = dials
    clean = [reference for reference in grid.references if reference.group == case.group]
    beside = _beside(case.network, clean)
    look = None
    references: tuple[PlannedLook, ...] = ()
    if "refusal" not in asked and solver.looks is not None and solver.reads is not None:
        tool, told = solver.looks, asked["brief_digest"]
        look = _look(case.network, case.subject_key, beside, tool, (asked["brief"], told), dials, grid.seed)
        if grid.tasks[task].referred:
            references = tuple(
                _look(one.name, one.key, _beside(one.name, clean), tool, (grid.empty_brief, told), dials, grid.seed)
                for one in clean
                if not _compares(tool) or _beside(one.name, clean)
            )
    evidence = asked.get(solver.fed, "") if solver.fed else ""
    key = content_key(
        *(case.case, case.subject_key, task, asked.get("version", 0), asked.get("question", ""), solver.key),
        *(look_budget, retrain_budget, repeat, grid.seed, [reference.key for reference in references], evidence),
        *([beside.key] if beside and Access.REFERENCE_NETWORK in solver.needs() else []),
    )
    row = Row(
        key=key,
        case=case.case,
        subject=case.network,
        flaw=case.network_flaws if asked["blind"] else case.flaw,
        data=case.group[0],
        model=case.group[1],
        task=task,
        solver=solver.name,
        tool=solver.tool,
        reader=solver.reader,
        role=solver.role,
        budget=look_budget,
        retrain_budget=retrain_budget,
        repeat=repeat,
        status=Status.PENDING,
        facts=case.facts,
        question=asked.get("question", ""),
        evidence=evidence,
        task_version=asked.get("version", type(grid.tasks[task]).version),
    )
    missing = _missing(solver, asked, grid.tasks[task].form, references, beside) or _unreadable(solver, grid.tasks[task].form, case.flaw)
    handed = beside.name if beside and _compares(solver.reads or solver.looks) else ""
    return PlannedCell(row, case.network, solver, look, references, evidence, key, missing, handed)


def _compares(half: Facts | None) -> bool:
    """Whether it must be handed a clean network to compare with."""
    return half is not None and Access.REFERENCE_NETWORK in Access(half.needs)


def _beside(network: str, clean: Sequence[Reference]) -> Reference | None:
    """The clean network that ``network`` is compared with: the first of its set and architecture that is not itself.

    A reference draws all of its training for itself, so it is never the clean twin that answers are graded against.
    """
    return next((reference for reference in clean if reference.name != network), None)


def _missing(
    solver: PlannedSolver, asked: Mapping[str, Any], form: Form, references: Sequence[PlannedLook], beside: Reference | None
) -> str:
    if "refusal" in asked:
        return str(asked["refusal"])
    if solver.fed and not asked[solver.fed]:
        return "nothing is planted, so there is no truth to feed"
    granted = Access(asked["granted"]) | (Access.REFERENCES if references else Access.NONE)
    granted |= Access.REFERENCE_NETWORK if beside else Access.NONE
    granted &= ~form.withheld
    missing = solver.needs().missing_from(granted)
    if missing & form.withheld:
        return f"{solver.name} needs {', '.join(missing.words())}, which is not granted: a clean network would be the answer itself"
    why = "; the suite has no clean reference of this set and architecture" if Access.REFERENCE_NETWORK in missing else ""
    return f"{solver.name} needs {', '.join(missing.words())}, which is not granted{why}" if missing else ""


def _unreadable(solver: PlannedSolver, form: Form, kind: str) -> str:
    """Why a lineup of that kind of flaw is not put to its reader, one of ours; empty where it is."""
    ours = solver.reads is not None and solver.reads.ours
    return why_not_asked(solver.reader, kind) if ours and form is Form.LINEUP else ""


def _look(
    network: str,
    subject_key: str,
    beside: Reference | None,
    tool: Facts,
    brief: tuple[str, str],
    dials: tuple[float, float, int],
    seed: int,
) -> PlannedLook:
    (budget, _, repeat), (brief_key, brief_digest) = dials, brief
    handed = beside if _compares(tool) else None
    key = content_key("look", subject_key, tool.key, brief_digest, budget, repeat, seed, "", *([handed.key] if handed else []))
    return PlannedLook(key, network, tool.address, brief_key, budget, handed.name if handed else "")


def _look_budgets(solver: PlannedSolver, task: str, grid: Grid, group: tuple[str, str]) -> Sequence[float]:
    rebuilds = grid.tasks[task].form.rebuilds
    if solver.looks is None or (solver.reads is None and rebuilds):
        return (0.0,)
    if rebuilds:
        # Retraining dwarfs the look, so it is read once, from the best look.
        return (max(grid.look_budgets),)
    budgets = grid.blind_budgets(group) if grid.tasks[task].blind else grid.look_budgets
    return budgets if solver.looks.budgeted else budgets[:1]


def _retrain_budgets(task: str, grid: Grid) -> Sequence[float]:
    return grid.retrain_budgets if grid.tasks[task].form.rebuilds else (0.0,)
