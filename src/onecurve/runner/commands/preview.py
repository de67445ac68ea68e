"""What a run would do: everything that a suite names is opened, and the plan is counted. Nothing is planted or written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from onecurve.core.access import Access
from onecurve.core.errors import UsageError
from onecurve.data.catalog import open_data
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.zoo.manifest import manifest
from onecurve.models.building import build
from onecurve.runner.handlers.trusted import sample
from onecurve.runner.handlers.untrusted import describe
from onecurve.runner.networks import WantedNetwork, distribution_of, wanted_networks
from onecurve.runner.plan import AskedCase, Grid, PlannedCell, Reference, plan_cells
from onecurve.runner.recipes import recipe_of
from onecurve.runner.sealed import with_seed
from onecurve.runner.solvers import checked_facts, solvers_of
from onecurve.runner.suite import Networks, Suite
from onecurve.tasks.catalog import TASKS


@final
@dataclass(frozen=True)
class Preview:
    """Counts of what a run would do if every flaw is admitted."""

    networks: int
    """Clean references included."""
    cells: int
    """Those that will be skipped, because a case cannot carry the question or a reader cannot tell the flaw, included."""
    looks: int

    def in_words(self) -> str:
        """For a person."""
        return (
            f"to plant: {self.networks} networks\n"
            f"to do, if every flaw is admitted: {self.cells} cells with {self.looks} looks; "
            "cells are skipped where a case cannot carry the question, or a reader cannot tell the flaw"
        )


def preview(suite: Suite, device: str) -> Preview:
    """Open all sets, architectures, flaws, tasks and solvers of the suite and count; raises ``UsageError`` for what cannot be opened."""
    # What is drawn with another seed differs a little; what is named, and most counts, do not.
    suite = with_seed(suite)
    tasks = {type(task).name: task for task in map(TASKS.make, suite.tasks)}
    solvers = solvers_of(suite, lambda address, kind: checked_facts(address, kind, describe(address, kind)))
    networks = wanted_networks(suite, _drawn(suite), device)
    recipe_of(suite.recipe)
    classes = _open_all(networks)
    references = tuple(Reference(network.name, network.name, network.group) for network in networks if network.reference)
    grid = Grid(
        tasks,
        solvers,
        suite.look_budgets,
        suite.retrain_budgets,
        suite.repeats,
        references,
        suite.settled_seed,
        empty_brief="",
        class_budgets=suite.class_budgets,
        classes=classes,
    )
    cells = list(plan_cells([case for network in networks for case in _cases(network, grid)], grid))
    return Preview(len(networks), len(cells), len({key for cell in cells for key in _looks(cell)}))


def _drawn(suite: Suite) -> list[Networks]:
    some = suite.sampled
    drawn = sample(distribution_of(some), some.networks, suite.settled_seed)["networks"] if some else ()
    return [Networks(**draw) for draw in drawn]


def _open_all(networks: Sequence[WantedNetwork]) -> dict[tuple[str, str], int]:
    """Open whatever the networks name; returns the classes by set and architecture."""
    classes = {}
    for flaw in sorted({flaw for network in networks for flaw in network.flaws}):
        FLAWS.make(flaw)
    for network in networks:
        _require_stored(network, recipe_of(network.recipe).zoo)
    for data, model in sorted({network.group for network in networks}):
        opened = open_data(data)
        build(model, opened.shape, len(opened.class_names), 0)
        classes[data, model] = len(opened.class_names)
    return classes


def _require_stored(network: WantedNetwork, zoo: str) -> None:
    if zoo and (network.flaws, network.seed) not in {(one.flaws, one.seed) for one in manifest(zoo).networks}:
        raise UsageError(
            f"the zoo `{zoo}` holds no network with {network.in_words} and seed {network.seed}", "leave `zoo` out of its recipe to train it"
        )


def _cases(network: WantedNetwork, grid: Grid) -> list[AskedCase]:
    found = []
    for number, flaw in enumerate(() if network.reference else network.flaws or ("clean",)):
        case = f"{network.name}.{number + 1}"
        asked = {
            name: {
                "blind": task.blind,
                "question": "asked",
                "brief": "",
                # A task that tells nothing tells the same of every case.
                "brief_digest": f"{case if task.tells else ''} {task.tells.value}",
                "granted": (~Access.NONE).value,
                "oracle": "made",
                "noise": "made",
            }
            for name, task in grid.tasks.items()
            if number == 0 or not task.blind
        }
        found.append(AskedCase(case, network.name, network.group, network.name, FLAWS.make(flaw).name, network.in_words, asked, {}))
    return found


def _looks(cell: PlannedCell) -> list[str]:
    wanted = (cell.look, *cell.references) if not cell.missing else ()
    return [look.key for look in wanted if look is not None]
