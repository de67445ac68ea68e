"""What a store notes that was merged from several runs: where its rows come from, and what its names were there."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, final

from onecurve.core.errors import DataError, UsageError
from onecurve.runner.suite import Suite, parse_suite
from onecurve.store.store import Store

NOTE = "merged"
"""The fact under which a store has it; a store without it is a run's own."""
SEEDS = "seeds.json"
"""In the sealed part of merged results: the seed of each run."""


@final
@dataclass(frozen=True)
class Named:
    """What a network or a case that was merged is called elsewhere."""

    name: str
    """The first of its names in the runs that it comes from; of a case what stands behind the name of its network."""
    inner: str
    """What the files of the network call it."""
    keys: tuple[str, ...] = ()
    """Of a network, the content keys by which it was planted; of a case, the planting key of the run that asked about it."""


@final
@dataclass(frozen=True)
class Merged:
    """Where merged results come from."""

    runs: Mapping[str, Mapping[str, Any]]
    """Suite, command, times, versions and machine of each run, by its id."""
    networks: Mapping[str, Named] = field(default_factory=dict)
    """By name here."""
    cases: Mapping[str, Named] = field(default_factory=dict)
    """By name here."""
    solvers: Mapping[str, str] = field(default_factory=dict)
    """Halves of solvers that go by another name here, by `tool:NAME` or `reader:NAME`: the name in their own runs."""

    @property
    def first_names(self) -> Mapping[str, str]:
        """The cases by name here: what their networks call them."""
        return {case: known.inner for case, known in self.cases.items()}

    def plain(self) -> dict[str, Any]:
        """Its fields as plain values, for JSON."""
        return asdict(self)


def merged_of(store: Store) -> Merged | None:
    """Where the rows of a store come from; None for the store of one run."""
    found = store.noted(NOTE)
    if found is None:
        return None
    named = {
        kind: {name: Named(one["name"], one["inner"], tuple(one["keys"])) for name, one in found[kind].items()}
        for kind in ("networks", "cases")
    }
    return Merged(found["runs"], named["networks"], named["cases"], found["solvers"])


def suite_to_grade(merged: Merged) -> Suite:
    """The suite of the run that granted most memory to a network that was handed back; no seed is needed to grade."""
    suites = [parse_suite(text, "the suite of a merged run") for run in merged.runs.values() if (text := run.get("suite"))]
    if not suites:
        raise DataError("no run of these results has a suite", "merge runs that planted networks")
    return max(suites, key=lambda suite: suite.limits.memory_mb).changed({"seed": 0})


def require_one_run(store: Store, instead: str) -> None:
    """Raise ``UsageError`` for merged results, saying what to do instead."""
    if store.noted(NOTE) is not None:
        raise UsageError(f"these are merged results and not a run: {store.folder}", instead)
