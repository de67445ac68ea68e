"""`onecurve report`: write the report again."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the pages [default: FOLDER itself].")
@click.option("--solver", default="", help="Open on this tool or pair and highlight it [default: the clearest result].")
@click.option("--compare", nargs=2, default=None, metavar="A B", help="Put two tools or pairs side by side on a page of their own.")
@click.option("--against", type=click.Path(path_type=Path), metavar="DIR", help="Put this run beside another on a page of its own.")
@click.option("--reveal", is_flag=True, help="Show secret flaws, too.")
def report(folder: Path, out: Path | None, reveal: bool, solver: str, compare: tuple[str, str] | None, against: Path | None) -> None:
    """Write the report of FOLDER again from its rows and evidence; nothing is run. A folder that cannot be written needs --out."""
    from onecurve.bench.running import Run  # noqa: PLC0415 - late, so that --help is quick

    click.echo(Run(folder).write_report(out, reveal=reveal, solver=solver, compare=compare, against=against))
