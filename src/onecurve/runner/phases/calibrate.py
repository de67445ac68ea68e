"""The calibration phase: lineup readers tried on true triggers, on noise, and on what tools show of a clean network."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, final

import numpy as np

from onecurve.core.access import Access
from onecurve.core.codec import digest
from onecurve.core.display import Calibration
from onecurve.core.errors import AnswerError, OneCurveError
from onecurve.core.question import Brief, Form
from onecurve.core.seeds import seed_for
from onecurve.core.spec import content_key
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.phases.plant import PlantedNetwork
from onecurve.runner.phases.solve import look_job
from onecurve.runner.plan import Facts, PlannedLook, PlannedSolver
from onecurve.runner.session import Session
from onecurve.statistics.intervals import wilson
from onecurve.store.store import Look, Store
from onecurve.tasks.catalog import TASKS

TARGETS = 2
"""Classes of the clean network that each tool is asked to look at."""


@final
@dataclass(frozen=True)
class _Calibration:
    """One reader on lineups of one kind of flaw."""

    key: str
    reader: Facts
    kind: str
    data: str
    recipe: Mapping[str, Any]
    subject: str
    """The folder of the clean network's subject."""
    seed: int
    conditions: Mapping[str, Any]

    @property
    def reading_seed(self) -> int:
        """Nobody who reads is told the seed that lineups are drawn by."""
        return seed_for(self.seed, "read", self.key)

    def laying_out(self, folder: str, blobs: str) -> Job:
        """The trusted job that makes the lineups."""
        arguments = {
            "kind": self.kind,
            "recipe": self.recipe,
            "seed": self.seed,
            "conditions": self.conditions,
            "blobs": blobs,
            "folder": folder,
        }
        return Job(Trust.TRUSTED, "lay_out", arguments, f"lineups of {self.kind} in {self.data}", key=self.key)

    def reading(self, folder: str, trials: Sequence[Mapping[str, Any]]) -> Job:
        """The untrusted job that reads them; it is not told which options are right."""
        listed = [[trial["number"], trial["question"], trial["evidence"]] for trial in trials]
        arguments = {"reader": self.reader.address, "subject": self.subject, "folder": folder, "seed": self.reading_seed, "trials": listed}
        label = f"calibrate {self.reader.name} on lineups of {self.kind} in {self.data}"
        return Job(Trust.UNTRUSTED, "read_lineups", arguments, label, key=self.key)


def calibrate(session: Session, networks: Sequence[PlantedNetwork], solvers: Sequence[PlannedSolver]) -> None:
    """Try every reader of lineups that the suite uses, on each set; results go into the store, once."""
    tasks = [task for task in map(TASKS.make, session.suite.tasks) if task.form is Form.LINEUP]
    reading = [solver for solver in solvers if solver.reads and any(solver.serves(task) for task in tasks)]
    readers = {solver.reads.address: solver.reads for solver in reading if solver.reads}
    if not readers or session.suite.lineups == 0:
        return
    maps = any(Access.SUSPECTS in task.tells for task in tasks)
    looking = [solver.looks for solver in reading if solver.looks]
    lacking = Access.SUSPECTS | Access.REFERENCE_NETWORK  # a clean network has no suspects, and is not compared with another
    tools = [looks for looks in looking if not Access(looks.needs) & lacking]
    looks = {clean.name: _clean_looks(session, clean, tools) for clean in _clean_networks(networks)}
    seen = _looked(session, looks)
    jobs = [
        _wanted(session, clean, facts, kind, seen[clean.name], maps=maps)
        for clean in _clean_networks(networks)
        for facts in readers.values()
        for kind in _kinds(networks, clean.wanted.data)
    ]
    known = session.store.prepared()
    session.store.holdings.bring(key for job in jobs if job.key not in known for _, key in job.conditions["seen"])
    session.display.phase("calibrate", len(jobs))
    with TemporaryDirectory(dir=session.out, prefix="lineups-") as folder:
        _Trials(session, Path(folder)).run([job for job in jobs if job.key not in known])
    session.store.note("calibrations", [job.key for job in jobs], anew=True)


@final
class _Trials:
    """Lays lineups out, lets readers read them in untrusted processes, and counts what was read right."""

    def __init__(self, session: Session, folder: Path) -> None:
        self._session = session
        self._folder = folder
        self._laid_out: dict[str, list[dict[str, Any]]] = {}

    def run(self, jobs: Sequence[_Calibration]) -> None:
        """All calibrations to the end; one that fails is told and leaves no record."""
        by_key = {job.key: job for job in jobs}

        def done(job: Job, outcome: Outcome) -> Iterable[Job]:
            wanted = by_key[job.key]
            if outcome.value is not None and job.do == "lay_out":
                self._laid_out[job.key] = list(outcome.value["trials"])
                return [wanted.reading(self._folder_of(job.key), self._laid_out[job.key])]
            self._keep(wanted, job, outcome)
            return ()

        self._session.run([job.laying_out(self._folder_of(job.key), self._session.blobs) for job in jobs], done)

    def _keep(self, wanted: _Calibration, job: Job, outcome: Outcome) -> None:
        shutil.rmtree(self._folder_of(job.key), ignore_errors=True)
        trials, fault = self._laid_out.pop(job.key, []), outcome.reason
        if outcome.value is not None:
            try:
                counted = calibrations(wanted.reader.name, wanted.kind, trials, outcome.value.get("shares", ()))
                self._session.store.prepare(job.key, [asdict(one) for one in counted])
            except (OneCurveError, TypeError, ValueError) as error:
                # The reader's process answered, and it runs a person's code: its reply may hold anything.
                fault = f"nothing could be counted: {error}"
        self._session.display.done(1, bool(fault))
        if fault:
            self._session.display.say(f"{job.label} failed: {fault}")
            self._session.failures.append(f"{job.label}: {fault}")

    def _folder_of(self, key: str) -> str:
        return str(self._folder / content_key(key))


def calibrations(
    reader: str, kind: str, trials: Sequence[Mapping[str, Any]], shares: Sequence[Sequence[float] | None]
) -> tuple[Calibration, ...]:
    """One record per condition, in order: how often the top option was right (ties share), and the mean share of the right one.

    An abstention (None) counts as an even answer. Raises ``AnswerError`` where the shares do not fit the trials.
    """
    if len(shares) != len(trials):
        raise AnswerError(f"wanted shares for {len(trials)} lineups, got: {len(shares)}")
    by_condition: dict[str, list[tuple[float, float, float]]] = {}
    for trial, share in zip(trials, shares, strict=True):
        by_condition.setdefault(trial["condition"], []).append(_credit(int(trial["options"]), int(trial["right"]), share))
    return tuple(_record(reader, kind, condition, earned) for condition, earned in by_condition.items())


def _credit(options: int, right: int, shares: Sequence[float] | None) -> tuple[float, float, float]:
    """Credit for the top option, share of the right one, and what chance earns."""
    if shares is None:
        return 1 / options, 1 / options, 1 / options
    given = np.asarray(shares, np.float32)
    if given.shape != (options,) or not np.isfinite(given).all():
        raise AnswerError(f"wanted {options} finite shares for a lineup, got: {len(shares)}")
    top = np.isclose(given, given.max())
    return float(top[right] / top.sum()), float(given[right]), 1 / options


def _record(reader: str, kind: str, condition: str, earned: Sequence[tuple[float, float, float]]) -> Calibration:
    tops, masses, chances = (np.array(values) for values in zip(*earned, strict=True))
    correct = round(float(tops.sum()))
    share = wilson(correct, len(earned))
    return Calibration(reader, condition, kind, len(earned), correct, float(masses.mean()), float(chances.mean()), share.low, share.high)


def _clean_networks(networks: Sequence[PlantedNetwork]) -> list[PlantedNetwork]:
    """The first network without flaws of each set."""
    found: dict[str, PlantedNetwork] = {}
    for network in networks:
        if not network.flaws:
            found.setdefault(network.wanted.data, network)
    return list(found.values())


def _kinds(networks: Sequence[PlantedNetwork], data: str) -> list[str]:
    """Kinds that were planted on that set."""
    return sorted({flaw.partition("[")[0] for network in networks if network.wanted.data == data for flaw in network.flaws})


def _clean_looks(session: Session, clean: PlantedNetwork, tools: Sequence[Facts]) -> list[tuple[str, PlannedLook]]:
    """A look of each tool at some classes of a clean network, as if they were targets."""
    found = []
    budget = min(session.suite.look_budgets)
    for tool in tools:
        for target in range(TARGETS):
            brief = Brief(target)
            key = content_key("clean", clean.key, tool.key, digest(brief), budget, session.suite.settled_seed)
            found.append((tool.name, PlannedLook(key, clean.name, tool.address, session.store.blobs.put(brief), budget)))
    return found


def _looked(session: Session, looks: Mapping[str, Sequence[tuple[str, PlannedLook]]]) -> dict[str, list[list[str]]]:
    """Take the looks that are missing; per network pairs of tool and evidence key of those that succeeded."""
    known = session.store.looks()
    missing = [look for each in looks.values() for _, look in each if look.key not in known]
    session.display.phase("look at a clean network", len(missing))

    def done(job: Job, outcome: Outcome) -> Iterable[Job]:
        _keep(session.store, job, outcome)
        session.display.done(1, outcome.failed)
        return ()

    session.run([look_job(session, look) for look in missing], done)
    known = session.store.looks()
    return {
        name: [[tool, known[look.key].evidence] for tool, look in each if look.key in known and known[look.key].evidence]
        for name, each in looks.items()
    }


def _keep(store: Store, job: Job, outcome: Outcome) -> None:
    value = outcome.value or {}
    if outcome.lost:
        return
    store.add_look(Look(job.key, str(value.get("evidence", "")), outcome.cost, outcome.reason, outcome.traceback))


def _wanted(session: Session, clean: PlantedNetwork, facts: Facts, kind: str, seen: list[list[str]], *, maps: bool) -> _Calibration:
    suite = session.suite
    conditions = {"lineups": suite.lineups, "seen": seen, "maps": maps, **({"ladder": True} if suite.ladder else {})}
    key = f"calibrations:{content_key(facts.key, kind, clean.key, suite.planting_key, conditions)}"
    subject = str(session.network_folder(clean.name) / "subject")
    return _Calibration(key, facts, kind, clean.wanted.data, dict(clean.wanted.recipe), subject, suite.settled_seed, conditions)
