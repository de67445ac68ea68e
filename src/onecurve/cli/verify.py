"""`onecurve verify`: check that a run is as it was written."""

import json
from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="An object: sound, faults, unchecked and the counts.")
@click.pass_context
def verify(context: click.Context, folder: Path, as_json: bool) -> None:
    """Check that the run in FOLDER is as it was written; nothing is run or changed.

    Compares every row, blob and network with its digest. Each fault is a line, and the exit code is then 1.
    """
    from dataclasses import asdict  # noqa: PLC0415 - late, so that --help is quick

    from onecurve.bench.verifying import verify as verified  # noqa: PLC0415

    found = verified(folder)
    if as_json:
        click.echo(json.dumps({"sound": found.sound, **asdict(found), "folder": str(folder)}, indent=2))
    else:
        for fault in found.faults:
            click.echo(fault)
        click.echo(f"checked: {found.in_words()}", err=True)
        for words in found.unchecked:
            click.echo(f"not checked, because an earlier version wrote them without digests: {words}", err=True)
        click.echo(f"{len(found.faults)} faults" if found.faults else "everything is as it was written", err=True)
    context.exit(0 if found.sound else 1)
