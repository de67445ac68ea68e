"""`onecurve merge`: the rows of many runs in one folder."""

from pathlib import Path

import click


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN…")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder of merged results, new or merged before."
)
def merge(runs: tuple[Path, ...], out: Path) -> None:
    """Put the rows of every RUN into DIR by content; the runs are only read.

    A cell that several runs have with the same answer and grade counts once. A cell with different answers or grades is a conflict: all
    are told, nothing is written, and the exit code is 2. `results`, `report`, `grade` and `verify` read DIR; `run` does not go on there.
    """
    from onecurve.bench.merging import merge as merged  # noqa: PLC0415 - late, so that --help is quick

    found = merged(runs, out)
    for folder in found.unfinished:
        click.echo(f"{folder} has not ended; its rows so far are in", err=True)
    if found.renamed:
        words = "names stood for several contents and have digits of their content, or their version, behind them"
        click.echo(f"{len(found.renamed)} {words}", err=True)
    click.echo(found.in_words(), err=True)
    click.echo(found.folder)
