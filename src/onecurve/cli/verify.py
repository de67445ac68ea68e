"""`onecurve verify`: check that a run or a bundle is as it was written."""

import json
from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="FOLDER|BUNDLE")
@click.option("--grade", is_flag=True, help="Grade every answer of a bundle again and compare; no tool is run.")
@click.option("--jobs", type=click.IntRange(min=1), help="Jobs at a time with --grade [default: one per core].")
@click.option("--most-gb", type=click.FloatRange(min=0, min_open=True), default=64.0, show_default=True, help="What a zip may unpack to.")
@click.option("--json", "as_json", is_flag=True, help="An object: sound, faults, unchecked and the counts.")
@click.pass_context
def verify(context: click.Context, folder: Path, grade: bool, jobs: int | None, most_gb: float, as_json: bool) -> None:
    """Check that a run in FOLDER, or a BUNDLE (a folder or a zip), is as it was written; nothing is run or changed.

    Compares every row, blob and network with its digest. Each fault is a line, and the exit code is then 1. With --grade, rows whose
    numbers do not come out of the kept answers are faults too.
    """
    from dataclasses import asdict  # noqa: PLC0415 - late, so that --help is quick

    from onecurve.bench.verifying import verify as verified  # noqa: PLC0415
    from onecurve.cli.progress import progress_display  # noqa: PLC0415

    if grade:
        with progress_display() as display:
            found = verified(folder, grade=True, jobs=jobs, most_gb=most_gb, display=display)
    else:
        found = verified(folder, most_gb=most_gb)
    if as_json:
        click.echo(json.dumps({"sound": found.sound, **asdict(found), "folder": str(folder)}, indent=2))
    else:
        for fault in found.faults:
            click.echo(fault)
        click.echo(f"checked: {found.in_words()}", err=True)
        why = "" if found.bundle else ", because an earlier version wrote them without digests"
        for words in found.unchecked:
            click.echo(f"not checked{why}: {words}", err=True)
        click.echo(f"{len(found.faults)} faults" if found.faults else "everything is as it was written", err=True)
    context.exit(0 if found.sound else 1)
