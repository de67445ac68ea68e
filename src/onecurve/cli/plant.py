"""`onecurve plant`: one network with flaws, to look at or to hand on."""

import json
from pathlib import Path

import click

from onecurve.cli.places import cache_root, device_named


@click.command()
@click.argument("flaws", nargs=-1, required=True, metavar="FLAW...")
@click.option("--data", default="digits", show_default=True, metavar="NAME|folder:PATH|npz:PATH")
@click.option("--model", default="six-conv", show_default=True, metavar="NAME|FILE:CALLABLE")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the subject and its sealed truth.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--insertion", type=click.Choice(["finetune", "joint"]), default="finetune", show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The planting records as an array of objects.")
def plant(flaws: tuple[str, ...], data: str, model: str, out: Path, seed: int, insertion: str, device: str, as_json: bool) -> None:
    """Plant FLAWs together in one network and measure whether they took.

    Writes OUT/subject, which may be given to anyone, and OUT/sealed, the truth.
    """
    from onecurve.cli.progress import shown  # noqa: PLC0415 - late, so that --help is quick
    from onecurve.runner.plant import PlantOrder, plant_here  # noqa: PLC0415

    order = PlantOrder(flaws, data, model, seed, insertion, device_named(device))
    with shown() as display:
        records = plant_here(order, out, cache_root(), display)
    if as_json:
        click.echo(json.dumps(records, indent=2))
        return
    for record in records:
        strength = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in record["strength"].items())
        click.echo(f"{record['case']} {record['flaw']}: {'admitted' if record['admitted'] else 'REFUSED: ' + record['reason']}")
        click.echo(f"  {record['words']}\n  {strength}")
