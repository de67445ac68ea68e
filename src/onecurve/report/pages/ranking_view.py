"""The ranking of one task as a page shows it: solvers that are not told apart in one frame, each with the range of its rank."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

from markupsafe import Markup

from onecurve.core.row import Role, Row
from onecurve.report.charts.layout import key_mark
from onecurve.report.pages.table import ROLE_WORDS
from onecurve.report.words import numbers
from onecurve.report.words.naming import Names, cells_link, is_contender
from onecurve.report.words.rankings import contested, halves_words, heading, labels_of, readers_words, tie_words, told_apart
from onecurve.report.words.tasks import ordered_tasks
from onecurve.statistics.ranking import RankedSolver, Ranking, ranking

LOWEST, HIGHEST = -0.5, 1.1
"""Range of the strip on which intervals are drawn; what lies beyond is held at its ends."""


@final
@dataclass(frozen=True)
class RankLine:
    """One solver."""

    rank: str
    solver: str
    label: str
    tool: str
    link: str
    cells: str
    """Link to its cells on the task."""
    mark: Markup
    role: str
    skill: str
    interval: str
    at: float
    """Place of the mean on the strip, in per cent of its width."""
    low: float
    high: float
    """Ends of the interval on the strip; equal to ``at`` where there is none."""
    n: int
    cases: int
    not_from: str
    """Solvers that it is not separated from, in words; empty for none."""


@final
@dataclass(frozen=True)
class RankingView:
    """One task."""

    task: str
    heading: str
    groups: tuple[tuple[RankLine, ...], ...]
    words: str
    readers: str
    halves: str
    """Whether two halves of the networks agree on the order; empty where there are too few."""
    disputed: bool
    """Whether readers disagree on the order; then there is one group, by name, and no rank."""
    zero: float
    one: float
    """Floor and ceiling on the strip, in per cent."""


def rankings_of(rows: Sequence[Row]) -> dict[str, Ranking]:
    """The ranking of methods and baselines on every task, in the order of the tasks."""
    own = [row for row in rows if is_contender(row)]
    return {task: ranking(own, task) for task in ordered_tasks(row.task for row in own)}


def ranking_view(ranked: Ranking, names: Names, rows: Sequence[Row]) -> RankingView:
    """What the page shows of a ranking; ``rows`` are those that it was made of. Where readers disagree it shows no order."""
    disputed = bool(contested(ranked, names))
    groups = tuple(tuple(_line(one, ranked, names) for one in group) for group in ranked.groups)
    if disputed:
        every = (replace(line, rank="–") for group in groups for line in group)
        groups = (tuple(sorted(every, key=lambda line: line.label)),)
    order = ("", "") if disputed else (told_apart(ranked, names), halves_words(rows, ranked.task))
    said = order[0], readers_words(ranked, names), order[1], disputed
    return RankingView(ranked.task, heading(ranked, names), groups, *said, strip_place(0.0), strip_place(1.0))


def _line(one: RankedSolver, ranked: Ranking, names: Names) -> RankLine:
    found, labels = one.summary, labels_of(ranked, names)
    others = [name for other in ranked.solvers if (name := other.summary.solver) != found.solver and ranked.pair(found.solver, name).asked]
    near = [labels(other) for other in others if not ranked.pair(found.solver, other).separated]
    every = "all others" if one.among == len(ranked.solvers) else "all that it is compared with"
    tool = names.halves[found.solver][0]
    mean = found.mean or 0.0
    low, high = (found.interval.low, found.interval.high) if found.interval else (mean, mean)
    return RankLine(
        rank=one.words,
        solver=found.solver,
        label=labels(found.solver),
        tool=tool,
        link=names.link(found.solver),
        cells=cells_link(tool, ranked.task),
        mark=key_mark(names.style(found.solver), heavy=found.role is Role.BASELINE),
        role=ROLE_WORDS[found.role],
        skill=numbers.skill(found.mean),
        interval=numbers.interval(found.interval.low, found.interval.high) if found.interval else "no interval",
        at=strip_place(mean),
        low=strip_place(low),
        high=strip_place(high),
        n=found.n,
        cases=found.cases,
        not_from=every if len(near) == len(others) > 1 else tie_words(near),
    )


def strip_place(skill: float) -> float:
    """Place of a skill on the strip, in per cent of its width."""
    return round(100 * (min(max(skill, LOWEST), HIGHEST) - LOWEST) / (HIGHEST - LOWEST), 1)
