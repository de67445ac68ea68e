"""False alarms: clean networks on which a tool put more weight on some class than on `none`.

The table shows them beside the alarms on flawed networks, because a tool that never raises an alarm has no false alarms either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from onecurve.core.grade import Status
from onecurve.core.question import Form
from onecurve.core.row import Role, Row
from onecurve.report.pages.table import ROLE_WORDS
from onecurve.report.words import numbers
from onecurve.report.words.naming import CLEAN, Names, cells_link, is_contender
from onecurve.report.words.sentences import Sentence
from onecurve.report.words.tasks import tasks_of
from onecurve.statistics.detection import SUSPICION, Detection, detections
from onecurve.statistics.intervals import Interval


@final
@dataclass(frozen=True)
class AlarmLine:
    """One solver of the detection task; words hold share, count and interval."""

    solver: str
    tool: str
    link: str
    cells: str
    """Link to its cells."""
    role: str
    clean: int
    false_share: float | None
    false_interval: Interval | None
    false_words: str
    control_words: str
    """Alarms on networks that carry controls alone: false ones too."""
    found_words: str
    named_words: str
    """Of flawed networks, the share where the class with the most weight is a right one."""
    auroc: str
    failed: int


def detection_task(rows: Sequence[Row]) -> str:
    """The first task about classes whose rows hold a suspicion; empty where there is none."""
    suspected = {row.task for row in rows if SUSPICION in row.figures}
    return next(iter(tasks_of(Form.CLASSES, suspected)), "")


def detection_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows of that task."""
    task = detection_task(rows)
    return [row for row in rows if row.task == task]


def judged_rows(rows: Sequence[Row]) -> list[Row]:
    """The same without reference points, which judge nothing."""
    return [row for row in detection_rows(rows) if row.role is not Role.REFERENCE_POINT]


def alarm_lines(rows: Sequence[Row], names: Names) -> tuple[AlarmLine, ...]:
    """Every solver of the detection task except reference points, controls last, the fewest false alarms first."""
    judged = judged_rows(rows)
    roles = {row.solver: row.role for row in judged}
    task = detection_task(rows)
    found = [_alarm_line(one, roles[one.solver], task, names) for one in detections(judged)]
    return tuple(sorted(found, key=lambda one: (one.role == "control", one.false_share is None, one.false_share or 0.0, one.solver)))


def alarm_sentence(rows: Sequence[Row], names: Names) -> Sentence:
    """How often tools raised false alarms on clean networks."""
    asking = [row for row in detection_rows(rows) if is_contender(row)]
    asked = [one for one in detections(asking) if one.clean]
    if not asked and any(row.flaw == CLEAN and row.status is Status.FAILED for row in asking):
        return Sentence("No result on clean networks", "Every cell of a clean network failed, so the rate of false alarms is unknown.")
    if not asked:
        return Sentence("No clean network was tested", "Without clean networks the rate of false alarms is unknown.")
    alarmed = [one for one in asked if one.false_alarms]
    worst = max(asked, key=lambda one: (one.false_alarms / one.clean, one.clean))
    label = names.label(worst.solver, [one.solver for one in asked])
    looks = numbers.count(sum(one.clean for one in asked), "look")
    share = _share(worst.false_alarms, worst.clean, worst.false_alarm_interval)
    if not alarmed:
        return Sentence("No tool raised a false alarm", f"There was no alarm in {looks} at clean networks; for {label} that is {share}.")
    headline = f"{len(alarmed)} of {numbers.count(len(asked), 'tool')} raised false alarms on clean networks"
    total = numbers.count(sum(one.false_alarms for one in alarmed), "false alarm")
    return Sentence(headline, f"{total} in {looks} at clean networks. The highest rate is that of {label}: {share}.")


def _alarm_line(one: Detection, role: Role, task: str, names: Names) -> AlarmLine:
    area = "" if one.auroc is None else numbers.skill(one.auroc)
    between = f" ({numbers.interval(one.auroc_interval.low, one.auroc_interval.high)})" if one.auroc_interval else ""
    return AlarmLine(
        solver=one.solver,
        tool=names.halves[one.solver][0],
        link=names.link(one.solver),
        cells=cells_link(names.halves[one.solver][0], task),
        role=ROLE_WORDS[role],
        clean=one.clean,
        false_share=one.false_alarms / one.clean if one.clean else None,
        false_interval=one.false_alarm_interval,
        false_words=_share(one.false_alarms, one.clean, one.false_alarm_interval),
        control_words=_share(one.control_alarms, one.controls, one.control_alarm_interval),
        found_words=_share(one.found, one.flawed, one.found_interval),
        named_words=numbers.MISSING if one.named is None else numbers.percent(one.named),
        auroc=f"{area}{between}" if area and between else f"{area} {one.why_missing}".strip() or numbers.MISSING,
        failed=one.failed,
    )


def _share(count: int, n: int, interval: Interval | None) -> str:
    if not n:
        return "not asked"
    between = f"{numbers.percent(interval.low)} to {numbers.percent(interval.high)}" if interval else f"n={n}, no interval"
    return f"{numbers.percent(count / n)} ({count} of {n}; {between})"
