"""Hard suites: from a finished run, the networks whose flaws its leading solvers miss, and the controls that fool them.

Networks chosen for low skill look harder than they are, by the chance of the run that chose them. So a hard suite keeps the
networks, bit for bit, and has another seed for everything that looks at them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, final

from onecurve.core.errors import DataError, UsageError
from onecurve.core.row import Role, Row
from onecurve.flaws.catalog import CONTROLS
from onecurve.runner.merged import require_one_run
from onecurve.runner.networks import WantedNetwork, wanted_networks
from onecurve.runner.phases.plant import drawn_before
from onecurve.runner.sealed import seed_of_run
from onecurve.runner.suite import Suite, parse_suite
from onecurve.statistics.cases import at_largest_budget, by_solver, case_scores
from onecurve.statistics.summary import summarise
from onecurve.statistics.versions import of_one_version
from onecurve.store.store import Store

LEADERS = 3
"""Solvers per task, best on average, whose best attempt says how hard a case is."""
CONTROLS_SHARE = 1 / 3
"""Controls among the chosen networks."""
LOOKING = (Role.METHOD, Role.BASELINE)


@final
@dataclass(frozen=True)
class Hardness:
    """How the leaders did on one network: its best-solved case counts, so that every flaw of a hard network is hard."""

    network: str
    flaws: str
    best: float
    """Mean over tasks of the best leader's skill, on the case where that is highest; 1 is solved, 0 no better than not looking."""
    control: bool


@final
@dataclass(frozen=True)
class Hardened:
    """A hard suite and what it was chosen from."""

    suite: Suite
    chosen: tuple[Hardness, ...]
    """The hardest first."""
    examined: int
    """Networks there were to choose from."""


def hardened(folder: Path, count: int, seed: int | None = None) -> Hardened:
    """A suite of the ``count`` hardest networks of the run in ``folder``, about a third of them controls.

    ``seed`` is that of everything that looks at them; None to have one drawn for each run of the suite.

    Raises ``DataError`` where nothing was run, ``UsageError`` where the run has no graded looks or too few networks.
    """
    with Store.read(folder) as store:
        require_one_run(store, "choose among the networks of one of the runs that they come from")
        text, rows, sampled, run_seed = store.noted("suite"), of_one_version(store.rows()), drawn_before(store), seed_of_run(store)
    if text is None:
        raise DataError(f"no finished planting in: {folder}", "finish it with `onecurve run`")
    suite = parse_suite(text, "the suite of this run").changed({"seed": run_seed})
    found = hardness([row for row in rows if row.role in LOOKING])
    if not found:
        raise UsageError(f"no solver has looked at any network of: {folder}", "finish it with `onecurve run`")
    chosen = hardest(found, count)
    wanted = {network.name: network for network in wanted_networks(suite, sampled, "cpu")}
    if seed == suite.seed:
        raise UsageError(f"the networks were chosen by a run with seed {seed}", "give another seed, or none")
    return Hardened(_suite_of(suite, [wanted[each.network] for each in chosen], len(found), seed), chosen, len(found))


def hardness(rows: Sequence[Row]) -> tuple[Hardness, ...]:
    """Every network with a scored case, the hardest first; ``rows`` are those of solvers that look."""
    leaders = _leaders(rows)
    subject = {row.case: (row.subject, row.flaw) for row in rows}
    best: dict[str, dict[str, float]] = defaultdict(dict)
    for (solver, task), members in by_solver(at_largest_budget(rows)).items():
        for score in case_scores(members, successes=True) if solver in leaders.get(task, ()) else ():
            best[score.case][task] = max(score.skill, best[score.case].get(task, score.skill))
    networks: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for case, tasks in best.items():
        network, flaw = subject[case]
        networks[network].append((fmean(tasks.values()), flaw))
    found = []
    for network, cases in networks.items():
        flaws = sorted(flaw for _, flaw in cases)
        found.append(Hardness(network, "+".join(flaws), max(skill for skill, _ in cases), set(flaws) <= set(CONTROLS)))
    return tuple(sorted(found, key=lambda each: (each.best, each.network)))


def hardest(found: Sequence[Hardness], count: int) -> tuple[Hardness, ...]:
    """The ``count`` hardest, about a third of them controls, the hardest first; raises ``UsageError`` if there are fewer."""
    if len(found) < count:
        raise UsageError(f"there are {len(found)} networks to choose from, wanted: {count}", "ask for fewer with --count")
    controls, flawed = ([each for each in found if each.control is kind] for kind in (True, False))
    wanted = min(len(controls), max(count - len(flawed), round(count * CONTROLS_SHARE)))
    return tuple(sorted((*controls[:wanted], *flawed[: count - wanted]), key=lambda each: (each.best, each.network)))


def _leaders(rows: Iterable[Row]) -> Mapping[str, tuple[str, ...]]:
    means: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for summary in summarise(rows):
        if summary.mean is not None and summary.scored:
            means[summary.task].append((-summary.mean, summary.solver))
    return {task: tuple(solver for _, solver in sorted(order)[:LEADERS]) for task, order in means.items()}


def _suite_of(suite: Suite, networks: Sequence[WantedNetwork], examined: int, seed: int | None) -> Suite:
    named = [_named(suite, network) for network in networks]
    summary = f"The {len(networks)} hardest of {examined} networks of `{suite.name}`, chosen by what its leading solvers missed."
    changes: dict[str, Any] = {"name": f"{suite.name}-hard", "summary": summary, "seed": seed, "networks": named}
    values = {**suite.model_dump(exclude={"sampled", "zoo"}), **changes}
    return Suite(**values)


def _named(suite: Suite, network: WantedNetwork) -> dict[str, Any]:
    """The network with all that it was planted by, so that another suite seed plants the same."""
    recipe = {name: value for name, value in network.recipe.items() if name not in {"data", "model", "device"}}
    # The recipe of a zoo's network is not completed by the suite's.
    own = recipe if "zoo" in recipe else {name: value for name, value in recipe.items() if suite.recipe.get(name) != value}
    return {
        "flaws": network.flaws,
        "data": network.data,
        "model": network.model,
        "recipe": own,
        "seed": network.seed,
    }
