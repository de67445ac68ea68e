"""`onecurve report`: write the report again."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the pages [default: FOLDER itself].")
@click.option("--solver", default="", help="Open on this tool or pair and highlight it [default: the clearest result].")
@click.option("--reveal", is_flag=True, help="Show secret flaws, too.")
def report(folder: Path, out: Path | None, reveal: bool, solver: str) -> None:
    """Write the report of FOLDER again from its rows and evidence; nothing is run. A folder that cannot be written needs --out."""
    from onecurve.bench.running import Run  # noqa: PLC0415 - late, so that --help is quick

    click.echo(Run(folder).write_report(out, reveal=reveal, solver=solver))
