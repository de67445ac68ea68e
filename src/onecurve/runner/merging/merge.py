"""Merge runs into one folder of results."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from onecurve.core.errors import UsageError
from onecurve.core.folders import require_empty
from onecurve.runner.merged import merged_of
from onecurve.runner.merging.conflicts import require_agreement, require_one_planting
from onecurve.runner.merging.gather import gather, named_elsewhere, networks_and_cases
from onecurve.runner.merging.names import Names
from onecurve.runner.merging.sources import Source, opened
from onecurve.runner.merging.write import STAGE, Plan, write
from onecurve.store.store import FILE, Store


@final
@dataclass(frozen=True)
class Merger:
    """What was merged."""

    folder: Path
    runs: int
    rows: int
    networks: int
    twice: int
    """Cells that several runs had with equal content; each counts once."""
    renamed: tuple[str, ...]
    """Networks and solvers that go by another name than in their own runs."""
    unfinished: tuple[str, ...]
    """Runs that had not ended."""

    def in_words(self) -> str:
        """What was merged, for a person."""
        return f"{self.runs} runs, {self.rows} rows ({self.twice} of them in several runs), {self.networks} networks"


def merge_runs(runs: Sequence[Path], out: Path) -> Merger:
    """Merge runs, and what ``out`` has from a merge before, into ``out``.

    Raises ``ConflictError`` where runs contradict each other, ``UsageError`` for ``out`` that holds anything but merged results,
    ``DataError`` for what is no run or is damaged; no row is written then.
    """
    if not runs:
        raise UsageError("no runs to merge", "name the folders that `onecurve run --out` wrote")
    _require_place(out)
    sources = _sources(runs, out)
    require_one_planting(sources)
    networks, cases = networks_and_cases(sources)
    gathered = gather(sources)
    require_agreement(sources, gathered)
    named = named_elsewhere(sources, networks)
    names = Names({network: one.name for network, one in named.items()}, cases, gathered.solvers)
    write(Plan(sources, gathered, names, networks, named), out)
    networks_renamed = [name for network, name in names.networks.items() if name != named[network].name]
    solvers_renamed = [name for solver, name in names.solvers.items() if name != solver.name]
    return Merger(
        folder=out,
        runs=len({run for source in sources for run in source.runs}),
        rows=gathered.count("cell"),
        networks=len(networks),
        twice=gathered.twice,
        renamed=tuple(sorted([*networks_renamed, *solvers_renamed])),
        unfinished=tuple(str(source.folder) for source in sources if not source.finished),
    )


def _require_place(out: Path) -> None:
    """Raise ``UsageError`` for a folder that holds anything but merged results, whole or begun."""
    if not (out / FILE).is_file():
        if not (out / STAGE).is_dir():
            require_empty(out, "choose another folder with --out")
        return
    with Store.read(out) as store:
        if merged_of(store) is None:
            raise UsageError(f"not merged results but a run: {out}", "choose another folder with --out")


def _sources(runs: Sequence[Path], out: Path) -> list[Source]:
    """Each folder once, in an order that does not follow from how they were named."""
    distinct = {folder.resolve(): folder for folder in runs}
    if (out / FILE).is_file():
        distinct.setdefault(out.resolve(), out)
        if log_of(out).exists():
            Store.create(out).close()  # what grades them again was killed; its rows go from the log into the file
    found = [opened(folder) for folder in distinct.values()]
    return sorted(found, key=lambda source: (not source.merged, sorted(source.runs), str(source.folder)))


def log_of(out: Path) -> Path:
    """The log of the database, which has rows that are not in its file yet."""
    return out / f"{FILE}-wal"
