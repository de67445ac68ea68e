"""What the grading side of each run prepared, as it stands among that of others.

A run keys its cases by their names, which other runs use for other networks. Merged, a case and the description of a solver are keyed by
their content. Calibrations are keyed by content already.
"""

from dataclasses import dataclass, replace
from typing import Any, Final, final

from onecurve.core.codec import digest
from onecurve.core.display import CaseDisplay
from onecurve.core.spec import content_key
from onecurve.runner.merging.names import Names
from onecurve.runner.merging.sources import FACT, Source, half_of
from onecurve.runner.phases.plant import FACTS, SAMPLED
from onecurve.store.store import Store

CASE, PASS, CALIBRATIONS = "case:", "pass:", "calibrations:"
OF_ONE_RUN: Final = (FACTS, SAMPLED)
"""What serves to go on with a run."""


@final
@dataclass(frozen=True)
class Prepared:
    """One prepared value of a source."""

    key: str
    """Where all are merged."""
    here: str
    """Its key in the source."""
    content: str
    """Equal for equal values; empty for a measurement of time, of which the smallest counts."""
    order: tuple[float, str] = (0.0, "")


def prepared_of(source: Source, store: Store) -> list[Prepared]:
    """Everything that was prepared in a source, but what serves to go on with one run."""
    return [_prepared(source, key, value) for key, value in store.prepared().items() if key not in OF_ONE_RUN]


def renamed(source: Source, names: Names, key: str, value: Any, display: CaseDisplay | None) -> tuple[Any, CaseDisplay | None]:
    """A prepared value with the names that it has where all are merged; of a case also its display, whose key changes with it."""
    if key.startswith(CASE):
        known = source.case(value["case"])
        case, network = names.cases[known], names.networks[known.network]
        shown = replace(display, case=case, subject=network) if display else None
        return {**value, "case": case, **({"display": digest(shown)} if shown else {})}, shown
    if key.startswith(FACT):
        return {**value, "name": names.solvers[source.solver(half_of(value), value["name"])]}, None
    if key.startswith(CALIBRATIONS):
        return [{**one, "reader": names.solvers[source.solver("reader", one["reader"])]} for one in value], None
    return value, None


def pass_key(source: Source, names: Names, key: str) -> str:
    """The key of the time of a pass, with the name of the network where all are merged."""
    kind, name, *machine = key.split(":")
    return ":".join((kind, names.networks[source.networks[name]] if name in source.networks else name, *machine))


def _prepared(source: Source, key: str, value: Any) -> Prepared:
    if key.startswith(CASE):
        known = source.case(value["case"])
        # The display shows what the rest says; its key changes with the name of the case.
        return Prepared(f"{CASE}{content_key(known, {**value, 'case': '', 'display': ''})}", key, "case")
    if key.startswith(FACT):
        first = {**value, "name": source.solver(half_of(value), value["name"]).name}
        return Prepared(f"{FACT}{value['address']}:{value['kind']}:{content_key(first)}", key, "facts")
    if key.startswith(PASS):
        _, name, machine = key.split(":")
        known_network = source.networks.get(name)
        return Prepared(f"{PASS}{known_network}:{machine}", key, "", (float(value["seconds"]), str(source.folder)))
    if key.startswith(CALIBRATIONS):
        value = [{**one, "reader": source.solver("reader", one["reader"]).name} for one in value]
    return Prepared(key, key, content_key(value))
