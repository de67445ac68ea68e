"""`onecurve run`: the main job."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import click

from onecurve.bench.folders import command_line, device_named
from onecurve.core.errors import OneCurveError, UsageError
from onecurve.core.grade import Status
from onecurve.statistics.failures import FailedSolver, failed_everywhere, place_in


@click.command()
@click.argument("suite", required=False)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for rows, evidence and report [default: onecurve-SUITE].")
@click.option("--solver", "solvers", multiple=True, metavar="NAME|FILE:CLASS", help="Add a solver; may be given again.")
@click.option("--only", is_flag=True, help="Run the solvers given with --solver instead of the suite's; its controls stay.")
@click.option(
    "--budget",
    "budgets",
    type=click.FloatRange(min=0, min_open=True),
    multiple=True,
    help="Forward-equivalents for one look; may be given again.",
)
@click.option(
    "--retrain-budget",
    "retrain_budgets",
    type=click.FloatRange(min=0, min_open=True),
    multiple=True,
    help="The same for solvers that retrain.",
)
@click.option("--data", metavar="NAME|folder:PATH|npz:PATH", help="Use this data set instead of the suite's.")
@click.option("--model", metavar="NAME|FILE:CALLABLE", help="Use this architecture instead of the suite's.")
@click.option("--seed", type=int, help="Plant by this seed, known beforehand; makes a run again [default: the suite's, else one is drawn].")
@click.option("--jobs", type=click.IntRange(min=1), help="Jobs at a time [default: one per core].")
@click.option("--engine", type=click.Choice(["local", "ray", "slurm"]), default="local", show_default=True, help="What does the jobs.")
@click.option("--address", default="", help="Of a cluster that is up [default: one is started on this machine].")
@click.option(
    "--engine-option",
    "engine_options",
    multiple=True,
    metavar="NAME=VALUE",
    help="cpus, gpus, memory_mb per worker; of slurm also partition, minutes, account, qos, constraint, and cluster=local for a trial.",
)
@click.option("--device", default="cpu", show_default=True)
@click.option(
    "--isolation",
    type=click.Choice(["auto", "required", "off"]),
    default="auto",
    show_default=True,
    help="Keep tools from the ground truth, the network and other processes: as far as the system can, or not at all.",
)
@click.option(
    "--readable",
    multiple=True,
    metavar="PATH",
    type=click.Path(exists=True, path_type=Path),
    help="A place that isolated tools may read, such as weights of their own; may be given again.",
)
@click.option("--store", metavar="URL", help="Keep the rows in postgresql://USER@HOST/DATABASE#SCHEMA (extra: postgres).")
@click.option("--blobs", metavar="URL", help="Copy blobs and networks to s3://BUCKET/PREFIX, file:///DIR … (extra: remote).")
@click.option("--dry-run", is_flag=True, help="Open everything that is named, print the plan and stop.")
def run(  # noqa: PLR0913, PLR0917 - click hands over one argument per option
    suite: str | None,
    out: Path | None,
    solvers: tuple[str, ...],
    only: bool,
    budgets: tuple[float, ...],
    retrain_budgets: tuple[float, ...],
    data: str | None,
    model: str | None,
    seed: int | None,
    jobs: int | None,
    engine: str,
    address: str,
    engine_options: tuple[str, ...],
    device: str,
    isolation: Literal["auto", "required", "off"],
    readable: tuple[Path, ...],
    store: str | None,
    blobs: str | None,
    dry_run: bool,
) -> None:
    """Plant flaws, run every solver, grade the answers, and write the report.

    SUITE is a name (see `onecurve list suites`) or a YAML file. Without one, `quick` is run, or with --data or --model `first-look`,
    which plants everything on your images. A stopped run continues where it stopped.
    """
    from onecurve.bench import running  # noqa: PLC0415 - late, so that --help is quick
    from onecurve.cli.progress import progress_display  # noqa: PLC0415
    from onecurve.runner.engine.choosing import EngineChoice  # noqa: PLC0415

    changes = {
        "seed": seed,
        "look_budgets": budgets or None,
        "retrain_budgets": retrain_budgets or None,
    }
    named = suite or ("first-look" if data or model else "quick")
    declared = running.suite_with(named, solvers, only=only, changes=changes).on(data, model)
    chosen = EngineChoice(engine, address, _named(engine_options), jobs)
    _require_addresses({"--store": store, "--blobs": blobs})
    if dry_run:
        from onecurve.runner.commands.preview import preview  # noqa: PLC0415

        found = preview(declared, device_named(device))
        click.echo(f"{declared.plan_in_words()}\n{found.in_words()}")
        return
    started = time.monotonic()
    with progress_display() as display:
        done = running.run(
            declared,
            out,
            jobs=jobs,
            engine=chosen,
            device=device,
            display=display,
            command=command_line(),
            isolation=isolation,
            readable=readable,
            store=store or "",
            blobs=blobs or "",
        )
    counts = done.counts()
    told = f", {counts[Status.LOST]} lost (the same command does them again)" if counts[Status.LOST] else ""
    told += f", {counts[Status.WAITING]} waiting for a person's answer" if counts[Status.WAITING] else ""
    click.echo(f"{sum(counts.values())} rows, {counts[Status.FAILED]} failed{told}, {time.monotonic() - started:.0f} s", err=True)
    click.echo(done.seed_in_words(), err=True)
    click.echo(done.page)
    broken = done.failed_everywhere(solvers)
    told_of = {one.solver for one in broken.values()}
    with done.streaming() as rows:
        others = failed_everywhere(rows)
    for one in others:
        if one.solver not in told_of:
            click.secho(_failure(one.solver, one), err=True, fg="red")
    if broken:
        raise OneCurveError(
            "\n".join(_failure(address, one) for address, one in broken.items()),
            f"the tracebacks are in the report; `onecurve check {next(iter(broken))}` tests it alone",
        )


def _require_addresses(given: Mapping[str, str | None]) -> None:
    for option, address in given.items():
        if address is not None and not address.strip():
            raise UsageError(f"{option} is empty", "give an address, or leave the option out")


def _named(options: tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE as a mapping; raises ``UsageError`` for anything else."""
    pairs = [option.partition("=") for option in options]
    for (name, sign, _), option in zip(pairs, options, strict=True):
        if not name or not sign:
            raise UsageError(f"not an engine option: {option}", "write --engine-option NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _failure(address: str, failed: FailedSolver) -> str:
    """Which solver failed everywhere, why, and where in its author's file."""
    file = address.partition("@")[0].rpartition(":")[0]
    place = place_in(failed.traceback, Path(file).name) if file else ""
    cells = f"{failed.cells} cell{'' if failed.cells == 1 else 's'}"
    others = f" (other reasons: {failed.reasons - 1})" if failed.reasons > 1 else ""
    at = f"\n  at {place}" if place else ""
    return f"`{address}` failed in the {cells} that it attempted: {failed.reason}{others}{at}"
