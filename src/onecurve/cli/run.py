"""`onecurve run`: the main job."""

from pathlib import Path

import click

from onecurve.cli.places import cache_root, command_line, device_named, slots


@click.command()
@click.argument("suite", default="quick")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for rows, evidence and report [default: onecurve-SUITE].")
@click.option("--solver", "solvers", multiple=True, metavar="NAME|FILE:CLASS", help="Add a solver; may be given again.")
@click.option("--only", is_flag=True, help="Run the solvers given with --solver and no others.")
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
@click.option("--seed", type=int, help="Use this seed instead of the suite's.")
@click.option("--jobs", type=click.IntRange(min=1), help="Jobs at a time [default: one per core].")
@click.option("--device", default="cpu", show_default=True)
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
def run(  # noqa: PLR0913, PLR0917 - click hands over one argument per option
    suite: str,
    out: Path | None,
    solvers: tuple[str, ...],
    only: bool,
    budgets: tuple[float, ...],
    retrain_budgets: tuple[float, ...],
    data: str | None,
    model: str | None,
    seed: int | None,
    jobs: int | None,
    device: str,
    dry_run: bool,
) -> None:
    """Plant flaws, run every solver, grade the answers, and write the report.

    SUITE is a name (see `onecurve list suites`) or a YAML file. A stopped run continues where it stopped.
    """
    from onecurve.cli.progress import progress_display  # noqa: PLC0415 - late, so that --help is quick
    from onecurve.report.pages.write import write_report  # noqa: PLC0415
    from onecurve.report.rows.loading import load_results  # noqa: PLC0415
    from onecurve.runner.run import Place, run_suite  # noqa: PLC0415
    from onecurve.runner.suite import load_suite  # noqa: PLC0415

    changes = {
        "data": data,
        "model": model,
        "seed": seed,
        "solvers": solvers if only else None,
        "look_budgets": budgets or None,
        "retrain_budgets": retrain_budgets or None,
    }
    declared = load_suite(suite).changed(changes, () if only else solvers)
    if dry_run:
        click.echo(declared.plan_in_words())
        return
    folder = out or Path(f"onecurve-{declared.name}")
    place = Place(folder, cache_root(), slots(jobs), device_named(device), command_line())
    with progress_display() as display:
        ending = run_suite(declared, place, display)
        display.phase("write the report", 0)
        page = write_report(load_results(folder), folder)
    click.echo(f"{ending.rows} rows, {ending.failed} failed, {ending.seconds:.0f} s", err=True)
    click.echo(page)
