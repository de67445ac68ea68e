"""`onecurve results`: print the rows for other programs."""

import sys
from pathlib import Path

import click

from onecurve.core.errors import UsageError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "form", flag_value="json", help="An array of objects [default].")
@click.option("--csv", "form", flag_value="csv", help="One line per row; figures and facts as columns.")
@click.option("--parquet", "form", flag_value="parquet", help="Write FOLDER/results.parquet (extra: export).")
@click.option(
    "--publish", type=click.Path(path_type=Path), metavar="OUT", help="Write rows, suite, seed and digests into OUT (extra: export)."
)
@click.option("--reveal", is_flag=True, help="Include the columns that reveal secret flaws.")
def results(folder: Path, form: str | None, publish: Path | None, reveal: bool) -> None:
    """Print one row per cell of FOLDER.

    With --publish, OUT holds what others need to cite and check the results: rows as Parquet, the suite and its seed, what was
    planted, how the readers were calibrated, versions, and digests for `onecurve verify OUT`. It reveals every ground truth.
    """
    from onecurve.bench.running import Run  # noqa: PLC0415 - late, so that --help is quick
    from onecurve.store.export import Columns, as_csv, as_json, write_parquet  # noqa: PLC0415

    if publish is not None and form is not None:
        raise UsageError(f"--publish writes rows as Parquet of its own; --{form} goes without it", "leave one of them out")
    if publish is not None:
        click.echo(Run(folder).publish(publish))
        return
    with Run(folder).streaming(reveal=reveal) as rows:
        if form == "parquet":
            click.echo(write_parquet(Columns(rows), folder / "results.parquet"))
            return
        sys.stdout.writelines(as_csv(rows) if form == "csv" else as_json(rows))
