"""Measure every kept answer again, with its floor and ceiling, and compare: a row that was made up does not come out.

No tool, reader or solver runs. What this cannot tell: that the tool gave these answers (run it again), and that the networks are those
of the suite and the seed (plant them again).
"""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, final

from onecurve.core.digests import REMEDY
from onecurve.core.display import PlantRecord
from onecurve.core.errors import DataError
from onecurve.core.grade import Status
from onecurve.core.row import Row
from onecurve.flaws.catalog import CONTROLS
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.engine.pool import Pool
from onecurve.runner.networks import population_of
from onecurve.runner.phases.solve import Grading, grading_job
from onecurve.runner.session import NETWORKS, Display, Silent
from onecurve.tasks.catalog import TASKS

TOLERANCE: Final = 1e-3
"""How far a raw measure, a floor, a ceiling or a figure may lie from the one that is measured here, in parts of the larger of it and 1.
Processors round differently, and a prediction that is nearly a tie may turn."""
MEMORY_MB: Final = 4096.0
"""For a network that was handed back."""
FOREIGN: Final = "the architecture is in a file of its author, which is not run"
Scales = dict[tuple[str, str, str], Mapping[str, Any]]
"""By case, task and question what the grading side measures."""


@final
@dataclass(frozen=True)
class Answers:
    """Answers with all that is needed to grade them."""

    folder: Path
    """Holds `networks` and `blobs`."""
    rows: Sequence[Row]
    plants: Sequence[PlantRecord]
    first_names: Mapping[str, str] = field(default_factory=dict)
    """What a network calls a case, where the rows call it otherwise."""
    plans: Mapping[str, str] = field(default_factory=dict)
    """Which plan asked about a case; the networks of a plan are one population."""

    def first_name(self, row: Row) -> str:
        return self.first_names.get(row.case, row.case)


@final
@dataclass(frozen=True)
class GradedAgain:
    """What came of it."""

    answers: int
    """Measured again and compared."""
    faults: tuple[str, ...]
    unchecked: tuple[str, ...]
    """What could not be measured again, in words."""


def grade_again(answers: Answers, jobs: int, display: Display | None = None) -> GradedAgain:
    """Measure and compare everything, so many jobs at a time."""
    shown, scales, measured = display or Silent(), Scales(), dict[str, Outcome]()
    known, unchecked = _gradeable(answers)
    wanted = [row for row in known if row.answer and row.status in {Status.GRADED, Status.FAILED}]
    todo = [*_scale_jobs(answers, known), *(_answer_job(answers, row) for row in wanted)]
    shown.phase("grade again", len(todo))

    def done(job: Job, outcome: Outcome) -> Iterable[Job]:
        shown.done(1, outcome.failed)
        if job.do == "scale":
            scales[job.arguments["named"], job.arguments["task"], job.arguments["question"]] = outcome.value or {"fault": outcome.reason}
        else:
            measured[job.key] = outcome
        return ()

    with TemporaryDirectory() as logs, Pool(jobs, Path(logs), MEMORY_MB) as pool:
        pool.run(todo, done, lambda _waiting: shown.running(pool.running()))
    found = [fault for row in known for fault in _faults(row, scales, measured.get(row.key))]
    return GradedAgain(len(wanted), tuple(found), tuple(unchecked))


def architecture_of(network: Path) -> str:
    """The address of the architecture of a planted network; raises ``DataError`` for a folder that does not say it."""
    path = network / "subject" / "subject.json"
    try:
        address = json.loads(path.read_bytes())["architecture"]["address"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"damaged: {path}", REMEDY) from error
    return str(address)


def _gradeable(answers: Answers) -> tuple[list[Row], list[str]]:
    """The rows whose grade can be made again here, and in words what the others are."""
    addresses = {name: architecture_of(answers.folder / NETWORKS / name) for name in sorted({row.subject for row in answers.rows})}
    own = {name for name, address in addresses.items() if ".py" in address or ".onnx" in address}
    why = {row.key: FOREIGN if row.subject in own else _hindrance(row) for row in answers.rows}
    counts = Counter(words for words in why.values() if words)
    trained = sum(not words and _is_noise_floored(row) for row, words in zip(answers.rows, why.values(), strict=True))
    told = [f"{count} rows: {words}" for words, count in sorted(counts.items())]
    if trained:
        told.append(f"floor and ceiling of {trained} rows: they are made by training networks; raw measures were compared")
    return [row for row in answers.rows if not why[row.key]], told


def _hindrance(row: Row) -> str:
    if row.status in {Status.SKIPPED, Status.PENDING, Status.WAITING, Status.LOST}:
        return f"{row.status}, so there is no grade"
    if row.status is Status.FAILED and not row.answer:
        return "failed before there was an answer"
    if row.task not in TASKS.names():
        return "the task is in a file of its author, which is not run"
    if TASKS.load(row.task).version != row.task_version:
        return f"another version of `{row.task}` asked"
    return ""


def _is_noise_floored(row: Row) -> bool:
    return bool(TASKS.make(row.task).form.noise_floored)


def _answer_job(answers: Answers, row: Row) -> Job:
    place = Grading(str(answers.folder / NETWORKS / row.subject), str(answers.folder / "blobs"), "cpu", MEMORY_MB)
    return grading_job(place, row, answers.first_name(row))


def _scale_jobs(answers: Answers, rows: Sequence[Row]) -> Iterator[Job]:
    populations = _populations(answers)
    for row in {(row.case, row.task, row.question): row for row in rows}.values():
        arguments = {
            "named": row.case,
            "folder": str(answers.folder / NETWORKS / row.subject),
            "case": answers.first_name(row),
            "task": row.task,
            "question": row.question,
            "blobs": str(answers.folder / "blobs"),
            "population": populations[answers.plans.get(row.case, "")],
        }
        yield Job(Trust.TRUSTED, "scale", arguments, f"measure floor and ceiling of {row.task} on {row.case}")


def _populations(answers: Answers) -> Mapping[str, Mapping[str, float | int]]:
    """What was known of the examined networks of each plan: how many flaws with an effect each of them has."""
    examined: dict[str, dict[str, int]] = defaultdict(dict)
    looked_at = {row.subject for row in answers.rows}
    for record in answers.plants:
        if record.subject in looked_at:
            effects = examined[answers.plans.get(record.case, "")]
            effects[record.subject] = effects.get(record.subject, 0) + (record.admitted and record.flaw.partition("[")[0] not in CONTROLS)
    return {plan: population_of(list(effects.values())) for plan, effects in examined.items()}


def _faults(row: Row, scales: Mapping[tuple[str, str, str], Mapping[str, Any]], outcome: Outcome | None) -> Iterator[str]:
    """In what a row differs from what is measured here."""
    who = f"{row.solver} on {row.task} of {row.case}"
    scale = scales.get((row.case, row.task, row.question), {})
    if "facts" not in scale:
        yield f"{who}: floor and ceiling cannot be measured here: {scale.get('fault', 'nothing is known of it')}"
        return
    if dict(row.facts) != dict(scale["facts"]) or scale["flaw"] not in row.kinds:
        yield f"{who}: the facts of the row are not those of the planted network"
    if not _is_noise_floored(row) and row.status is not Status.FAILED:
        for name in ("floor", "ceiling"):
            yield from _differs(who, name, getattr(row, name), scale[name]["raw"])
    yield from _answer_faults(who, row, scale, outcome)


def _answer_faults(who: str, row: Row, scale: Mapping[str, Any], outcome: Outcome | None) -> Iterator[str]:
    if row.status is Status.ABSTAINED:
        yield from _differs(who, "raw", row.raw, row.floor)
        yield from _differs(who, "skill", row.skill, 0.0)
    elif outcome is None:
        if row.solver not in {"floor", "ceiling"}:
            yield f"{who}: it is graded without an answer"
        elif not _is_noise_floored(row):
            yield from _differs(who, "raw", row.raw, scale[row.solver]["raw"])
    elif outcome.lost:
        yield f"{who}: it could not be graded: {outcome.reason}"
    elif row.status is Status.FAILED:
        if outcome.value is not None:
            yield f"{who}: it stands there as failed, and its answer can be graded: raw {outcome.value['raw']:.4f}"
    elif outcome.value is None:
        yield f"{who}: its answer cannot be graded: {outcome.reason}"
    else:
        yield from _differs(who, "raw", row.raw, float(outcome.value["raw"]))
        yield from _figure_faults(who, row.figures, outcome.value["figures"])


def _figure_faults(who: str, there: Mapping[str, float], here: Mapping[str, float]) -> Iterator[str]:
    if there.keys() != here.keys():
        yield f"{who}: its figures are not those that the task measures: {', '.join(sorted(there.keys() ^ here.keys()))[:200]}"
        return
    for name, value in there.items():
        yield from _differs(who, name, value, here[name])


def _differs(who: str, name: str, there: float | None, here: float | None) -> Iterator[str]:
    if there is None or here is None or not _near(there, here):
        yield f"{who}: {name} is {there} there and {here} here"


def _near(there: float, here: float) -> bool:
    if math.isnan(there) and math.isnan(here):
        return True
    return math.isclose(there, here, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
