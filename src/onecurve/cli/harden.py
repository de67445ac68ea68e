"""`onecurve harden`: a suite of the networks that the solvers of a run missed."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--count", type=click.IntRange(min=2), default=12, show_default=True, help="Networks to keep.")
@click.option("--seed", type=int, help="The seed of the new suite [default: one is drawn for each run of it].")
@click.option("--out", type=click.Path(path_type=Path), help="The suite's file [default: SUITE-hard.yaml].")
def harden(folder: Path, count: int, seed: int | None, out: Path | None) -> None:
    """Write a suite of the networks of the run in FOLDER that its leading solvers did worst on.

    A third of them are controls: those that raised most alarms. The networks stay as they are. The solvers get another seed,
    so that networks chosen for a chance result do not bias the new scores.
    """
    import yaml  # noqa: PLC0415 - late, so that --help is quick

    from onecurve.core.errors import UsageError  # noqa: PLC0415
    from onecurve.runner.commands.harden import hardened  # noqa: PLC0415

    made = hardened(folder, count, seed)
    place = out or Path(f"{made.suite.name}.yaml")
    if place.exists():
        raise UsageError(f"there is a file already: {place}", "choose another place with --out")
    place.write_text(yaml.safe_dump(made.suite.model_dump(mode="json", exclude_defaults=True), sort_keys=False), encoding="utf-8")
    for each in made.chosen:
        click.echo(f"{each.best:6.2f}  {each.network}  {each.flaws}", err=True)
    click.echo(place)
