"""`onecurve bundle`: a result that somebody else can check."""

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE.zip|DIR", help="A new zip, or a new or empty folder.")
@click.option("--without-networks", is_flag=True, help="Leave the networks out; answers cannot be graded again then.")
def bundle(run: Path, out: Path, without_networks: bool) -> None:
    """Write RUN, finished or merged, with all that is needed to check it without running a tool: `onecurve verify OUT --grade`.

    It holds rows, questions, evidence, answers, the planted networks, suite, seed and versions. It reveals every ground truth.
    """
    from onecurve.bench.bundling import bundle as bundled  # noqa: PLC0415 - late, so that --help is quick

    click.echo(bundled(run, out, networks=not without_networks))
    click.echo("it reveals every ground truth of the run", err=True)
