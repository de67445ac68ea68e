"""Parts of pages that only a large run has: what was planted by kind, and every kind of flaw on every task."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, final

from markupsafe import Markup

from onecurve.core.display import PlantRecord
from onecurve.core.row import Role
from onecurve.report.pages.sections import PLANT_FIGURES
from onecurve.report.pages.table import shade
from onecurve.report.words import numbers
from onecurve.report.words.naming import Names, figure_name, page_name
from onecurve.statistics.summary import Summary

MOST_REFUSALS: Final = 12
"""Reasons of refused plants that a page lists."""


@final
@dataclass(frozen=True)
class KindLine:
    """One kind of flaw on every task: its best solver on each."""

    kind: str
    link: str
    networks: int
    cells: tuple["BestCell | None", ...]
    """One per task; None where no solver has a score."""


@final
@dataclass(frozen=True)
class BestCell:
    """The highest mean of a task on one kind of flaw."""

    solver: str
    link: str
    skill: str
    interval: str
    shade: str
    above: str
    """How many solvers' intervals lie above the floor."""


@final
@dataclass(frozen=True)
class PlantKind:
    """All attempts at planting one kind of flaw."""

    flaw: str
    admitted: int
    refused: int
    figures: tuple[str, ...]
    """Medians over the admitted, in the order of ``PLANT_LABELS``."""


PLANT_LABELS: Final = tuple(figure_name(name) for name in PLANT_FIGURES)


def kind_link(kind: str) -> str:
    """From the index to the page of a kind of flaw."""
    return f"kinds/{page_name(kind)}"


def task_link(task: str) -> str:
    """From the index to the page of a task."""
    return f"tasks/{page_name(task)}"


def below(chart: Markup) -> Markup:
    """A chart of the first page for a page in a folder below it: its links lead back up."""
    return Markup(str(chart).replace('href="solvers/', 'href="../solvers/'))  # noqa: S704 - our own markup


def kind_lines(by_kind: Mapping[str, Sequence[Summary]], tasks: Sequence[str], names: Names) -> tuple[KindLine, ...]:
    """Every kind, in order of name."""
    lines = []
    for kind, found in sorted(by_kind.items()):
        own = [one for one in found if one.role in (Role.METHOD, Role.BASELINE)]
        cells = tuple(_best([one for one in own if one.task == task], names) for task in tasks)
        lines.append(KindLine(kind, kind_link(kind), max((one.n for one in own), default=0), cells))
    return tuple(lines)


def plant_kinds(plants: Sequence[PlantRecord]) -> tuple[PlantKind, ...]:
    """Every kind that was attempted, in order of name."""
    groups: dict[str, list[PlantRecord]] = {}
    for one in plants:
        groups.setdefault(one.flaw, []).append(one)
    return tuple(_planted(flaw, own) for flaw, own in sorted(groups.items()))


def refusals(plants: Sequence[PlantRecord]) -> tuple[tuple[str, str, int], ...]:
    """Kind of flaw, reason and number of the plants that were refused, the most frequent ones."""
    counted = Counter((one.flaw, one.reason) for one in plants if not one.admitted)
    return tuple((flaw, reason, count) for (flaw, reason), count in counted.most_common(MOST_REFUSALS))


def _best(found: Sequence[Summary], names: Names) -> BestCell | None:
    scored = [one for one in found if one.scored]
    if not scored:
        return None
    best = max(scored, key=lambda one: (one.mean or 0.0, one.solver))
    above = sum(one.interval is not None and one.interval.low > 0 for one in scored)
    return BestCell(
        solver=names.label(best.solver, [one.solver for one in scored]),
        link=names.link(best.solver),
        skill=numbers.skill(best.mean),
        interval=numbers.interval(best.interval.low, best.interval.high) if best.interval else "no interval",
        shade=shade(best.mean),
        above=f"{above} of {numbers.count(len(scored), 'solver')} above the floor",
    )


def _planted(flaw: str, own: Sequence[PlantRecord]) -> PlantKind:
    admitted = [one for one in own if one.admitted]
    found = [[one.strength[name] for one in admitted if one.strength.get(name) is not None] for name in PLANT_FIGURES]
    return PlantKind(
        flaw, len(admitted), len(own) - len(admitted), tuple(numbers.percent(median(values) if values else None) for values in found)
    )
