"""Metrics of single heat maps, from stored answers and stored masks, for the box plots.

Rows hold means over the suspects of a case. This module measures the stored maps one by one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.answer import Weights
from onecurve.core.display import CaseDisplay
from onecurve.core.grade import Status
from onecurve.core.image.edges import edge_magnitude
from onecurve.core.image.images import Bools
from onecurve.core.row import Row
from onecurve.report.pages.solver_rows import stored
from onecurve.report.rows.results import Results
from onecurve.report.words.naming import is_contender
from onecurve.statistics.cases import at_largest_budget
from onecurve.tasks.machinery import map_figures
from onecurve.tasks.machinery.map_figures import BASELINES

Values = NDArray[np.float64]
MEASURES = {"l1": map_figures.l1, "pearson": map_figures.pearson}
"""The two metrics of arXiv 2302.10894: L1 in its first version, correlation in its later one."""


@final
@dataclass(frozen=True)
class Spread:
    """All single values of each solver, and of the baselines, under one measure."""

    measure: str
    solvers: Mapping[str, Values]
    baselines: Mapping[str, Values]
    """Over the same inputs."""
    unit: str
    """`images`, or `cases` where the maps were not kept and means over cases stand in."""


def map_spreads(results: Results, task: str) -> tuple[Spread, ...]:
    """One spread per measure over all graded maps of methods and baselines, each at its largest budget; none where there are no maps.

    Tools that are themselves baselines count as baselines. Cases without stored masks are left out.
    """
    asked = [row for row in results.rows if row.task == task and is_contender(row)]
    rows = [row for row in at_largest_budget(asked) if row.status is Status.GRADED and row.tool not in BASELINES]
    masks = {case: _masks(results.displays[case]) for case in sorted({row.case for row in rows}) if case in results.displays}
    masks = {case: one for case, one in masks.items() if len(one)}
    found = {row.key: _figures(row, masks[row.case], results) for row in rows if row.case in masks}
    if any(not figures for figures in found.values()) or not found:
        return _over_cases(rows)
    plain = [_baselines(results.displays[case], one) for case, one in masks.items()]
    baselines = _joined((figures, name) for figures in plain for name in BASELINES)
    solvers = _joined(({row.solver: found[row.key]}, row.solver) for row in rows if row.key in found)
    return tuple(Spread(name, solvers[name], baselines[name], "images") for name in MEASURES)


def _masks(display: CaseDisplay) -> Bools:
    """bool N x P of the suspects that were asked about; N is 0 where they were not kept or are kept secret."""
    count, height, width = display.suspect_masks.shape
    masks: Bools = display.suspect_masks.reshape(count, height * width)
    return masks


def _figures(row: Row, masks: Bools, results: Results) -> dict[str, Values]:
    """Per measure N values; empty where the answer was not kept."""
    answer = stored(results, row.answer)
    if not isinstance(answer, Weights) or answer.values.shape != masks.shape:
        return {}
    return {name: measure(answer.values, masks) for name, measure in MEASURES.items()}


def _baselines(display: CaseDisplay, masks: Bools) -> dict[str, dict[str, Values]]:
    maps = {"blank": np.ones(masks.shape, np.float32), "edges": edge_magnitude(display.suspects).reshape(masks.shape)}
    return {name: {measure: figure(maps[name], masks) for measure, figure in MEASURES.items()} for name in BASELINES}


def _joined(parts: Iterable[tuple[Mapping[str, Mapping[str, Values]], str]]) -> dict[str, dict[str, Values]]:
    """By measure and name, the parts of each name end to end."""
    lists: dict[str, dict[str, list[Values]]] = {measure: defaultdict(list) for measure in MEASURES}
    for figures, name in parts:
        for measure in MEASURES:
            lists[measure][name].append(figures[name][measure])
    return {measure: {name: np.concatenate(values) for name, values in named.items()} for measure, named in lists.items()}


def _over_cases(rows: Sequence[Row]) -> tuple[Spread, ...]:
    spreads = []
    for measure in MEASURES:
        solvers: dict[str, list[float]] = defaultdict(list)
        baselines: dict[str, dict[str, float]] = {name: {} for name in BASELINES}
        for row in rows:
            if measure in row.figures:
                solvers[row.solver].append(row.figures[measure])
            for name in BASELINES:
                if f"{name}_{measure}" in row.figures:
                    baselines[name][row.case] = row.figures[f"{name}_{measure}"]
        if solvers:
            lines = {name: np.array(list(values.values())) for name, values in baselines.items() if values}
            spreads.append(Spread(measure, {name: np.array(values) for name, values in solvers.items()}, lines, "cases"))
    return tuple(spreads)
