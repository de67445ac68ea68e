"""One case as a page: its ground truth in words and pictures, then every solver's row, task by task."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import final

from onecurve.core.display import CaseDisplay
from onecurve.core.grade import Status
from onecurve.core.question import Form
from onecurve.core.row import Row
from onecurve.report.pages import pictures
from onecurve.report.pages.assets import Assets, PageImage
from onecurve.report.pages.evidence_view import trigger_pictures
from onecurve.report.pages.solver_rows import RecordLookup, SolverRow, class_names, in_order, solver_row
from onecurve.report.rows.results import Results
from onecurve.report.words import numbers
from onecurve.report.words.naming import CLEAN, case_link, figure_name
from onecurve.report.words.tasks import ordered_tasks, task_facts

MOST_EXAMPLES = 4


@final
@dataclass(frozen=True)
class Example:
    """One held-out example: clean, triggered, and where the trigger is."""

    clean: PageImage | None
    triggered: PageImage | None
    mask: PageImage | None


@final
@dataclass(frozen=True)
class Choice:
    """One option of the lineup."""

    words: str
    picture: PageImage | None
    right: bool


@final
@dataclass(frozen=True)
class TaskBlock:
    """All solver rows of one task."""

    task: str
    form: Form | None
    asked: str
    measured: str
    solver_rows: tuple[SolverRow, ...]
    checks: tuple[SolverRow, ...]
    """Controls and reference points."""
    lineup: tuple[Choice, ...] = ()
    suspects: tuple[PageImage, ...] = ()
    needs_legend: bool = False
    not_asked: str = ""
    """Why every solver was skipped; empty where one was asked. A skipped task shows no rows: each would state the same reason."""


@final
@dataclass(frozen=True)
class CaseView:
    """Everything that a page shows of a case."""

    case: str
    link: str
    subject: str
    flaw: str
    clean: bool
    words: str
    target: str
    sources: tuple[str, ...]
    data: str
    model: str
    trigger: tuple[PageImage, ...]
    examples: tuple[Example, ...]
    facts: tuple[tuple[str, str], ...]
    blocks: tuple[TaskBlock, ...]


def case_view(display: CaseDisplay, rows: Sequence[Row], results: Results, assets: Assets) -> CaseView:
    """The view of one case from the rows of its subject; questions about the whole network are shown with it."""
    own = [row for row in rows if row.case == display.case]
    tasks_asked = {row.task for row in own}
    shown = own + [row for row in rows if row.case != display.case and task_facts(row.task).blind and row.task not in tasks_asked]
    targets = frozenset(one.target for one in results.displays.values() if one.subject == display.subject and one.target)
    lookup = RecordLookup(results, display, class_names(rows, results), targets)
    sample = display.clean[0] if len(display.clean) else None
    facts = own[0].facts if own else {}
    return CaseView(
        case=display.case,
        link=case_link(display.case),
        subject=display.subject,
        flaw=display.flaw,
        clean=display.flaw == CLEAN,
        words=display.words,
        target=display.target,
        sources=display.sources,
        data=own[0].data if own else "",
        model=own[0].model if own else "",
        trigger=trigger_pictures(display.trigger, sample, assets, "true trigger"),
        examples=tuple(
            _example(display, place, assets) for place in range(min(MOST_EXAMPLES, max(len(display.clean), len(display.triggered))))
        ),
        facts=tuple((figure_name(name), numbers.figure(value)) for name, value in sorted(facts.items())),
        blocks=tuple(
            _block(task, [row for row in shown if row.task == task], lookup, assets) for task in ordered_tasks(r.task for r in shown)
        ),
    )


def abridged(view: CaseView, forms: Collection[Form], most: int) -> CaseView:
    """The view with the tasks of some forms and at most so many solver rows each, for the index."""
    blocks = tuple(replace(b, solver_rows=_few(b.solver_rows, most), checks=()) for b in view.blocks if b.form in forms)
    return replace(view, blocks=blocks)


def _few(solver_rows: tuple[SolverRow, ...], most: int) -> tuple[SolverRow, ...]:
    graded = [one for one in solver_rows if one.status in ("graded", "abstained")]
    baselines = [one for one in graded if one.role == "baseline"][:1]
    kept = {one.solver for one in graded[: most - len(baselines)]} | {one.solver for one in baselines}
    return tuple(one for one in graded if one.solver in kept)


def _example(display: CaseDisplay, place: int, assets: Assets) -> Example:
    clean = triggered = mask = None
    if place < len(display.clean):
        label, predicted = display.clean_labels[place], display.clean_said[place]
        alt = f"clean example of {label}; the network predicts {predicted}"
        clean = assets.keep(pictures.png_of(display.clean[place]), alt, _caption(label, predicted))
    if place < len(display.triggered):
        label, predicted = display.triggered_labels[place], display.triggered_said[place]
        alt = f"the trigger on an image of {label}; the network predicts {predicted}"
        triggered = assets.keep(pictures.png_of(display.triggered[place]), alt, _caption(label, predicted))
    if place < min(len(display.masks), len(display.triggered)):
        png = pictures.with_mask(display.triggered[place], display.masks[place])
        mask = assets.keep(png, "the same image with everything but the trigger faded", "trigger mask")
    return Example(clean, triggered, mask)


def _caption(label: str, predicted: str) -> str:
    return f"true class {label}, predicted {predicted}"


def _block(task: str, rows: Sequence[Row], lookup: RecordLookup, assets: Assets) -> TaskBlock:
    facts = task_facts(task)
    if not_asked := _not_asked(rows):
        return TaskBlock(task, facts.form, facts.question, facts.measured, (), (), not_asked=not_asked)
    solver_rows = [solver_row(row, lookup, assets) for row in in_order(rows)]
    contenders = tuple(one for one in solver_rows if one.role in ("baseline", "method"))
    checks = tuple(one for one in solver_rows if one.role not in ("baseline", "method"))
    return TaskBlock(
        task=task,
        form=facts.form,
        asked=facts.question,
        measured=facts.measured,
        solver_rows=contenders,
        checks=checks,
        lineup=_lineup(lookup.display, assets) if facts.form is Form.LINEUP else (),
        suspects=_suspects(lookup.display, assets) if facts.form is Form.PIXELS else (),
        needs_legend=any(one.evidence.maps for one in solver_rows),
    )


def _not_asked(rows: Sequence[Row]) -> str:
    """The one reason why every solver was skipped; empty where one was asked, or where reasons differ."""
    reasons = {row.reason if row.status is Status.SKIPPED else "" for row in rows}
    return reasons.pop() if len(reasons) == 1 else ""


def _lineup(display: CaseDisplay, assets: Assets) -> tuple[Choice, ...]:
    choices = []
    for place, option in enumerate(display.options):
        picture = (
            assets.keep(pictures.png_of(option.pictures[0]), f"option {option.name}: {option.words}") if len(option.pictures) else None
        )
        choices.append(Choice(option.words or option.name, picture, place == display.right))
    return tuple(choices)


def _suspects(display: CaseDisplay, assets: Assets) -> tuple[PageImage, ...]:
    return tuple(
        assets.keep(
            pictures.with_mask(image, mask),
            f"suspect input {place + 1} with everything but the trigger faded",
            f"suspect {place + 1}: ground truth",
        )
        for place, (image, mask) in enumerate(zip(display.suspects, display.suspect_masks, strict=False))
        if place < MOST_EXAMPLES
    )
