"""One row per solver on one case: its evidence, the reader's answer, the right answer, the skill.

The row shows the first repeat at the largest budget. Its numbers are of that one cell and have no interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.answer import Abstain, Weights, normalised
from onecurve.core.display import CaseDisplay
from onecurve.core.evidence import Evidence
from onecurve.core.grade import Status
from onecurve.core.image.images import Floats
from onecurve.core.question import Form, Rebuild, Weigh
from onecurve.core.row import Role, Row
from onecurve.report.pages import pictures
from onecurve.report.pages.assets import Assets, PageImage
from onecurve.report.pages.evidence_view import Bar, EvidenceView, evidence_view, top_bars
from onecurve.report.pages.table import ROLE_WORDS, shade
from onecurve.report.rows.results import Results
from onecurve.report.words import numbers
from onecurve.report.words.naming import anchor, figure_name, no_reason, solver_link
from onecurve.report.words.tasks import tasks_of
from onecurve.tasks.machinery.map_figures import BASELINES

MOST_ITEMS = 4
NOT_KEPT = "not kept"
NO_CLASS = "none"
"""The option of a question about classes that says that the network carries no flaw."""


@final
@dataclass(frozen=True)
class AnswerView:
    """One answer, ready for a page."""

    bars: tuple[Bar, ...] = ()
    pictures: tuple[PageImage, ...] = ()
    words: str = ""


@final
@dataclass(frozen=True)
class SolverRow:
    """One solver on one case and task."""

    solver: str
    tool: str
    link: str
    anchor: str
    """Its id on the page of the case."""
    reader: str
    reader_link: str
    role: str
    status: str
    reason: str
    skill: str
    shade: str
    raw: str
    floor: str
    ceiling: str
    cost: str
    budget: str
    seconds: str
    processor: str
    """Processor seconds, and what they are in passes."""
    clean: str
    """Clean images read."""
    beyond: bool
    """Whether the cell worked far beyond its meter."""
    looked: bool
    """False for a direct solver, which has no evidence."""
    evidence: EvidenceView
    answer: AnswerView
    figures: tuple[tuple[str, str], ...]
    besides: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Figures that were also measured of the baselines: name, the answer's figure, the baselines' figures in the order of ``BASELINES``."""


@final
@dataclass(frozen=True)
class RecordLookup:
    """Loads stored records and knows the class names of a subject."""

    results: Results
    display: CaseDisplay
    class_names: tuple[str, ...]
    targets: frozenset[str]
    """Names of the target classes of every flaw in the network."""

    def record(self, key: str) -> object:
        """The stored record, or None where none was kept."""
        return stored(self.results, key)


def stored(results: Results, key: str) -> object:
    """The record of a blob key, None where the key is empty or nothing was kept."""
    if not key:
        return None
    try:
        return results.record(key)
    except KeyError:
        return None


def class_names(rows: Sequence[Row], results: Results) -> tuple[str, ...]:
    """The class names of a network, read off a stored question about classes; empty where none was kept."""
    for form in (Form.CLASSES, Form.OUTCOMES):
        tasks = tasks_of(form, (row.task for row in rows))
        for key in dict.fromkeys(row.question for row in rows if row.task in tasks):
            question = stored(results, key)
            if isinstance(question, Weigh) and question.base_rate is None:
                ends_in_none = form is Form.CLASSES and question.options[-1] == NO_CLASS
                return question.options[:-1] if ends_in_none else question.options
    return ()


def solver_row(row: Row, lookup: RecordLookup, assets: Assets) -> SolverRow:
    """What the page shows of one stored row."""
    evidence = lookup.record(row.evidence)
    looked = bool(row.reader)
    if isinstance(evidence, Evidence):
        shown = evidence_view(evidence, lookup.display, lookup.class_names, assets)
    else:
        shown = EvidenceView(words=(f"The evidence was {NOT_KEPT}.",) if looked and row.status in (Status.GRADED, Status.ABSTAINED) else ())
    return SolverRow(
        solver=row.solver,
        tool=row.tool,
        link=solver_link(row.tool),
        anchor=anchor("shown", row.task, row.solver),
        reader=row.reader,
        reader_link=solver_link(row.reader) if row.reader else "",
        role=ROLE_WORDS[row.role],
        status=str(row.status),
        reason=row.reason,
        skill=numbers.skill(row.skill),
        shade=shade(row.skill),
        raw=numbers.figure(row.raw),
        floor=numbers.figure(row.floor),
        ceiling=numbers.figure(row.ceiling),
        cost=numbers.cost(row.cost.equivalents),
        budget=numbers.cost(row.budget + row.retrain_budget),
        seconds=numbers.seconds(row.seconds),
        processor=_processor(row),
        clean=numbers.cost(row.clean_images),
        beyond=row.beyond_meter,
        looked=looked,
        evidence=shown,
        answer=_answer_view(row, lookup, assets),
        figures=_alone(row.figures),
        besides=_besides(row.figures),
    )


def _processor(row: Row) -> str:
    passes = f", {numbers.cost(row.passes)} passes" if row.passes is not None else ""
    return numbers.seconds(row.cpu_seconds) + passes


def _besides(figures: Mapping[str, float]) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    return tuple(
        (figure_name(name), numbers.figure(value), tuple(numbers.figure(figures.get(f"{base}_{name}")) for base in BASELINES))
        for name, value in figures.items()
        if f"{BASELINES[0]}_{name}" in figures
    )


def _alone(figures: Mapping[str, float]) -> tuple[tuple[str, str], ...]:
    compared = {name for name in figures if f"{BASELINES[0]}_{name}" in figures}
    compared |= {f"{base}_{name}" for base in BASELINES for name in compared}
    return tuple((figure_name(name), numbers.figure(value)) for name, value in sorted(figures.items()) if name not in compared)


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Of each solver and task the first repeat at the largest budget; best skill first, then tools that a person's own reader read,

    controls and reference points last.
    """
    largest: dict[tuple[str, str], Row] = {}
    for row in sorted(rows, key=lambda row: (row.budget + row.retrain_budget, -row.repeat, row.key)):
        largest[row.solver, row.task] = row
    behind = (Role.CONTROL, Role.REFERENCE_POINT)
    return sorted(
        largest.values(),
        key=lambda row: (row.role in behind, row.role is Role.OWN_READER, row.skill is None, -(row.skill or 0.0), row.solver),
    )


def shown_on_cases(rows: Sequence[Row]) -> frozenset[str]:
    """Keys of the rows that the pages of their cases show, of all that were asked; skipped cells may stand there in one sentence."""
    by_case: dict[str, list[Row]] = {}
    for row in rows:
        by_case.setdefault(row.case, []).append(row)
    unasked = (Status.SKIPPED, Status.PENDING, Status.WAITING)
    return frozenset(row.key for own in by_case.values() for row in in_order(own) if row.status not in unasked)


def _answer_view(row: Row, lookup: RecordLookup, assets: Assets) -> AnswerView:
    answer, question = lookup.record(row.answer), lookup.record(row.question)
    if row.status is Status.ABSTAINED:
        return AnswerView(words=f"Abstained: {answer.reason if isinstance(answer, Abstain) else row.reason}")
    if row.status is not Status.GRADED:
        return AnswerView(words=f"{str(row.status).capitalize()}: {row.reason or no_reason(row.status)}")
    if isinstance(answer, Weights) and isinstance(question, Weigh):
        return _weighed(answer, question, lookup, assets)
    return AnswerView(
        words="The answer is a network; the figures describe it." if isinstance(question, Rebuild) else f"The answer was {NOT_KEPT}."
    )


def _weighed(answer: Weights, question: Weigh, lookup: RecordLookup, assets: Assets) -> AnswerView:
    shares = normalised(answer)
    if question.shape is not None:
        return _maps(shares, question, assets, answer.note)
    if question.items == 1:
        labels = [_worded(option, question) for option in question.options]
        return AnswerView(top_bars(labels, shares[0].tolist(), _right(question, lookup)), words=answer.note)
    # Options that are no classes leave the names of the labels to what else is known of the network.
    names = question.options if question.base_rate is None else lookup.class_names
    return _items(shares, question, names, assets, answer.note)


def _right(question: Weigh, lookup: RecordLookup) -> frozenset[int]:
    if question.shown:
        return frozenset() if lookup.display.right is None else frozenset({lookup.display.right})
    wanted = lookup.targets or frozenset({NO_CLASS})
    return frozenset(at for at, option in enumerate(question.options) if option in wanted)


def _worded(option: str, question: Weigh) -> str:
    return next((one.words or one.name for one in question.shown if one.name == option), option)


def _maps(shares: Floats, question: Weigh, assets: Assets, note: str) -> AnswerView:
    assert question.shape is not None
    inputs = question.inputs
    shown = []
    for item in range(min(MOST_ITEMS, question.items)):
        heat = shares[item].reshape(question.shape)
        image = inputs[item] if inputs is not None else np.full((1, *question.shape), 0.5, np.float32)
        flat = " (the map is constant)" if float(np.ptp(heat)) == 0 else ""
        png = pictures.with_heat(image, heat - heat.min())
        shown.append(assets.keep(png, f"the answer's map on suspect input {item + 1}{flat}", f"suspect {item + 1}{flat}"))
    return AnswerView(pictures=tuple(shown), words=note)


def _items(shares: Floats, question: Weigh, names: Sequence[str], assets: Assets, note: str) -> AnswerView:
    if question.inputs is None:
        return AnswerView(words=note)
    shown = []
    for item in range(min(MOST_ITEMS, question.items)):
        top = int(shares[item].argmax())
        label = f"true class {_class_name(int(question.labels[item]), names)}, " if question.labels is not None else ""
        words = f"{label}answered {question.options[top]}, {numbers.percent(float(shares[item, top]))}"
        shown.append(assets.keep(pictures.png_of(question.inputs[item]), f"input {item + 1}, {words}", words))
    return AnswerView(pictures=tuple(shown), words=note)


def _class_name(label: int, names: Sequence[str]) -> str:
    return names[label] if label < len(names) else str(label)
