"""Run a suite, and open the folder of a run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

from onecurve.bench.folders import cache_root, device_named, slots
from onecurve.core import html
from onecurve.core.errors import UsageError
from onecurve.core.grade import Status
from onecurve.core.row import Row
from onecurve.report.large.aggregates import aggregated
from onecurve.report.large.run import LARGE, is_large, large_run
from onecurve.report.large.scores import SCORES
from onecurve.report.large.write import write_large_report
from onecurve.report.pages.write import Asked, write_report
from onecurve.report.rows.loading import calibrations_of, load_results
from onecurve.report.rows.secrecy import Redacted, secret_cases
from onecurve.runner.merged import require_one_run
from onecurve.runner.sealed import given_seed, seed_of_run
from onecurve.runner.suite import Suite, load_suite
from onecurve.statistics.cases import ATTEMPTED
from onecurve.statistics.failures import FailedSolver, failed_everywhere
from onecurve.store.columns import place_of, require_extra, snapshot
from onecurve.store.databases.address import without_password
from onecurve.store.published import PublishedRun, publish
from onecurve.store.querying import Found, rows_database
from onecurve.store.store import UNIX_ONLY, Store

PUBLISHED_FACTS = ("started", "finished", "command", "versions", "machine", "isolation")
"""What is published of a run besides rows, suite and seed, by the names under which the store has it."""

if TYPE_CHECKING:
    from onecurve.runner.engine.choosing import EngineChoice
    from onecurve.runner.session import Display


@final
@dataclass(frozen=True)
class Run:
    """A run on disk."""

    folder: Path
    """A string is taken as a path."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))

    @property
    def page(self) -> Path:
        """The first page of the report."""
        return self.folder / "index.html"

    def rows(self, *, reveal: bool = False) -> tuple[Row, ...]:
        """One row per cell, secret flaws only with ``reveal``; raises ``DataError`` where nothing was run."""
        with self.streaming(reveal=reveal) as rows:
            return tuple(rows)

    def counts(self) -> dict[str, int]:
        """How many rows there are of each status, every status named; no row is read for it."""
        with Store.read(self.folder) as store:
            found = store.counts()
        return {str(status): found[status] for status in Status}

    @contextmanager
    def streaming(self, *, reveal: bool = False) -> Iterator[Iterable[Row]]:
        """The same rows one after another, as often as they are gone through, without holding them: a million take no memory.

        >>> with Run(folder).streaming() as rows:  # doctest: +SKIP
        ...     print(max(row.seconds for row in rows))
        """
        with Store.read(self.folder) as store:
            yield Redacted(store, secret_cases(store, reveal=reveal))

    def snapshot(self, *, reveal: bool = False) -> Path:
        """A Parquet file of all rows, `columns/rows.parquet`, made anew if they have changed; with ``reveal`` one in the sealed part.

        Raises ``MissingExtraError`` without the extra `large`.
        """
        with Store.read(self.folder) as store:
            secret = secret_cases(store, reveal=reveal)
            place = place_of(self.folder, reveal=reveal and bool(secret_cases(store, reveal=False)))
            return snapshot(store, Redacted(store, secret), secret, place)

    def aggregates(self, *by: str, reveal: bool = False) -> tuple[dict[str, Any], ...]:
        """One line per task, version of it and whatever ``by`` names: cells by status, mean skill with its interval, costs.

        A mean is one over networks of the means of each, a failed cell at the floor. ``by`` are columns of a row, or `kind`. Without a
        budget each solver counts at its largest, without a solver methods and baselines alone, without a version the newest of each task.
        Raises ``UnknownNameError`` for another name, ``MissingExtraError`` without the extra `large`.
        """
        require_extra("grouping rows")
        with rows_database(self.snapshot(reveal=reveal)) as database:
            database.look("scores", SCORES)
            return tuple(group.record() for group in aggregated(database, by))

    @contextmanager
    def asking(self, query: str, *, reveal: bool = False) -> Iterator[Found]:
        """The answer to one SELECT over the view ``rows``, in DuckDB's SQL: names of columns, and lines that are fetched as they are read.

        Its columns are those of `results --parquet`, and `equivalents`. Nothing else can be read and nothing written. Raises
        ``UsageError`` for a query that fails or is no SELECT, ``MissingExtraError`` without the extra `large`.
        """
        require_extra("asking rows in SQL")
        with rows_database(self.snapshot(reveal=reveal)) as database:
            yield database.ask(query)

    @property
    def seed(self) -> int | None:
        """The seed that the networks were planted by; it and the suite give every truth. None where nothing was planted."""
        with Store.read(self.folder) as store:
            return seed_of_run(store)

    def seed_in_words(self) -> str:
        """With which seed the networks were planted, and how to plant them again."""
        with Store.read(self.folder) as store:
            given, seed = given_seed(store), seed_of_run(store)
        drawn = "" if given is not None else ", drawn for this run"
        return f"planted with seed {seed}{drawn}; `--seed {seed}` plants the same networks again"

    def failed_everywhere(self, solvers: Sequence[str]) -> dict[str, FailedSolver]:
        """Those of the solvers, named as for a run, that failed in every cell that they attempted, with the first of their failures."""
        with Store.read(self.folder) as store:
            described = store.prepared()
        halves = {address: tuple(_name_of(half, described) for half in address.partition("@")[::2]) for address in solvers}
        with self.streaming() as every:
            rows = [row for row in every if any(row.tool == tool for tool, _ in halves.values())]
        found = {}
        for address, (tool, reader) in halves.items():
            own = [row for row in rows if row.tool == tool and reader in {"", row.reader}]
            failed = failed_everywhere(own)
            if failed and len(failed) == len({row.solver for row in own if row.status in ATTEMPTED}):
                found[address] = failed[0]
        return found

    def publish(self, out: Path | str) -> Path:
        """Write rows, suite, seed, plants, calibrations, versions and their digests into ``out``, for others to cite and check.

        It reveals every ground truth. Raises ``UsageError`` for a folder that is not empty or a run that planted nothing,
        ``MissingExtraError`` without the extra `export`.
        """
        with Store.read(self.folder) as store:
            require_one_run(store, "publish the runs that they come from, or `onecurve bundle` them")
            seed = seed_of_run(store)
            suite = store.noted("suite")
            if seed is None or suite is None:
                raise UsageError(f"nothing was planted in: {self.folder}", "finish it with `onecurve run`")
            if store.noted("finished") is None:
                # Its seed is secret as long as solvers may look.
                raise UsageError(f"the run has not ended: {self.folder}", "finish it with `onecurve run`")
            facts = {name: store.noted(name) for name in PUBLISHED_FACTS}
            run = PublishedRun(store.rows(), store.plants(), calibrations_of(store, store.prepared()), suite, seed, facts)
        publish(run, Path(out))
        return Path(out)

    def write_report(
        self,
        out: Path | str | None = None,
        *,
        reveal: bool = False,
        solver: str = "",
        compare: tuple[str, str] | None = None,
        against: Path | str | None = None,
    ) -> Path:
        """Write the pages again from rows and evidence, here or in ``out``, and return the one asked for, or the first; nothing is run.

        The report opens on ``solver``, a tool or a pair, or else on the clearest result. ``compare`` are two of them to put side by side,
        ``against`` the folder of another run to put beside this one. Raises ``UsageError`` for a place that cannot be written and for a
        solver that no row is of, ``DataError`` where there is no run. A run of more than 20,000 rows has pages that are made from
        aggregates, which need the extra `large`, and none that compare.
        """
        place = self.folder if out is None else Path(out)
        beside = None if against is None else Path(against)
        large = [folder for folder in (self.folder, beside) if folder is not None and is_large(folder)]
        if large and (compare or beside):
            words = f"side by side stand runs of at most {LARGE:,} rows, case by case; {large[0]} has more"
            raise UsageError(words, "compare means with `onecurve results DIR --by solver,kind`, or ask --sql")
        try:
            if large:
                with large_run(self.folder, place, reveal=reveal) as run:
                    return write_large_report(run, place, solver)
            other = None if beside is None else load_results(beside, reveal=reveal)
            return write_report(load_results(self.folder, reveal=reveal), place, Asked(solver, compare, other))
        except OSError as error:
            raise UsageError(
                f"cannot write the report to {error.filename2 or error.filename or place}: {error.strerror}",
                "choose another folder with --out",
            ) from error

    def _repr_html_(self) -> str:
        counts = self.counts()
        told = {"rows": str(sum(counts.values())), "failed": str(counts["failed"])}
        return html.facts({"run": str(self.folder), **told, "report": str(self.page)})


def run(  # noqa: PLR0913 - each is a choice of its own
    suite: Suite | str = "quick",
    out: Path | str | None = None,
    *,
    solvers: Sequence[str] = (),
    only: bool = False,
    changes: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    engine: "EngineChoice | str" = "local",
    device: str = "cpu",
    display: "Display | None" = None,
    command: str = "",
    isolation: Literal["auto", "required", "off"] = "auto",
    readable: Sequence[Path | str] = (),
    store: str = "",
    blobs: str = "",
) -> Run:
    """Plant flaws, let every solver look, grade them, and write the report; started again it goes on where it was.

    ``suite`` is a name, a YAML file or a Suite; ``solvers`` are added to its own, or with ``only`` take their place; ``changes`` are
    fields of the suite that differ (`{"seed": 3}`). ``jobs`` run at a time, one per core by default, by the ``engine``: `local`,
    `ray` for a cluster on this machine, or an `EngineChoice`; ``command`` is printed in the report as what was typed.
    ``isolation`` keeps tools from the ground truth, the network and other processes: `auto` as far as the system can, `required` or
    no run, `off`; ``readable`` are places that isolated tools may read besides. ``store`` is the address of a database that keeps the
    rows, `postgresql://USER@HOST/DATABASE#SCHEMA` (extra: postgres); ``blobs`` the URL of a remote place that gets a copy of all blobs
    and networks, such as `s3://BUCKET/PREFIX` (extra: remote). The folder remembers both, but no password. Raises
    ``UsageError`` for what the person must mend; everything finished by then is kept.
    """
    try:
        from onecurve.runner.engine.choosing import LOCAL, EngineChoice  # noqa: PLC0415
        from onecurve.runner.isolation.walls import Wanted  # noqa: PLC0415
        from onecurve.runner.run import Place, run_suite  # noqa: PLC0415 - what it starts workers with is not on Windows
        from onecurve.runner.session import Silent  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in {"fcntl", "resource"}:
            raise
        raise UsageError(UNIX_ONLY, "on Windows use the Windows Subsystem for Linux (WSL)") from error
    declared = suite_with(suite, solvers, only=only, changes=changes or {})
    folder = Path(out) if out is not None else Path(f"onecurve-{declared.name}")
    shown = display or Silent()
    typed = without_password(store, command or f"onecurve.run({declared.name!r})")
    read = tuple(Path(place) for place in readable)
    chosen = EngineChoice(engine, jobs=jobs) if isinstance(engine, str) else engine
    # On a cluster the workers must have the device, and say so.
    there = device_named(device) if chosen.name == LOCAL else device
    place = Place(folder, cache_root(), slots(jobs), there, typed, Wanted(isolation), read, store, blobs, chosen)
    run_suite(declared, place, shown)
    shown.phase("write the report", 0)
    done = Run(folder)
    done.write_report()
    return done


def _name_of(address: str, described: Mapping[str, Any]) -> str:
    """The name under which the rows of a tool, reader or solver stand; a control goes by its address."""
    return next((facts["name"] for key, facts in described.items() if key.startswith(f"facts:{address}:")), address)


def suite_with(suite: Suite | str, solvers: Sequence[str] = (), *, only: bool = False, changes: Mapping[str, Any] | None = None) -> Suite:
    """The suite with further solvers, or with these alone, and with other fields; raises ``SpecError`` for what does not fit."""
    declared = load_suite(suite) if isinstance(suite, str) else suite
    chosen = {**(changes or {}), **({"solvers": tuple(solvers)} if only else {})}
    return declared.changed(chosen, () if only else tuple(solvers))
