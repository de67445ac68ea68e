"""Write `docs/results/NAME.md` from the published results in `docs/results/NAME/`.

    python docs/make_results.py

Every figure of these pages comes from here, so a test can compare the pages with what this would write.
"""

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Final

import yaml

from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.report.pages.detection_view import kind_table
from onecurve.report.pages.false_alarms import alarm_lines
from onecurve.report.pages.ladder_view import is_asked, ladder_of
from onecurve.report.pages.ranking_view import rankings_of
from onecurve.report.words import numbers
from onecurve.report.words.naming import Names, is_contender
from onecurve.report.words.rankings import halves_words, labels_of, readers_words, told_apart
from onecurve.statistics.cases import at_largest_budget
from onecurve.statistics.compare import SolverComparison, compare_many
from onecurve.statistics.detection import flaws_of
from onecurve.statistics.ranking import Ranking, rows_by_reader
from onecurve.statistics.summary import Summary, summarise
from onecurve.store.published import PublishedRun, is_published, published_digest, read_published

FOLDER: Final = Path(__file__).parent / "results"
MADE: Final = "<!-- made by docs/make_results.py; do not edit -->\n\n"
GROUPS: Final = {
    "flaws of the data": ("spurious", "missing-subgroup", "label-noise", "shortcut"),
    "small triggers": ("patch", "conditional", "multi-target", "all-to-all", "label-consistent", "subnet", "rank-one", "natural-feature"),
    "triggers of the whole image": ("blended", "sinusoid", "sig", "warp", "style", "style-transfer", "dynamic"),
}
"""Kinds of flaw that a reader would look for with the same kind of tool."""
PAPERS: Final = {
    "patch": ("0.61, feature visualisation with CPPN", "0.84"),
    "style": ("0.27, TABOR", "0.06"),
    "natural-feature": ("0.80, RFLA-Perturb", "0.79"),
}
"""Share of people who chose right: the best single method of arXiv 2302.10894, and the winner (RFLA-Gen2) of arXiv 2404.02949."""


def page_of(run: PublishedRun, digest: str, name: str) -> str:
    """The whole page as Markdown."""
    parts = [MADE, f"# What holds on `{name}`\n", *_opening(run, digest, name)]
    names = Names.of(run.rows)
    for task, ranked in rankings_of(run.rows).items():
        parts += [f"\n## {task}\n", *_task(ranked, run.rows, names)]
        if task == "detect":
            parts += _detectors(run.rows, names)
    parts += ["\n## Where the plain look wins\n", *_plain_looks(run.rows, names)]
    parts += ["\n## Beside the trojan benchmark\n", *_beside_papers(run.rows)]
    parts += ["\n## What the readers can read\n", *_readers(run), *_controls(run.rows)]
    parts += ["\n## What was planted\n", *_plants(run)]
    return "\n".join(parts).rstrip() + "\n"


def _opening(run: PublishedRun, digest: str, name: str) -> Iterator[str]:
    rows, facts = run.rows, run.facts
    networks = {row.subject for row in rows}
    without = len(networks - {row.subject for row in rows if flaws_of(row)})
    flaws = {row.case: row.flaw for row in rows if row.task != "detect" and flaws_of(row)}
    contenders = [row for row in rows if is_contender(row)]
    yield _para(
        f"{len(networks)} networks were examined, {len(networks) - without} with a flaw and {without} clean or with a control alone. "
        f"{numbers.count(len(flaws), 'flaw')} of {len(set(flaws.values()))} kinds were asked about. "
        f"{numbers.count(len({row.tool for row in contenders}), 'tool')} gave {sum(row.skill is not None for row in contenders):,} answers."
    )
    yield ""
    yield _para(
        "Skill 0 is the best answer without looking at the network, 1 the answer of somebody who knows the ground truth. Intervals are "
        "95 % over networks. A rank is the range of places that paired tests leave open, with Holm's correction over the "
        "pairs of a task that share a reader or have none."
    )
    took = numbers.seconds((facts.get("finished") or {}).get("seconds"))
    version = (facts.get("versions") or {}).get("onecurve", "?")
    held = ", ".join(facts.get("isolation") or ["isolation unknown"]).split(":")[0]
    yield ""
    yield _para(
        f"The run was begun on {str(facts.get('started'))[:10]} with version {version} ({facts.get('machine', '?')}; {held}). Its networks "
        f"were planted by seed {run.seed}, which nobody was told before the run had ended. Its last start took {took}."
    )
    yield ""
    counted = any(row.clean_images is not None for row in contenders)
    yield f"Clean images that were read: {'median over cases, beside the cost.' if counted else 'not counted.'}"
    yield "\n```sh"
    yield f"onecurve verify docs/results/{name}               # every skill follows from raw, floor and ceiling"
    yield f"onecurve run docs/results/{name}.yaml --out again  # the same networks and questions again"
    yield "python docs/make_results.py                       # this page from the rows"
    yield "```\n"
    yield f"SHA-256 of the rows: `{digest[:32]}`\n`{digest[32:]}`"


def _task(ranked: Ranking, rows: Sequence[Row], names: Names) -> Iterator[str]:
    label = labels_of(ranked, names)
    own = [row for row in rows if is_contender(row)]
    yield _para(f"{told_apart(ranked, names)} {readers_words(ranked, names)} {halves_words(own, ranked.task)}")
    counted = any(row.clean_images is not None for row in rows)
    yield f"\n| rank | solver | | skill | 95 % interval | networks | cost |{' clean images |' * counted}"
    yield f"|---|---|---|---|---|---|---|{'---|' * counted}"
    for one in ranked.solvers:
        found = one.summary
        between = numbers.interval(found.interval.low, found.interval.high) if found.interval else "no interval"
        kind = "baseline" if found.role is Role.BASELINE else ""
        cells = [one.words, label(found.solver), kind, numbers.skill(found.mean), between, str(found.n), numbers.cost(found.cost)]
        if counted:
            cells.append("not counted" if found.clean_images is None else numbers.cost(found.clean_images))
        yield f"| {' | '.join(cells)} |"


def _detectors(rows: Sequence[Row], names: Names) -> Iterator[str]:
    yield "\n| detector | AUROC | alarms on clean | on controls | on flawed | right class first |\n|---|---|---|---|---|---|"
    lines = [line for line in alarm_lines(rows, names) if line.role != "control"]
    for line in sorted(lines, key=lambda line: line.auroc, reverse=True):
        cells = (line.auroc, *(_short(words) for words in (line.false_words, line.control_words, line.found_words)), line.named_words)
        yield f"| {line.solver.partition('@')[0]} | {' | '.join(cells)} |"
    table = kind_table([row for row in rows if is_contender(row)], names)
    yield "\n" + _para("AUROC by kind of flaw, each against all networks without one; in brackets the number of networks.") + "\n"
    solvers = [solver.partition("@")[0] for solver, _, _ in table.lines]
    yield f"| kind | {' | '.join(solvers)} |\n|---|{'---|' * len(solvers)}"
    for at, (kind, count) in enumerate(table.kinds):
        yield f"| {kind} ({count}) | {' | '.join(cells[at].words for _, _, cells in table.lines)} |"


def _plain_looks(rows: Sequence[Row], names: Names) -> Iterator[str]:
    yield _para(
        "Per group of flaws and task, and per reader where several read, the best baseline stands against the best method, each at its "
        "largest budget. Who is best was seen on the same networks, so the difference of the two is a little too large; the test is "
        "corrected for all pairs of baseline and method on one reader. Two are separated where the test says so and the interval leaves 0 "
        "out."
    )
    yield "\n| group | task | best baseline | skill | best method | skill | difference | separated |\n|---|---|---|---|---|---|---|---|"
    for group, kinds in GROUPS.items():
        own = [row for row in rows if is_contender(row) and set(row.kinds) & set(kinds)]
        for task in dict.fromkeys(row.task for row in rows):
            parts = rows_by_reader(row for row in own if row.task == task)
            yield from filter(None, (_best_of_both(group, task, some) for some in parts.values()))


def _best_of_both(group: str, task: str, rows: Sequence[Row]) -> str:
    found = [one for one in summarise(rows) if one.scored]
    plain, methods = ([one for one in found if one.role is role] for role in (Role.BASELINE, Role.METHOD))
    if not plain or not methods:
        return ""
    couples = [(one.solver, other.solver) for one in plain for other in methods]
    best, rival = max(plain, key=_mean), max(methods, key=_mean)
    verdict = next(one for one in compare_many(rows, couples, task) if (one.first, one.second) == (best.solver, rival.solver))
    return (
        f"| {group} ({best.n}) | {task} | {best.solver} | {numbers.skill(best.mean)} | {rival.solver} | {numbers.skill(rival.mean)} "
        f"| {_difference(verdict)} | {_winner(verdict)} |"
    )


def _winner(verdict: SolverComparison) -> str:
    interval = verdict.interval
    if not verdict.separated() or interval is None or interval.low <= 0 <= interval.high:
        return "no"
    return "baseline" if (verdict.difference or 0) > 0 else "method"


def _difference(verdict: SolverComparison) -> str:
    if verdict.difference is None or verdict.interval is None:
        return verdict.why_no_interval or numbers.MISSING
    return f"{numbers.skill(verdict.difference)} ({numbers.interval(verdict.interval.low, verdict.interval.high)})"


def _beside_papers(rows: Sequence[Row]) -> Iterator[str]:
    yield _para(
        "The benchmark of arXiv 2302.10894 and the competition of arXiv 2404.02949 asked people which of eight pictures a visualisation of "
        "an ImageNet network recalls, for four trojans of each type; chance is 0.125. `discover` asks a reader the same here. The "
        "figures stand side by side to show the order of magnitude: networks, triggers and judges differ."
    )
    yield "\n| kind | best method in 2302.10894 | winner of 2404.02949 | here: solver, share of top choices that are right, flaws |"
    yield "|---|---|---|---|"
    for kind, (best, winner) in PAPERS.items():
        own = [row for row in at_largest_budget(rows) if row.task == "discover" and row.flaw == kind and is_contender(row)]
        shares = {solver: _top1([row for row in own if row.solver == solver]) for solver in {row.solver for row in own}}
        if shares:
            solver, (share, n) = max(sorted(shares.items()), key=lambda one: one[1][0])
            yield f"| {kind} | {best} | {winner} | {solver}, {share:.2f}, {n} |"


def _top1(rows: Sequence[Row]) -> tuple[float, int]:
    """Mean share of right top choices, one in eight for an abstention, and the number of flaws."""
    by_case = {row.case: row.figures.get("top1", 0.125) for row in rows if row.skill is not None}
    return (fmean(by_case.values()), len(by_case)) if by_case else (0.0, 0)


def _readers(run: PublishedRun) -> Iterator[str]:
    ladder = ladder_of(run.calibrations)
    yield _para(
        "The share of sampled lineups that a reader reads correctly when the evidence gets worse, over the kinds of flaw that it is "
        "asked to discover ([decision 44](../decisions/0044-what-a-reader-can-tell.md)); in brackets the mean weight on the right "
        "option. Chance is one in eight."
    )
    asked = [one for one in run.calibrations if is_asked(one.reader, one.flaw)]
    readers = sorted({one.reader for one in asked if one.condition == "true trigger" and one.n})
    yield f"\n| evidence | {' | '.join(readers)} |\n|---|{'---|' * len(readers)}"
    for shown in ("true trigger", *ladder.rungs, "noise"):
        cells = []
        for reader in readers:
            own = [one for one in asked if one.reader == reader and shown in (one.condition, one.rung) and one.n]
            n = sum(one.n for one in own)
            share, mass = (sum(value) / n for value in ([one.correct for one in own], [one.mean_mass * one.n for one in own]))
            cells.append(f"{numbers.percent(share)} ({numbers.percent(mass)}), n = {n}")
        yield f"| {shown} | {' | '.join(cells)} |"


def _controls(rows: Sequence[Row]) -> Iterator[str]:
    yield "\n" + _para("Readers fed with the ground truth (`oracle`) and with noise say what a task lets anybody earn.")
    yield "\n| control | task | skill | 95 % interval | cases |\n|---|---|---|---|---|"
    for one in summarise(row for row in rows if row.role is Role.CONTROL):
        if one.scored:
            between = numbers.interval(one.interval.low, one.interval.high) if one.interval else "no interval"
            yield f"| {one.solver} | {one.task} | {numbers.skill(one.mean)} | {between} | {one.cases} |"


def _plants(run: PublishedRun) -> Iterator[str]:
    yield _para(
        f"{sum(one.admitted for one in run.plants)} of {len(run.plants)} plants passed the gate, clean networks and controls included. "
        "A refused plant is never asked about."
    )
    yield "\n| kind | admitted | attack success rate, mean |\n|---|---|---|"
    planted = Counter(one.flaw for one in run.plants)
    for kind in sorted(planted):
        own = [one for one in run.plants if one.flaw == kind and one.admitted]
        success = [one.strength["success"] for one in own if "success" in one.strength]
        yield f"| {kind} | {len(own)} of {planted[kind]} | {numbers.percent(fmean(success)) if success else numbers.MISSING} |"
    counts = Counter(row.status for row in run.rows if is_contender(row))
    yield "\n" + _para(
        "Cells: " + ", ".join(f"{counts[status]:,} {status}" for status in Status if counts[status]) + ". Failed cells count as the floor."
    )


def _mean(one: Summary) -> float:
    return one.mean or 0.0


def _short(words: str) -> str:
    """The share and the count without the interval: `12 % (1 of 8; …)` as `12 % (1 of 8)`."""
    return words.partition(";")[0] + (")" if ";" in words else "")


def _para(words: str) -> str:
    return textwrap.fill(" ".join(words.split(" ")).strip(), 118, break_long_words=False, break_on_hyphens=False)


def pages() -> dict[str, str]:
    """Every page with its text."""
    published = [folder for folder in sorted(FOLDER.iterdir()) if is_published(folder)]
    return {f"{folder.name}.md": page_of(read_published(folder), published_digest(folder), folder.name) for folder in published}


def main() -> None:
    """Write the pages and, beside the rows, the suite as a file."""
    for folder in sorted(FOLDER.iterdir()):
        if is_published(folder):
            run = read_published(folder)
            suite = {**json.loads(run.suite), "seed": run.seed}
            (FOLDER / f"{folder.name}.yaml").write_text(yaml.safe_dump(suite, sort_keys=False), encoding="utf-8")
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
