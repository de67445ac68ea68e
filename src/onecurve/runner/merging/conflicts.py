"""What keeps runs from being merged, in words: nothing is written where anything of this is found."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from onecurve.core.errors import UsageError
from onecurve.core.row import Row
from onecurve.runner.merging.gather import Clash, Gathered, differing
from onecurve.runner.merging.names import NetworkId, same_name
from onecurve.runner.merging.sources import Source
from onecurve.store.store import Store

SHOWN = 10
"""Conflicts that are told at most."""
HINT = "find out which run is right, or leave one of them out; `onecurve verify` says whether each is as it was written"


class ConflictError(UsageError):
    """The same thing stands in two runs with different contents."""


def require_one_planting(sources: Sequence[Source]) -> None:
    """Raise ``UsageError`` where the runs planted in different ways: flaws of one name are then not the same flaws."""
    found = {source.planting: source.folder for source in sources}
    if len(found) > 1:
        told = ", ".join(f"{folder} as version {version} does" for version, folder in sorted(found.items()))
        raise UsageError(f"the runs planted in different ways: {told}", "merge runs of one version of planting")


def require_agreement(sources: Sequence[Source], gathered: Gathered) -> None:
    """Raise ``ConflictError`` with what contradicts, if anything does."""
    found = [*_of_networks(sources), *_of_solvers(sources, gathered), *_of_contents(sources, gathered.clashes)]
    if found:
        more = [f"… and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        listed = "\n  ".join([*found[:SHOWN], *more])
        raise ConflictError(f"the runs contradict each other in {len(found)} places, and nothing was written:\n  {listed}", HINT)


def _of_networks(sources: Sequence[Source]) -> Iterator[str]:
    """Networks that were planted by one recipe and seed, under one key, and are not the same."""
    found: dict[str, tuple[NetworkId, Source]] = {}
    for source in sources:
        for network, named in source.named.items():
            for key in named.keys:
                first, other = found.setdefault(key, (network, source))
                if first != network:
                    places = f"{other.folder} and {source.folder}"
                    yield f"{named.name} was planted by one recipe and seed in {places}, and its weights or images differ"


def _of_solvers(sources: Sequence[Source], gathered: Gathered) -> Iterator[str]:
    for one, other in same_name(gathered.solvers):
        folders = [str(sources[min(_having(sources, each))].folder) for each in (one, other)]
        yield f"two different solvers are called {one.name} in {folders[0]} and {folders[1]}: other parameters, or another file"


def _having(sources: Sequence[Source], solver: object) -> list[int]:
    return [number for number, source in enumerate(sources) if solver in source.solvers.values()] or [0]


def _of_contents(sources: Sequence[Source], clashes: Sequence[Clash]) -> list[str]:
    known = _rows(sources, clashes[:SHOWN])
    told = [_in_words(sources, clash, known) for clash in clashes[:SHOWN]]
    return [*told, *("" for _ in clashes[SHOWN:])]


def _in_words(sources: Sequence[Source], clash: Clash, known: Mapping[tuple[int, str], Row]) -> str:
    folders = [sources[number].folder for number in clash.sources]
    if clash.kind != "cell":
        return f"{clash.kind} {clash.key} differs in {folders[0]} and {folders[1]}"
    one, other = (known[number, clash.key] for number in clash.sources)
    fields = "; ".join(
        f"{name} {_short(values[0], folders[0])}, {_short(values[1], folders[1])}" for name, *values in differing(one, other)
    )
    budget = one.retrain_budget or one.budget
    return f"{one.solver} on {one.task} of {one.case} at budget {budget:g} (cell {clash.key}): {fields}"


def _short(value: object, folder: Path) -> str:
    return f"{str(value)[:60]} in {folder}"


def _rows(sources: Sequence[Source], clashes: Sequence[Clash]) -> Mapping[tuple[int, str], Row]:
    """The rows of clashes by source and key."""
    wanted = {(number, clash.key) for clash in clashes for number in clash.sources if clash.kind == "cell"}
    found: dict[tuple[int, str], Row] = {}
    for number in sorted({number for number, _ in wanted}):
        with Store.read(sources[number].folder) as store:
            found |= {(number, row.key): row for row in store.stream() if (number, row.key) in wanted}
    return found
