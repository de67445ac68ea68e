"""The section on heat maps: every tool under every metric, how far the metrics agree, and box plots over single maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import final

import numpy as np
from markupsafe import Markup

from onecurve.core.question import Form
from onecurve.core.row import Role, Row
from onecurve.report.charts.box_chart import BaselineMark, BoxPlot, box_chart, box_tip, levels_of
from onecurve.report.pages.checks_view import check_lines, in_short
from onecurve.report.pages.map_spread import Spread, map_spreads
from onecurve.report.pages.table import shade
from onecurve.report.rows.results import Results
from onecurve.report.words import numbers
from onecurve.report.words.naming import Names, is_contender
from onecurve.report.words.sentences import Sentence
from onecurve.report.words.tasks import tasks_of
from onecurve.statistics.metrics import Metric, MetricTable, Placing, kendall, metric_tables
from onecurve.tasks.machinery.map_figures import BASELINES, LOWER_IS_BETTER, METRICS

SPANS = {"pearson": (-1.0, 1.0)}
WORDS: Mapping[str, str] = {
    "average_precision": "average precision",
    "pearson": "correlation",
    "l1": "L1 distance",
    "pointing": "pointing game",
    "iou": "overlap",
}
EXPLAINED: Mapping[str, str] = {
    "average_precision": "average precision of the mask’s pixels, with ties in expectation",
    "pearson": "Pearson’s correlation of map and mask, 0 for a constant map",
    "l1": "mean absolute difference of the mask and the map brought to 0…1; lower is better, so a map that marks nothing scores well",
    "pointing": "whether the highest pixel lies in the mask",
    "iou": "intersection over union of the mask and as many top pixels",
}
DECIDING = {"l1": "blank", "pearson": "edges"}
"""The baseline that arXiv 2302.10894 compares with under each metric."""


@final
@dataclass(frozen=True)
class MetricCell:
    """One tool under one metric."""

    mean: str
    interval: str
    rank: str
    """Mean rank with its interval."""
    shade: str
    first: bool


@final
@dataclass(frozen=True)
class MetricLine:
    """One tool under all metrics."""

    label: str
    link: str
    plain: bool
    cells: tuple[MetricCell | None, ...]
    checks: tuple[tuple[str, bool], ...]


@final
@dataclass(frozen=True)
class BoxPanel:
    """One box plot with its title, caption and summary."""

    title: str
    chart: Markup
    caption: str
    words: str


@final
@dataclass(frozen=True)
class MetricsView:
    """Everything that the section shows."""

    sentence: Sentence
    metrics: tuple[tuple[str, str], ...]
    """Names and explanations, in order."""
    lines: tuple[MetricLine, ...]
    agreement: tuple[tuple[str, tuple[str, ...]], ...]
    """Kendall's tau of every pair of metrics."""
    boxes: tuple[BoxPanel, ...]
    figures: tuple[tuple[str, str, float, float], ...]
    """Map, metric, mean and mean rank, unrounded."""
    cases: int
    checked: bool
    """Whether any tool ran sanity checks on its own maps."""


def metrics_view(results: Results, names: Names) -> MetricsView | None:
    """The section's view; None where no map was measured by more than one metric."""
    task = next(iter(tasks_of(Form.PIXELS, (row.task for row in results.rows))), None)
    if task is None:
        return None
    rows = [row for row in results.rows if row.task == task and is_contender(row)]
    metrics = [Metric(name, name in LOWER_IS_BETTER, SPANS.get(name, (0.0, 1.0))) for name in METRICS]
    tables = metric_tables(rows, metrics, BASELINES)
    if len(tables) < 2:
        return None
    labels = _Labels(rows, names)
    placed = [{placing.solver: placing for placing in table.placings()} for table in tables]
    order = sorted({solver for one in placed for solver in one}, key=lambda solver: _place(solver, placed[0]))
    lines = tuple(_line(solver, tables, placed, labels, _checks(solver, rows, results)) for solver in order)
    return MetricsView(
        sentence=metrics_sentence(tables, labels.label),
        metrics=tuple((WORDS[table.metric.name], EXPLAINED[table.metric.name]) for table in tables),
        lines=lines,
        agreement=_agreement(tables),
        boxes=tuple(_panel(spread, tables, rows, labels) for spread in map_spreads(results, task)),
        figures=tuple(
            (labels.label(placing.solver), WORDS[table.metric.name], placing.mean, placing.rank)
            for table, one in zip(tables, placed, strict=True)
            for placing in one.values()
        ),
        cases=len(tables[0].flaws),
        checked=any(line.checks for line in lines),
    )


def metrics_sentence(tables: Sequence[MetricTable], label: "Labelling") -> Sentence:
    """Whether the leader depends on the metric, who leads under which metric, and how far the orders agree."""
    chief = max(tables[0].leaders(), key=lambda solver: (sum(solver in table.leaders() for table in tables), solver))
    same = [table for table in tables if chief in table.leaders()]
    if len(same) == len(tables):
        start = f"{label(chief)} has the best mean under all {len(tables)} metrics, over {numbers.count(len(tables[0].flaws), 'case')}."
        return Sentence(f"{label(chief)} leads under every metric", f"{start} {_orders(tables)}".strip())
    others = [_other(table, chief, label) for table in tables if chief not in table.leaders()]
    named = numbers.and_list([WORDS[table.metric.name] for table in same])
    text = f"{label(chief)} leads under {named}; {'; '.join(others)}."
    return Sentence("Which map is best depends on the metric", f"{text} {_orders(tables)}".strip())


def _other(table: MetricTable, chief: str, label: "Labelling") -> str:
    placings = table.placings()
    first, second = placings[0], next((one for one in placings if one.solver == chief), None)
    lead = f"{label(first.solver)} leads under {WORDS[table.metric.name]} ({_three(first.mean)}"
    if second is None:
        return f"{lead})"
    significant = any(one.significant for one in table.against(chief) if one.solver == first.solver)
    verdict = "a significant difference" if significant else "not a significant difference"
    return f"{lead} against {_three(second.mean)}, {verdict} over {numbers.count(first.n, 'network')})"


def _three(value: float) -> str:
    """Three decimals with a real minus sign."""
    text = f"{value:.3f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def _orders(tables: Sequence[MetricTable]) -> str:
    pairs = [(tau, one, other) for one, other in combinations(tables, 2) if (tau := kendall(one, other)) is not None]
    if len(pairs) < 2:
        return ""
    least, most = (pick(pairs, key=lambda pair: pair[0]) for pick in (min, max))
    extremes = [
        f"{word} between {WORDS[one.metric.name]} and {WORDS[other.metric.name]} (Kendall’s τ {numbers.skill(tau)})"
        for word, (tau, one, other) in (("least", least), ("most", most))
    ]
    return f"The orders of {len(tables[0].solvers)} maps agree {extremes[0]} and {extremes[1]}."


@final
@dataclass(frozen=True)
class Labelling:
    """Short names of solvers and baselines."""

    halves: Mapping[str, str]

    def __call__(self, solver: str) -> str:
        return self.halves.get(solver, solver)


class _Labels:
    """Labels, links and roles of the solvers in the tables."""

    def __init__(self, rows: Sequence[Row], names: Names) -> None:
        solvers = sorted({row.solver for row in rows})
        self.label = Labelling({solver: names.label(solver, solvers) for solver in solvers})
        self.links = {solver: names.link(solver) for solver in solvers}
        self.methods = {row.solver for row in rows if row.role is Role.METHOD}


def _place(solver: str, placed: Mapping[str, Placing]) -> tuple[float, str]:
    return (placed[solver].rank if solver in placed else np.inf, solver)


def _checks(solver: str, rows: Sequence[Row], results: Results) -> tuple[tuple[str, bool], ...]:
    return in_short(check_lines((row for row in rows if row.solver == solver), results))


def _line(
    solver: str,
    tables: Sequence[MetricTable],
    placed: Sequence[Mapping[str, Placing]],
    labels: _Labels,
    checks: tuple[tuple[str, bool], ...],
) -> MetricLine:
    cells = tuple(_cell(solver, table, one) for table, one in zip(tables, placed, strict=True))
    return MetricLine(labels.label(solver), labels.links.get(solver, ""), solver not in labels.methods, cells, checks)


def _cell(solver: str, table: MetricTable, placed: Mapping[str, Placing]) -> MetricCell | None:
    if solver not in placed:
        return None
    placing = placed[solver]
    behind = (placing.rank - 1) / max(len(table.solvers) - 1, 1)
    between = f"{_three(placing.interval.low)} to {_three(placing.interval.high)}" if placing.interval else "n=1 network, no interval"
    rank = f"{placing.rank:.1f}"
    if placing.rank_interval:
        rank += f", {placing.rank_interval.low:.1f} to {placing.rank_interval.high:.1f}"
    return MetricCell(_three(placing.mean), between, rank, shade(1 - behind), solver in table.leaders())


def _agreement(tables: Sequence[MetricTable]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(
        (WORDS[one.metric.name], tuple(numbers.MISSING if one is other else numbers.skill(kendall(one, other)) for other in tables))
        for one in tables
    )


def _panel(spread: Spread, tables: Sequence[MetricTable], rows: Sequence[Row], labels: _Labels) -> BoxPanel:
    lower = spread.measure in LOWER_IS_BETTER
    medians = {solver: float(np.median(values)) for solver, values in spread.solvers.items()}
    base = spread.baselines.get(DECIDING[spread.measure])
    mark = float(np.median(base)) if base is not None else None
    order = sorted(medians, key=lambda solver: (medians[solver] if lower else -medians[solver], solver))
    boxes = [
        BoxPlot(
            labels.label(solver),
            labels.links.get(solver, ""),
            levels_of(spread.solvers[solver]),
            box_tip(labels.label(solver), spread.solvers[solver], spread.unit),
            mark is not None and (medians[solver] < mark if lower else medians[solver] > mark),
        )
        for solver in order
    ]
    marks = [BaselineMark(name, float(np.median(values))) for name, values in spread.baselines.items()]
    word = WORDS[spread.measure]
    axis = f"{word} to the mask, lower is better" if lower else f"{word} with the mask, higher is better"
    best = f"BoxPlot plot of {word} per map: best median {boxes[0].tip}" if boxes else ""
    return BoxPanel(
        f"{word[0].upper()}{word[1:]} to the mask" if lower else f"{word[0].upper()}{word[1:]} with the mask",
        box_chart(boxes, marks, axis, best),
        _caption(spread, boxes),
        _beaten(spread.measure, tables, labels),
    )


def _caption(spread: Spread, boxes: Sequence[BoxPlot]) -> str:
    count = max((len(values) for values in spread.solvers.values()), default=0)
    over = numbers.count(count, spread.unit.removesuffix("s"))
    drawn = f"Boxes show the middle half of up to {over}; whiskers run from the 5th to the 95th percentile"
    ahead = sum(box.ahead for box in boxes)
    baseline = _baseline_words(DECIDING[spread.measure])
    return f"{drawn}. {ahead} of {len(boxes)} medians, in colour, are better than the median of the {baseline}."


def _beaten(measure: str, tables: Sequence[MetricTable], labels: _Labels) -> str:
    """How many methods beat each baseline on the mean over cases, and how many significantly."""
    table = next((table for table in tables if table.metric.name == measure), None)
    if table is None:
        return ""
    parts = []
    for baseline in BASELINES:
        own = next((solver for solver in table.solvers if labels.label(solver) == baseline), baseline)
        against = [one for one in table.against(own) if one.solver in labels.methods]
        if against:
            ahead, significant = [one for one in against if one.ahead], [one for one in against if one.significant]
            names = f" ({numbers.and_list([labels.label(one.solver) for one in significant])})" if 0 < len(significant) <= 4 else ""
            parts.append(
                f"{len(ahead)} of {len(against)} methods beat the {_baseline_words(baseline)}, {len(significant)} significantly{names}"
            )
    cases = numbers.count(len(table.flaws), "case")
    return f"On the mean over {cases}, {'; '.join(parts)}." if parts else ""


def _baseline_words(baseline: str) -> str:
    return "blank map" if baseline == "blank" else "edge detector"
