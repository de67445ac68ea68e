"""The main job: plan, plant, ask, answer, grade, calibrate. Started again, it goes on where it was."""

import os
import platform
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, final

from onecurve.core.display import PlantRecord
from onecurve.core.errors import DataError, OneCurveError, UnknownNameError, UsageError
from onecurve.core.grade import Grade, Status, skill_of
from onecurve.core.question import Brief
from onecurve.core.spec import content_key
from onecurve.flaws.zoo.manifest import FOLDER as ZOO
from onecurve.runner.engine.choosing import LOCAL, EngineChoice, Workplace, engine_of
from onecurve.runner.engine.engines import Engine
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.isolation.walls import Confinement, Wanted
from onecurve.runner.merged import merged_of, require_one_run, suite_to_grade
from onecurve.runner.networks import population_of
from onecurve.runner.phases.calibrate import calibrate
from onecurve.runner.phases.plant import PlantedNetwork, plant_all
from onecurve.runner.phases.reference_rows import follow_floors, keep_reference_points
from onecurve.runner.phases.solve import SolvePhase, grade_job
from onecurve.runner.phases.timing import time_passes
from onecurve.runner.plan import AskedCase, Grid, PlannedSolver, Reference, plan_cells
from onecurve.runner.sealed import given_seed, settled
from onecurve.runner.session import NETWORKS, Display, Session, Silent
from onecurve.runner.solvers import planned_solvers
from onecurve.runner.soundness import blob_fault, blobs_of_case, blobs_of_looks, blobs_of_rows, require_blobs, require_network
from onecurve.runner.suite import Suite, parse_suite
from onecurve.store.databases.address import address_of
from onecurve.store.pointer import read_pointer
from onecurve.store.remote import local_folder
from onecurve.store.store import Store
from onecurve.tasks.catalog import TASKS

LIBRARIES = ("onecurve", "torch", "numpy", "scikit-learn", "scipy")


@final
@dataclass(frozen=True)
class Place:
    """Where and with what a run takes place; nothing here changes a row."""

    out: Path
    cache: Path
    slots: int
    """How many jobs at a time."""
    device: str = "cpu"
    command: str = ""
    """The command line, for the report."""
    isolation: Wanted = Wanted.AUTO
    readable: tuple[Path, ...] = ()
    """Places that cells may read besides their subject and the installed packages."""
    store: str = ""
    """Address of a database for the rows, maybe with a password; empty for where the run has them, or a file in ``out``."""
    blobs: str = ""
    """URL of a remote place that gets a copy of all blobs and networks; empty for where the run has them, or ``out`` alone."""
    engine: EngineChoice = field(default_factory=EngineChoice)

    @property
    def confinement(self) -> Confinement | None:
        """What cells are kept from; None where nothing is wanted."""
        if self.isolation is Wanted.OFF:
            return None
        known = read_pointer(self.out)
        copies, rows = local_folder(self.blobs or known.blobs), self.store or known.store
        hidden = (self.out, self.cache, ZOO, *([copies] if copies else []), *(address_of(rows).sockets if rows else ()))
        return Confinement(tuple(str(path.resolve()) for path in hidden), tuple(str(path.resolve()) for path in self.readable))


@final
@dataclass(frozen=True)
class Ending:
    """What a run left."""

    out: Path
    rows: int
    failed: int
    seconds: float
    lost: int = 0
    """Cells that the machine broke off; started again, the run does them."""


def run_suite(suite: Suite, place: Place, display: Display | None = None) -> Ending:
    """Do the whole suite in ``place.out``, going on with whatever is there already.

    Raises ``UsageError`` for what the person must mend; everything finished by then is kept.
    """
    started = time.monotonic()
    shown = display or Silent()
    for address, name in zip(suite.tasks, suite.task_names, strict=True):
        if name not in TASKS.names():
            raise UnknownNameError.among("task", name, TASKS.names())
        TASKS.make(address)
    _require_room_for_packages(place)
    with _store(place) as store, _engine(suite, place) as engine:
        session = Session(settled(suite, store), place.out, place.cache, store, engine, shown, place.device)
        _note_run(session, suite, place)
        _note_isolation(session, place)
        solvers = planned_solvers(session)
        networks = plant_all(session)
        require_blobs(store, [*blobs_of_looks(store, here=True), *blobs_of_rows(store.rows_with(Status.PENDING))])
        store.note("secret", [case for network in networks for case in network.wanted.secret_cases], anew=True)
        asked = _prepared(session, networks)
        keep_reference_points(session, networks, asked)
        follow_floors(session, asked)
        tasks = {case: prepared["tasks"] for case, prepared in asked.items()}
        SolvePhase(session, tasks, time_passes(session, networks)).run(
            list(plan_cells(_cases(networks, asked), _grid(session, solvers, networks)))
        )
        calibrate(session, networks, solvers)
        if place.engine.name != LOCAL:
            _note_isolation(session, place)  # of workers that came later, too
        seconds = time.monotonic() - started
        store.note("finished", {"at": datetime.now(UTC).isoformat(), "seconds": seconds}, anew=True)
        counts = store.counts()
        if counts[Status.LOST]:
            reasons = Counter(row.reason for row in store.rows_with(Status.LOST))
            shown.say(f"{counts[Status.LOST]} cells were lost ({reasons.most_common(1)[0][0]}); the same command does them again")
        if counts[Status.WAITING]:
            shown.say(f"{counts[Status.WAITING]} cells wait for a person's answer")
        return Ending(place.out, counts.total(), counts[Status.FAILED], seconds, counts[Status.LOST])


def plant_suite(suite: Suite, place: Place, display: Display | None = None) -> tuple[tuple[PlantRecord, ...], dict[str, str]]:
    """Plant the networks of a suite in ``place.out`` and stop there; running the suite there later goes on from it.

    Returns what became of every flaw, and networks that could not be planted with the reasons.
    """
    shown = display or Silent()
    with _store(place) as store, _engine(suite, place) as engine:
        session = Session(settled(suite, store), place.out, place.cache, store, engine, shown, place.device)
        _note_run(session, suite, place)
        plant_all(session)
        return store.plants(), dict(session.unplanted)


def regrade(place: Place, display: Display | None = None) -> Ending:
    """Grade every kept answer again without running any tool; raises ``DataError`` where nothing was run.

    What another version of a task asked keeps its grade, and the display says how many rows do: a grade stands on the scale of the
    version that asked.
    """
    started = time.monotonic()
    shown = display or Silent()
    Store.read(place.out).close()
    with Store.create(place.out) as store:
        text = store.noted("suite")
        if text is None:
            raise DataError(f"no finished planting in: {place.out}", "finish it with `onecurve run`")
        merged = merged_of(store)
        suite = settled(parse_suite(text, "the suite of this run"), store) if merged is None else suite_to_grade(merged)
        with _engine(suite, place) as engine:
            session = Session(suite, place.out, place.cache, store, engine, shown, place.device)
            _regrade(session, {} if merged is None else merged.first_names)
        counts = store.counts()
        return Ending(place.out, counts.total(), counts[Status.FAILED], time.monotonic() - started)


@contextmanager
def _store(place: Place) -> Iterator[Store]:
    """The store in ``place.out``; a folder that was made for it goes again where a mistake is found before anything is planted."""
    made = not place.out.exists()
    try:
        with Store.create(place.out, place.store, place.blobs) as store:
            require_one_run(store, "go on in the folders of the runs that they come from, and merge again")
            yield store
    except OneCurveError:
        if made and not (place.out / NETWORKS).exists():
            shutil.rmtree(place.out, ignore_errors=True)
        raise


def _engine(suite: Suite, place: Place) -> Engine:
    # Several small processes share the cores better than one with many threads each.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    there = Workplace(
        slots=place.slots,
        logs=place.out / "logs",
        memory_mb=suite.limits.memory_mb,
        confinement=place.confinement,
        required=place.isolation is Wanted.REQUIRED,
        device=place.device,
        files=(*suite.files, *map(str, place.readable)),
    )
    return engine_of(place.engine, there)


def _require_room_for_packages(place: Place) -> None:
    """A folder that no cell may read cannot hold what every cell needs."""
    out = place.out.resolve()
    for needed in (Path(sys.prefix), Path(__file__)) if place.confinement else ():
        if needed.resolve().is_relative_to(out):
            raise UsageError(f"results cannot lie around Python's packages: {out}", "choose a folder of its own with --out")


def _note_isolation(session: Session, place: Place) -> None:
    """Try what cells can be kept from, and tell it where anything is left open; a run that is gone on with has several such notes."""
    found = session.engine.isolation()
    if place.isolation is Wanted.REQUIRED and not found.whole:
        raise UsageError(f"isolation is required, and this system cannot do it ({found.words})", "leave out `--isolation required`")
    known = session.store.noted("isolation") or []
    session.store.note("isolation", [*known, *({found.words} - set(known))], anew=True)
    if not found.whole:
        session.display.say(found.words)


def _note_run(session: Session, declared: Suite, place: Place) -> None:
    """Note what is run; a seed that was drawn stands in the sealed part alone."""
    store, suite = session.store, session.suite
    noted, given = store.noted("planting"), given_seed(store) if declared.seed is None else declared.seed
    if noted is not None and noted != suite.planting_key:
        raise UsageError(f"{place.out} holds a run with other networks", "choose another folder with --out")
    store.note("planting", suite.planting_key)
    store.note("suite", declared.changed({"seed": given}).model_dump_json(), anew=True)
    store.note("started", datetime.now(UTC).isoformat())
    store.note("command", place.command, anew=True)
    store.note("versions", {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}})
    store.note(
        "machine",
        f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores, {session.engine.slots} jobs at a time, {_where(place)}",
    )


def _where(place: Place) -> str:
    return place.device if place.engine.name == LOCAL else f"{place.device}, by the engine {place.engine.name}"


def _prepared(session: Session, networks: Sequence[PlantedNetwork]) -> dict[str, Any]:
    """What the grading side prepared for each case: questions, floors, ceilings, pictures."""
    known = session.store.prepared()
    tasks = _tasks_key(session.suite)
    examined = [network for network in networks if not network.reference and network.cases]
    admitted = population_of([network.effects for network in examined])
    clean = {network.name: _clean_beside(network, networks) for network in examined}
    keys = {case: _prepared_key(tasks, case, admitted, network, clean[network.name]) for network in examined for case in network.cases}
    jobs = []
    for network in networks:
        for number, case in enumerate(() if network.reference else network.cases):
            key = keys[case]
            if key not in known or any(blob_fault(session.store, blob) for blob in blobs_of_case(known[key])):
                arguments = {
                    "folder": str(session.network_folder(network.name)),
                    "case": case,
                    "tasks": list(session.suite.tasks),
                    "first": number == 0,
                    "seed": session.suite.settled_seed,
                    "population": {**admitted, "announced": network.wanted_population.get("clean_share")},
                    "trained": {
                        "budgets": list(session.suite.retrain_budgets),
                        "clean": [str(session.network_folder(one.name) / "subject") for one in clean[network.name]],
                        "device": session.device,
                    },
                    "blobs": {"open": session.blobs, "sealed": session.sealed_blobs},
                }
                jobs.append(Job(Trust.TRUSTED, "prepare", arguments, f"ask the questions of {case}", key=key))
    session.display.phase("ask", len(jobs))
    failed: list[str] = []

    def done(job: Job, outcome: Outcome) -> Iterable[Job]:
        session.display.done(1, outcome.failed)
        if outcome.value is None:
            failed.append(f"{job.label}: {outcome.reason}")
        else:
            session.store.holdings.send(blobs_of_case(outcome.value))
            session.store.prepare(job.key, dict(outcome.value))
        return ()

    session.run(jobs, done)
    if failed:
        raise UsageError("; ".join(failed))
    found = session.store.prepared()
    require_blobs(session.store, [blob for job in jobs for blob in blobs_of_case(found[job.key])])
    return {case: found[key] for case, key in keys.items()}


def _clean_beside(network: PlantedNetwork, networks: Sequence[PlantedNetwork]) -> tuple[PlantedNetwork, ...]:
    """Other networks of its set and architecture that were to carry no flaw, references first."""
    alike = [one for one in networks if one.name != network.name and one.wanted.group == network.wanted.group and not one.flaws]
    return tuple(sorted(alike, key=lambda one: not one.reference))


def _tasks_key(suite: Suite) -> str:
    """Names the tasks of a run, with their versions where one is not the first: what another version asked is asked anew.

    Where floors are made by retraining, the budgets for it are named too.
    """
    tasks = [TASKS.make(address) for address in suite.tasks]
    versions = [type(task).version for task in tasks]
    budgets = list(suite.retrain_budgets) if any(task.form.noise_floored for task in tasks) else []
    return content_key(suite.tasks, *([versions] if max(versions, default=1) > 1 else []), *([budgets] if budgets else []))


def _prepared_key(tasks: str, case: str, admitted: Mapping[str, Any], network: PlantedNetwork, clean: Sequence[PlantedNetwork]) -> str:
    """Names population and clean networks where they are not the wanted ones: one that is planted later changes floors and ceilings."""
    key = f"case:{tasks}:{case}"
    if admitted != network.wanted_population:
        key = f"{key}:{content_key(dict(admitted))}"
    return f"{key}:{content_key([one.key for one in clean])}" if clean else key


def _cases(networks: Sequence[PlantedNetwork], asked: Mapping[str, Any]) -> list[AskedCase]:
    return [
        AskedCase(
            case,
            network.name,
            network.wanted.group,
            network.key,
            asked[case]["flaw"],
            network.kinds,
            asked[case]["tasks"],
            asked[case]["facts"],
        )
        for network in networks
        if not network.reference
        for case in network.cases
    ]


def _grid(session: Session, solvers: Sequence[PlannedSolver], networks: Sequence[PlantedNetwork]) -> Grid:
    suite = session.suite
    return Grid(
        tasks={type(task).name: task for task in map(TASKS.make, suite.tasks)},
        solvers=solvers,
        look_budgets=suite.look_budgets,
        retrain_budgets=suite.retrain_budgets,
        repeats=suite.repeats,
        references=tuple(Reference(network.name, network.key, network.wanted.group) for network in networks if network.reference),
        seed=suite.settled_seed,
        empty_brief=session.store.blobs.put(Brief()),
        class_budgets=suite.class_budgets,
        classes={network.wanted.group: network.classes for network in networks},
    )


def _regrade(session: Session, first_names: Mapping[str, str]) -> None:
    rows = [row for row in session.store.rows_with(Status.GRADED, Status.PENDING, Status.FAILED) if row.answer]
    now = {name: TASKS.load(name).version for name in TASKS.names()}
    old = [row for row in rows if row.task_version != now.get(row.task)]
    if old:
        session.display.say(f"{len(old)} rows keep their grades: they answer what another version of the task asked")
    rows = [row for row in rows if row not in old]
    require_blobs(session.store, [key for row in rows for key in (row.question, row.answer)])
    for subject in dict.fromkeys(row.subject for row in rows):
        require_network(session.store, subject)
    known = [row for row in session.store.rows_of_solver("floor") if row.task_version == now.get(row.task)]
    floors = {(row.case, row.task, row.retrain_budget): row for row in known}
    session.display.phase("grade again", len(rows))
    by_key = {row.key: row for row in rows}

    def done(job: Job, outcome: Outcome) -> Iterable[Job]:
        row = by_key[job.key]
        session.display.done(1, outcome.failed)
        if outcome.lost:
            session.display.say(f"{job.label} was lost and keeps its grade: {outcome.reason}")
            return ()
        reference = floors.get((row.case, row.task, row.retrain_budget)) or floors[row.case, row.task, 0.0]
        grade = Grade(Status.FAILED, outcome.reason)
        if outcome.value is not None and reference.floor is not None and reference.ceiling is not None:
            raw = float(outcome.value["raw"])
            skill = skill_of(raw, reference.floor, reference.ceiling)
            grade = Grade(Status.GRADED, "", raw, reference.floor, reference.ceiling, skill, outcome.value["figures"])
        session.store.add_grade(row.key, grade)
        return ()

    session.run([grade_job(session, row, first_names.get(row.case, "")) for row in rows], done)
