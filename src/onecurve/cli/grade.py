"""`onecurve grade`: grade the stored answers again."""

from pathlib import Path

import click

from onecurve.bench.folders import cache_root, command_line, device_named, slots


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--jobs", type=click.IntRange(min=1), help="Jobs at a time [default: one per core].")
@click.option("--device", default="cpu", show_default=True)
def grade(folder: Path, jobs: int | None, device: str) -> None:
    """Grade every stored answer of FOLDER again; no tool is run."""
    from onecurve.cli.progress import progress_display  # noqa: PLC0415 - late, so that --help is quick
    from onecurve.runner.run import Place, regrade  # noqa: PLC0415

    place = Place(folder, cache_root(), slots(jobs), device_named(device), command_line())
    with progress_display() as display:
        ending = regrade(place, display)
    click.echo(f"{ending.rows} rows, {ending.failed} failed, {ending.seconds:.0f} s", err=True)
