"""What a report opens on: the solver that the reader came for, or else the clearest result of the run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, final

from onecurve.core.errors import UnknownNameError
from onecurve.core.row import Row
from onecurve.report.words import numbers
from onecurve.report.words.naming import Names, is_contender
from onecurve.report.words.rankings import contested, labels_of, more_networks, readers_words, tie_words, told_apart
from onecurve.statistics.compare import SolverComparison, compare
from onecurve.statistics.ranking import PairTest, RankedSolver, Ranking

CANDIDATES = 3
"""Of each task so many of the clearest pairs get an interval, by which the clearest of all is chosen."""


@final
@dataclass(frozen=True)
class Focus:
    """The opening of a page."""

    headline: str
    words: str
    task: str = ""
    """The task that is shown first; empty where nothing has a score."""
    tool: str = ""
    """Highlighted on every page; empty where the reader named none."""
    couple: tuple[str, str] = ("", "")
    """The two solvers that the words compare."""


class Compared(Protocol):
    """Compares two solvers on a task."""

    def __call__(self, first: str, second: str, task: str) -> SolverComparison: ...


def focus_of(rows: Sequence[Row], rankings: Mapping[str, Ranking], names: Names, wanted: str = "") -> Focus:
    """The opening for ``wanted``, the name of a solver or tool, or for nobody in particular. Raises ``UnknownNameError``.

    A pair that one reader separates and another reverses is no result.
    """
    if wanted:
        check_solver(wanted, {row.tool for row in rows if is_contender(row)}, names)
    return focus_among(partial(compare, rows), len({row.subject for row in rows}), rankings, names, wanted)


def focus_among(compared: Compared, networks: int, rankings: Mapping[str, Ranking], names: Names, wanted: str = "") -> Focus:
    """The same for so many networks, where ``compared`` compares two solvers."""
    if wanted:
        return _of_solver(wanted, compared, rankings, names)
    clear = [(task, pair) for task, ranked in rankings.items() for pair in _clearest(ranked, names)]
    if clear:
        measured = [(task, pair, compared(pair.first, pair.second, task).interval) for task, pair in clear]
        sharp = [(abs(pair.difference or 0.0) / interval.width, task, pair) for task, pair, interval in measured if interval]
        _, task, pair = max(sharp, key=lambda one: one[0])
        return _separated(task, pair, compared, rankings[task], names)
    disputed = next((ranked for ranked in rankings.values() if contested(ranked, names)), None)
    if disputed is not None:
        return Focus(f"Readers disagree on the order of tools on {disputed.task}", readers_words(disputed, names), disputed.task)
    return _open(compared, networks, rankings, names)


def check_solver(wanted: str, tools: Iterable[str], names: Names) -> frozenset[str]:
    """The solvers that a name of a tool or solver stands for; raises ``UnknownNameError``, which names one of ``tools``, for none."""
    mine = frozenset(solver for solver, (tool, _) in names.halves.items() if wanted in (solver, tool))
    if not mine:
        raise UnknownNameError.among("solver in this run", wanted, set(tools))
    return mine


def _clearest(ranked: Ranking, names: Names) -> list[PairTest]:
    refuted = contested(ranked, names)
    agreed = (pair for key, pair in ranked.pairs.items() if pair.separated and key not in refuted)
    return sorted(agreed, key=lambda pair: -pair.clarity)[:CANDIDATES]


def _separated(task: str, pair: PairTest, compared: Compared, ranked: Ranking, names: Names) -> Focus:
    ahead, behind = (pair.first, pair.second) if (pair.difference or 0.0) > 0 else (pair.second, pair.first)
    labels, means = labels_of(ranked, names), {one.summary.solver: one.summary.mean for one in ranked.solvers}
    words = (
        f"The clearest result of this run: {labels(ahead)} earns a skill of {numbers.skill(means[ahead])}, {labels(behind)} "
        f"{numbers.skill(means[behind])}; {_difference(ahead, behind, task, compared)}{_holm(pair, ranked)}."
    )
    return Focus(f"{labels(ahead)} is ahead of {labels(behind)} on {task}", words, task, couple=(ahead, behind))


def _open(compared: Compared, networks: int, rankings: Mapping[str, Ranking], names: Names) -> Focus:
    """Where no pair is separated: what comes nearest, and what it would take."""
    pairs = [(pair.clarity, task, pair) for task, ranked in rankings.items() for pair in ranked.pairs.values() if pair.asked]
    if not any(ranked.solvers for ranked in rankings.values()):
        return Focus("There is no score yet", "The reasons stand under failures.")
    if not pairs:
        task, ranked = max(rankings.items(), key=lambda one: len(one[1].solvers))
        if len(ranked.solvers) > 1:
            return Focus("No two solvers are compared", told_apart(ranked, names), task)
        return Focus("One solver has a score", f"Only {labels_of(ranked, names)(ranked.solvers[0].summary.solver)} does, on {task}.", task)
    _, task, pair = max(pairs, key=lambda one: one[0])
    labels = labels_of(rankings[task], names)
    ahead, behind = (pair.first, pair.second) if (pair.difference or 0.0) >= 0 else (pair.second, pair.first)
    would, least = more_networks(rankings[task], pair), rankings[task].least_networks
    if not would and pair.n < least:
        would = f"no difference is separated by fewer than {least} networks"
    words = (
        f"{labels(ahead)} and {labels(behind)} lie furthest apart, on {task}: {_difference(ahead, behind, task, compared)}"
        f"{_holm(pair, rankings[task])}{f'; {would}' if would else ''}."
    )
    few = numbers.count(networks, "network")
    return Focus(f"{few} {'does' if networks == 1 else 'do'} not tell the tools apart yet", words, task, couple=(ahead, behind))


def _of_solver(wanted: str, compared: Compared, rankings: Mapping[str, Ranking], names: Names) -> Focus:
    mine = check_solver(wanted, (), names)
    tool = names.halves[min(mine)][0]
    places = [(task, one) for task, ranked in rankings.items() for one in ranked.solvers if one.summary.solver in mine]
    if not places:
        return Focus(f"{wanted} is in no ranking", f"It has no score here, or it is a control. See the page of {tool}.", tool=tool)
    task, place = max(places, key=lambda one: _clarity(one[1], rankings[one[0]]))
    words, couple = _against_neighbours(place, rankings[task], compared, names)
    label, ranked = labels_of(rankings[task], names)(place.summary.solver), rankings[task]
    if contested(ranked, names):
        return Focus(f"{label} has no rank on {task}: readers disagree", f"{readers_words(ranked, names)} {words}", task, tool, couple)
    headline = f"{label} ranks {place.words} of {place.among} on {task}"
    return Focus(headline, words, task, tool, couple)


def _clarity(place: RankedSolver, ranked: Ranking) -> float:
    own = [pair for pair in ranked.pairs.values() if place.summary.solver in (pair.first, pair.second)]
    return max((pair.clarity + 1e6 * pair.separated for pair in own), default=-1.0)


def _against_neighbours(place: RankedSolver, ranked: Ranking, compared: Compared, names: Names) -> tuple[str, tuple[str, str]]:
    """A sentence on who stands above and below, and the nearer of them."""
    own, labels = place.summary.solver, labels_of(ranked, names)
    known = [one for one in ranked.solvers if one.summary.solver == own or ranked.pair(own, one.summary.solver).asked]
    order = [one.summary.solver for one in sorted(known, key=lambda one: -(one.summary.mean or 0.0))]
    at = order.index(own)
    earned = f"It earns a skill of {numbers.skill(place.summary.mean)}, {_sample(place)}."
    said, near = [earned], [other for other in (order[at - 1] if at else "", order[at + 1] if at + 1 < len(order) else "") if other]
    for other in near:
        pair = ranked.pair(own, other)
        side = "above" if order.index(other) < at else "below"
        verb = "It is separated from" if pair.separated else "It is not separated from"
        would = "" if pair.separated else more_networks(ranked, pair)
        difference = _difference(own, other, ranked.task, compared)
        said.append(f"{verb} {labels(other)} {side} ({difference}{_holm(pair, ranked)}{f'; {would}' if would else ''}).")
    shared = [labels(one.summary.solver) for one in ranked.solvers if one.group == place.group and one.summary.solver != own]
    if shared:
        said.append(f"Its group is shared with {tie_words(shared)}.")
    elif len(order) == 1:
        said.append("It is compared with no other solver.")
    elif all(ranked.pair(own, other).separated for other in order if other != own):
        said.append("It stands in a group of its own.")
    return " ".join(said), (own, near[0]) if near else ("", "")


def _sample(place: RankedSolver) -> str:
    between = place.summary.interval
    words = numbers.interval(between.low, between.high) if between else "no interval"
    return f"{words}, {numbers.sample(place.summary.n, place.summary.cases)}"


def _difference(first: str, second: str, task: str, compared: Compared) -> str:
    found = compared(first, second, task)
    if found.difference is None:
        return "no shared case"
    between = f" ({numbers.interval(found.interval.low, found.interval.high)})" if found.interval else " (no interval)"
    return f"difference {numbers.skill(found.difference)}{between} over {numbers.count(found.n, 'network')}"


def _holm(pair: PairTest, ranked: Ranking) -> str:
    if pair.p_adjusted is None:
        return ""
    return f", Holm’s {numbers.p_value(pair.p_adjusted)} across {numbers.count(ranked.asked, 'pair')}"
