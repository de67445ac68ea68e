"""Sentences generated from the rows: what was run, which solver leads, which kinds of flaw no solver found.

The sentences are plain text. They state no difference that the intervals do not support.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

from onecurve.core.grade import Status
from onecurve.core.question import Form
from onecurve.core.row import Role, Row
from onecurve.report.rows.results import Results
from onecurve.report.words import numbers
from onecurve.report.words.naming import CLEAN, Names, is_contender
from onecurve.report.words.rankings import contested, labels_of, readers_words
from onecurve.report.words.tasks import ordered_tasks, tasks_of
from onecurve.statistics.compare import SolverComparison, compare
from onecurve.statistics.detection import flaws_of
from onecurve.statistics.intervals import TooFewError
from onecurve.statistics.power import power_of_comparison
from onecurve.statistics.ranking import Ranking
from onecurve.statistics.summary import Summary, summarise, summarise_flaws

FINDING = (Form.LINEUP, Form.CLASSES, Form.PIXELS)
"""The forms of task by which a flaw counts as found; the first that was asked is used."""
NAMED = 3
"""Kinds of flaw that a headline names; of more it says how many."""


@final
@dataclass(frozen=True)
class Sentence:
    """A headline of a few words and the sentence that supports it."""

    headline: str
    words: str


@final
@dataclass(frozen=True)
class Extent:
    """How large a run is."""

    networks: int
    """With a flaw."""
    flaws: int
    clean: int
    """Clean networks."""
    controls: int
    """Networks with controls alone."""
    kinds: int
    tools: int
    """Methods and baselines with a score, without their readers."""
    tasks: int
    answers: int
    """Theirs that have a skill."""


def opening(results: Results) -> str:
    """What was run, in one sentence with numbers."""
    rows = results.rows
    flawed = [row for row in rows if flaws_of(row)]
    networks = len({row.subject for row in flawed})
    clean = len({row.subject for row in rows if row.flaw == CLEAN})
    return extent_words(
        Extent(
            networks=networks,
            flaws=len({row.case for row in flawed}),
            clean=clean,
            controls=len({row.subject for row in rows}) - networks - clean,
            kinds=len({kind for row in flawed for kind in flaws_of(row)}),
            tools=len({row.tool for row in rows if is_contender(row) and row.skill is not None}),
            tasks=len({row.task for row in rows}),
            answers=sum(row.skill is not None and is_contender(row) for row in rows),
        )
    )


def extent_words(run: Extent) -> str:
    """The sentence."""
    others = [numbers.count(run.clean, "clean network")] if run.clean else []
    others += [f"{numbers.count(run.controls, 'network')} with controls alone"] if run.controls else []
    beside = f", beside {numbers.and_list(others)}" if others else ""
    graded = f"{numbers.count(run.tools, 'tool')} {'was' if run.tools == 1 else 'were'} graded on {numbers.count(run.tasks, 'task')}"
    kinds = f" of {run.kinds} kinds" if run.kinds > 1 else ""
    planted = f"{numbers.count(run.flaws, 'known flaw')}{kinds} {'was' if run.flaws == 1 else 'were'} planted"
    where = f"in {numbers.count(run.networks, 'network')}"
    return f"{planted} {where}{beside}. {graded}: {numbers.count(run.answers, 'answer')} in all."


def leader_sentence(ranked: Ranking, rows: Sequence[Row], names: Names) -> Sentence:
    """Which solver leads on a task, at which cost, and whether it differs significantly from the best baseline."""
    asked = summarise(row for row in rows if row.task == ranked.task)

    def compared(first: str, second: str) -> tuple[SolverComparison, str]:
        verdict = compare(rows, first, second, ranked.task)
        verdict = replace(verdict, p_adjusted=ranked.pair(first, second).p_adjusted)
        return verdict, _networks_missing(verdict, rows)

    return lead_sentence(ranked, asked, compared, names)


def lead_sentence(
    ranked: Ranking, asked: Sequence[Summary], compared: Callable[[str, str], tuple[SolverComparison, str]], names: Names
) -> Sentence:
    """The same from what is known of the solvers; ``compared`` compares two of them and says how many networks are missing."""
    task = ranked.task
    found = [summary for summary in asked if summary.scored]
    if not found:
        return Sentence("No result yet", f"{task} has no score.")
    if contested(ranked, names):
        return Sentence(f"Readers disagree on the order of tools on {task}", readers_words(ranked, names))
    leader = max(found, key=_mean)
    without = [names.label(one.solver, [other.solver for other in asked]) for one in asked if one.counts[Status.FAILED] and not one.scored]
    missing = f" Nothing is concluded of {numbers.and_list(without)}, without a score on {task}." if without else ""
    plain = [summary for summary in found if summary.role is Role.BASELINE]
    rivals = [summary for summary in found if summary.role is Role.METHOD] if leader.role is Role.BASELINE else plain
    labels = labels_of(ranked, names)
    label = labels(leader.solver)
    apart = any(not ranked.pair(leader.solver, one.solver).asked for one in found if one.solver != leader.solver)
    headline = _headline(leader, found, label, names.halves[leader.solver][1] if apart else "")
    start = f"At {numbers.cost(leader.cost)} forward-equivalents per case {label} reaches a skill of {_with_interval(leader)}"
    kind = "method" if leader.role is Role.BASELINE else "baseline"
    compared_with = [summary for summary in rivals if ranked.pair(leader.solver, summary.solver).asked]
    if not compared_with:
        read = " that the same reader reads" if rivals else ""
        return Sentence(headline, f"{start}; no {kind}{read} has a score on this task.{missing}")
    rival = max(compared_with, key=_mean)
    verdict, more = compared(leader.solver, rival.solver)
    best = f"{kind} that it is compared with" if len(compared_with) < len(rivals) else kind
    against_rival = _against(verdict, best, labels(rival.solver), rival)
    return Sentence(headline, f"{start}. {against_rival}{more}{missing}")


def _headline(leader: Summary, found: Sequence[Summary], label: str, reader: str) -> str:
    """Who leads; ``reader`` is its reader where it is not compared with the solvers of another, else empty."""
    known = [summary.interval for summary in found if summary.interval is not None]
    if known and leader.interval is not None and all(interval.low <= 0 for interval in known):
        return f"On {leader.task}, every interval reaches down to the floor"
    among = f" among the solvers that {reader} reads" if reader else ""
    return f"{label}{', a baseline,' if leader.role is Role.BASELINE else ''} leads on {leader.task}{among}"


def missed_kinds_sentence(rows: Sequence[Row]) -> Sentence:
    """Which kinds of flaw no solver found above the floor."""
    flawed = [row for row in rows if row.flaw != CLEAN and is_contender(row) and row.status is not Status.SKIPPED]
    task = finding_task({row.task for row in flawed})
    if not task:
        return Sentence("No flaw to find", "Every row is of a clean network.")
    by_kind = summarise_flaws(r for r in flawed if r.task == task)
    return missed_sentence(task, by_kind, {flaw: networks_with(flaw, flawed) for flaw in by_kind})


def finding_task(asked: Collection[str]) -> str:
    """The task by which a flaw counts as found, of those that were asked; empty for none."""
    finding = [task for form in FINDING for task in tasks_of(form, asked)]
    return next(iter((*finding, *ordered_tasks(asked))), "")


def missed_sentence(task: str, asked: Mapping[str, Sequence[Summary]], networks: Mapping[str, int]) -> Sentence:
    """The same from the summaries of a task by kind of flaw, and the number of networks with each."""
    by_kind = {flaw: [s for s in found if s.scored] for flaw, found in asked.items()}
    unknown = [flaw for flaw, found in by_kind.items() if not found]
    open_ = f" Nothing is concluded of {numbers.and_list(unknown)}: there is no score." if unknown else ""
    by_kind = {flaw: found for flaw, found in by_kind.items() if found}
    if not by_kind:
        return Sentence("No result yet", f"{task} has no score for any kind of flaw.")
    missed = [flaw for flaw, found in by_kind.items() if not any(s.interval is not None and s.interval.low > 0 for s in found)]
    if not missed:
        every = numbers.and_list(sorted(by_kind))
        words = f"On {task}, at least one solver's interval lies above the floor for each of {every}."
        all_kinds = "Every kind of flaw with a score" if unknown else "Every kind of flaw"
        return Sentence(f"{all_kinds} was found by at least one solver", words + open_)

    def bests(flaws: Sequence[str]) -> str:
        return numbers.and_list([f"{flaw} (best: {_best(by_kind[flaw])})" for flaw in flaws])

    start = f"On {task}, every solver's 95\u00a0% interval reaches the floor or below for"
    if len(missed) <= NAMED:
        counted = numbers.and_list([f"{flaw} ({numbers.count(networks[flaw], 'network')})" for flaw in missed])
        return Sentence(f"Not reliably found: {counted}", f"{start} {bests(missed)}.{open_}")
    nearest = sorted(missed, key=lambda flaw: -max(map(_mean, by_kind[flaw])))[:NAMED]
    headline = f"{len(missed)} of {len(by_kind)} kinds of flaw were not reliably found"
    return Sentence(headline, f"{start} {numbers.and_list(missed)}. The nearest results are {bests(nearest)}.{open_}")


def networks_with(kind: str, rows: Sequence[Row]) -> int:
    """Networks that hold a flaw of that kind."""
    return len({row.subject for row in rows if kind in row.kinds})


def _best(found: Sequence[Summary]) -> str:
    best = max(found, key=_mean)
    return f"{best.solver}, {_with_interval(best)}"


def _against(verdict: SolverComparison, kind: str, label: str, rival: Summary) -> str:
    if verdict.interval is None or verdict.difference is None:
        return f"It could not be tested against the best {kind}, {label}: {verdict.why_no_interval or 'no shared case'}."
    difference = (
        f"difference {numbers.skill(verdict.difference)}, {numbers.interval(verdict.interval.low, verdict.interval.high)}, "
        f"{numbers.sample(verdict.n, verdict.cases)}"
    )
    verb = "It differs significantly from" if verdict.separated() else "It does not differ significantly from"
    tested = "" if verdict.p_adjusted is None else f"; Holm’s {numbers.p_value(verdict.p_adjusted)}"
    return f"{verb} the best {kind}, {label} at {numbers.cost(rival.cost)} ({difference}{tested})."


def _networks_missing(verdict: SolverComparison, rows: Sequence[Row]) -> str:
    """How many more networks a difference that is not significant needs; empty where it is significant or its spread is unknown."""
    if verdict.separated():
        return ""
    try:
        power = power_of_comparison(rows, verdict.first, verdict.second, verdict.task)
    except TooFewError:
        return ""
    if power.needed is None:
        return " If this is the true difference, no feasible number of networks shows it."
    more = power.needed - power.n
    if more <= 0:
        return ""
    rounded = int(float(f"{more:.2g}"))
    return f" If this is the true difference, about {numbers.count(rounded, 'more network')} would show it with 80\u00a0% power."


def _with_interval(summary: Summary) -> str:
    between = numbers.interval(summary.interval.low, summary.interval.high) if summary.interval else "no interval"
    return f"{numbers.skill(summary.mean)} ({between}, {numbers.sample(summary.n, summary.cases)})"


def _mean(summary: Summary) -> float:
    assert summary.mean is not None
    return summary.mean
