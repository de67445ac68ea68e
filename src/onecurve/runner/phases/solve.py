"""The answering phase: looks, answers and grades, each written down as soon as it is there."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

from onecurve.core.grade import Cost, Grade, Status, skill_of
from onecurve.core.row import Row
from onecurve.core.seeds import seed_for
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.floors import prepared_floor
from onecurve.runner.phases.timing import PassTimes
from onecurve.runner.plan import PlannedCell, PlannedLook
from onecurve.runner.session import Session
from onecurve.store.store import Look

Asked = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Case to task to what the grading side prepared."""


@final
class SolvePhase:
    """Drives the cells of one run to their rows. What the store already holds is never done again."""

    def __init__(self, session: Session, asked: Asked, times: PassTimes) -> None:
        self._session = session
        self._times = times
        self._asked = asked
        self._looks = session.store.looks()
        self._lost_looks: set[str] = set()
        self._waiting: dict[str, list[PlannedCell]] = defaultdict(list)
        self._answered: dict[str, PlannedCell] = {}
        self._retrained: dict[str, float] = {}

    def run(self, cells: Sequence[PlannedCell]) -> None:
        """Answer and grade every cell that is not in the store yet, or that was lost the time before."""
        store = self._session.store
        store.forget_cells(row.key for row in store.rows_with(Status.LOST))
        kept = store.cell_keys()
        ungraded = [row for row in store.rows_with(Status.PENDING) if self._is_asked_now(row)]
        todo = [cell for cell in cells if cell.row.key not in kept]
        self._session.display.phase("answer and grade", len(cells))
        self._session.display.done(len(cells) - len(todo) - len(ungraded), failed=False)
        jobs: list[Job] = [self._grade_job(row) for row in ungraded]
        for cell in todo:
            jobs += self._begin(cell)
        self._session.run(sorted(jobs, key=_weight, reverse=True), self._done)

    def _is_asked_now(self, row: Row) -> bool:
        """Whether this run grades such rows: what another version of the task asked, it cannot grade."""
        prepared = self._asked.get(row.case, {}).get(row.task, {})
        return (row.question, row.task_version) == (prepared.get("question"), prepared.get("version"))

    def _begin(self, cell: PlannedCell) -> list[Job]:
        if cell.missing:
            self._keep(replace(cell.row, status=Status.SKIPPED, reason=cell.missing))
            return []
        if cell.look is None:
            return [self._answer_job(cell)]
        needed = [look for look in (cell.look, *cell.references) if look.key not in self._looks]
        if not needed:
            return self._read(cell)
        fresh = [look for look in needed if look.key not in self._waiting]
        for look in needed:
            self._waiting[look.key].append(cell)
        return [look_job(self._session, look) for look in fresh]

    def _done(self, job: Job, outcome: Outcome) -> Iterable[Job]:
        if job.do == "look":
            return self._looked(job, outcome)
        if job.do == "grade":
            self._graded(job, outcome)
            return ()
        return self._given(job, outcome)

    def _looked(self, job: Job, outcome: Outcome) -> list[Job]:
        value = outcome.value or {}
        look = Look(job.key, str(value.get("evidence", "")), outcome.cost, outcome.reason, outcome.traceback)
        if outcome.lost:
            self._lost_looks.add(look.key)
        else:
            self._session.store.add_look(look)
        self._looks[look.key] = look
        jobs: list[Job] = []
        for cell in self._waiting.pop(look.key, []):
            if cell.look is not None and all(needed.key in self._looks for needed in (cell.look, *cell.references)):
                jobs += self._read(cell)
        return jobs

    def _read(self, cell: PlannedCell) -> list[Job]:
        assert cell.look is not None
        look = self._looks[cell.look.key]
        for needed in (cell.look, *cell.references):
            if needed.key in self._lost_looks:
                reason = f"the look was lost: {self._looks[needed.key].reason}"
                self._keep(_charged(replace(cell.row, status=Status.LOST, reason=reason), look.cost, self._times))
                return []
        if not look.evidence:
            reason = f"the look failed: {look.reason}"
            self._keep(_charged(replace(cell.row, status=Status.FAILED, reason=reason, traceback=look.traceback), look.cost, self._times))
            return []
        references = [self._looks[reference.key].evidence for reference in cell.references]
        self._session.store.holdings.bring([look.evidence, *filter(None, references)])
        arguments = {
            **self._common(cell),
            "reader": cell.solver.reads.address if cell.solver.reads else "",
            "evidence": look.evidence,
            "references": [key for key in references if key],
        }
        self._answered[cell.row.key] = cell
        return [self._job("read", arguments, cell.row)]

    def _answer_job(self, cell: PlannedCell) -> Job:
        self._answered[cell.row.key] = cell
        if cell.solver.reads is not None:
            arguments = {
                **self._common(cell),
                "reader": cell.solver.reads.address,
                "evidence": cell.evidence,
                "references": [],
                "evidence_in": str(self._session.store.holder(cell.evidence).folder),
            }
            return self._job("read", arguments, cell.row)
        solver = cell.solver.looks.address if cell.solver.looks else ""
        return self._job("answer", {**self._common(cell), "solver": solver}, cell.row)

    def _common(self, cell: PlannedCell) -> dict[str, Any]:
        row = cell.row
        # The network is granted where one is handed back, and to nobody who answers another question.
        granted = bool(self._asked[row.case][row.task].get("rebuilds", True))
        return {
            "place": {**place_of(self._session, cell.network, cell.reference), "network": granted},
            "question": row.question,
            "budget": row.retrain_budget or row.budget,
            "seed": seed_for(self._session.suite.settled_seed, "answer", cell.seed_key),
        }

    def _given(self, job: Job, outcome: Outcome) -> list[Job]:
        cell = self._answered.pop(job.key)
        look = self._looks[cell.look.key] if cell.look is not None else None
        row = replace(cell.row, evidence=look.evidence if look else cell.evidence)
        row = _charged(row, outcome.cost.plus(look.cost) if look else outcome.cost, self._times)
        if outcome.value is None:
            status = Status.LOST if outcome.lost else Status.FAILED
            self._keep(replace(row, status=status, reason=outcome.reason, traceback=outcome.traceback))
            return []
        value = outcome.value
        if "abstained" in value:
            self._keep(self._abstained(replace(row, answer=value["answer"], reason=value["abstained"])))
            return []
        row = replace(row, answer=value.get("answer", "") or f"network:{value['network']}", reason=value.get("note", ""))
        self._session.store.add_cell(row)
        return [self._grade_job(row)]

    def _graded(self, job: Job, outcome: Outcome) -> None:
        grade = Grade(Status.LOST if outcome.lost else Status.FAILED, outcome.reason)
        if outcome.value is not None:
            prepared = self._asked[job.arguments["case"]][job.arguments["task"]]
            floor, ceiling = prepared_floor(prepared, self._retrained[job.key])["raw"], prepared["ceiling"]["raw"]
            raw = float(outcome.value["raw"])
            grade = Grade(Status.GRADED, "", raw, floor, ceiling, skill_of(raw, floor, ceiling), outcome.value["figures"])
        self._session.store.add_grade(job.key, grade)
        self._session.display.done(1, failed=outcome.failed)

    def _abstained(self, row: Row) -> Row:
        # The floor's own figures stay out: they describe an answer made from the ground truth.
        prepared = self._asked[row.case][row.task]
        floor, ceiling = prepared_floor(prepared, row.retrain_budget)["raw"], prepared["ceiling"]["raw"]
        return replace(row, status=Status.ABSTAINED, raw=floor, floor=floor, ceiling=ceiling, skill=0.0)

    def _keep(self, row: Row) -> None:
        self._session.store.add_cell(row)
        self._session.display.done(1, failed=row.status in {Status.FAILED, Status.LOST})

    def _grade_job(self, row: Row) -> Job:
        self._retrained[row.key] = row.retrain_budget
        return grade_job(self._session, row)

    def _job(self, do: str, arguments: Mapping[str, Any], row: Row) -> Job:
        label = f"{row.solver} answers {row.task} of {row.case}"
        return Job(Trust.UNTRUSTED, do, arguments, label, key=row.key, seconds=self._session.suite.limits.seconds)


def place_of(session: Session, network: str, reference: str = "") -> dict[str, str]:
    """What an open job is told of a network, and of the clean one beside it: the folders that anyone may see."""
    place = {"subject": str(session.network_folder(network) / "subject"), "blobs": session.blobs, "device": session.device}
    return {**place, "reference": str(session.network_folder(reference) / "subject")} if reference else place


def look_job(session: Session, look: PlannedLook) -> Job:
    """The job that takes a look."""
    arguments = {
        "place": place_of(session, look.network, look.reference),
        "tool": look.tool,
        "brief": look.brief,
        "budget": look.budget,
        "seed": seed_for(session.suite.settled_seed, "look", look.key),
    }
    label = f"{look.tool} looks at {look.network}"
    return Job(Trust.UNTRUSTED, "look", arguments, label, key=look.key, seconds=session.suite.limits.seconds)


@final
@dataclass(frozen=True)
class Grading:
    """Where the grading side finds what it needs."""

    folder: str
    """Of the planted network."""
    blobs: str
    device: str
    memory_mb: float
    """For a network that was handed back."""


def grade_job(session: Session, row: Row, first_name: str = "") -> Job:
    """The job that measures the kept answer of a row; ``first_name`` is what its network calls the case, where that is another name."""
    folder = str(session.network_folder(row.subject))
    return grading_job(Grading(folder, session.blobs, session.device, session.suite.limits.memory_mb), row, first_name or row.case)


def grading_job(place: Grading, row: Row, case: str) -> Job:
    """The same wherever network and answer lie; ``case`` is what the network calls it."""
    network = row.answer.removeprefix("network:") if row.answer.startswith("network:") else ""
    arguments = {
        "folder": place.folder,
        "case": case,
        "task": row.task,
        "question": row.question,
        "answer": {"network": network} if network else {"weights": row.answer},
        "blobs": place.blobs,
        "device": place.device,
        "memory_mb": place.memory_mb,
    }
    return Job(Trust.TRUSTED, "grade", arguments, f"grade {row.solver} on {row.task} of {row.case}", key=row.key)


def _charged(row: Row, cost: Cost, times: PassTimes) -> Row:
    return replace(
        row,
        forward=cost.forward,
        backward=cost.backward,
        seconds=cost.seconds,
        peak_mb=cost.peak_mb,
        person_seconds=cost.person_seconds,
        cpu_seconds=cost.cpu_seconds,
        passes=times.passes(row.subject, cost),
        clean_images=cost.clean_images,
    )


def _weight(job: Job) -> tuple[int, float]:
    # Long work first, so that the run does not end with one worker busy and the others idle.
    return (job.do == "look", float(job.arguments.get("budget", 0.0)))
