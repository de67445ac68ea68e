"""The calibration phase: lineup readers tried on true triggers, on noise, and on what tools show of a clean network."""

from collections.abc import Iterable, Mapping, Sequence

from onecurve.core.access import Access
from onecurve.core.codec import digest
from onecurve.core.question import Brief, Form
from onecurve.core.spec import content_key
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.phases.plant import PlantedNetwork
from onecurve.runner.phases.solve import look_job
from onecurve.runner.plan import Facts, PlannedLook, PlannedSolver
from onecurve.runner.session import Session
from onecurve.store.store import Look, Store
from onecurve.tasks.catalog import TASKS

TARGETS = 2
"""Classes of the clean network that each tool is asked to look at."""


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
        _job(session, clean, facts, kind, seen[clean.name], maps=maps)
        for clean in _clean_networks(networks)
        for facts in readers.values()
        for kind in _kinds(networks, clean.wanted.data)
    ]
    session.display.phase("calibrate", len(jobs))
    known = session.store.prepared()

    def done(job: Job, outcome: Outcome) -> Iterable[Job]:
        session.display.done(1, outcome.failed)
        if outcome.value is None:
            session.display.say(f"{job.label} failed: {outcome.reason}")
            session.failures.append(f"{job.label}: {outcome.reason}")
        else:
            session.store.prepare(job.key, outcome.value["calibrations"])
        return ()

    session.run([job for job in jobs if job.key not in known], done)
    session.store.note("calibrations", [job.key for job in jobs], anew=True)


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
            key = content_key("clean", clean.key, tool.key, digest(brief), budget, session.suite.seed)
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
    return {name: [[tool, known[look.key].evidence] for tool, look in each if known[look.key].evidence] for name, each in looks.items()}


def _keep(store: Store, job: Job, outcome: Outcome) -> None:
    value = outcome.value or {}
    store.add_look(Look(job.key, str(value.get("evidence", "")), outcome.cost, outcome.reason, outcome.traceback))


def _job(session: Session, clean: PlantedNetwork, facts: Facts, kind: str, seen: list[list[str]], *, maps: bool) -> Job:
    suite = session.suite
    conditions = {"lineups": suite.lineups, "seen": seen, "maps": maps}
    arguments = {
        "reader": facts.address,
        "kind": kind,
        "recipe": dict(clean.wanted.recipe),
        "subject": str(session.network_folder(clean.name) / "subject"),
        "seed": suite.seed,
        "conditions": conditions,
        "blobs": session.blobs,
    }
    key = f"calibrations:{content_key(facts.key, kind, clean.key, suite.planting_key, conditions)}"
    return Job(Trust.TRUSTED, "calibrate", arguments, f"calibrate {facts.name} on lineups of {kind} in {clean.wanted.data}", key=key)
