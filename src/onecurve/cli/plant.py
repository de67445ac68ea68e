"""`onecurve plant`: plant flaws in one network, or every kind of flaw in a network of its own."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from onecurve.bench.folders import cache_root, command_line, device_named, slots
from onecurve.cli.names import one_of
from onecurve.core.errors import UsageError

INSERTIONS = ("finetune", "joint")
CASINGS = ("gauged", "signed")
COLUMNS = {
    "clean_accuracy": "clean",
    "twin_accuracy": "twin",
    "success": "ASR",
    "twin_success": "twin ASR",
    "false_firing": "false trigger",
    "near_miss": "near miss",
    "half": "half",
    "other_colour": "colour",
    "other_place": "place",
}
"""Figures of a plant and their column headings; ASR is the attack success rate."""


@click.command()
@click.argument("flaws", nargs=-1, metavar="[FLAW...]")
@click.option("--all", "every", is_flag=True, help="Plant and verify every kind, each in a network of its own.")
@click.option("--zoo", metavar="NAME", help="Plant the networks of a zoo again and compare them with those that come with OneCurve.")
@click.option("--data", default="digits", show_default=True, metavar="NAME|folder:PATH|npz:PATH")
@click.option("--model", default="six-conv", show_default=True, metavar="NAME|FILE:CALLABLE")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the subject and its sealed ground truth.")
@click.option("--seed", type=int, help="Plant by this seed, known beforehand [default: one is drawn and kept in OUT/sealed].")
@click.option("--repeats", type=click.IntRange(min=1), default=1, show_default=True, help="With --all: networks per kind.")
@click.option(
    "--insertion",
    callback=one_of("way of insertion", INSERTIONS),
    metavar="[" + "|".join(INSERTIONS) + "]",
    default="joint",
    show_default=True,
)
@click.option(
    "--casing",
    "casings",
    multiple=True,
    metavar="[" + "|".join(CASINGS) + "]",
    help="Wrap the network as a control is; give it for all that are published together if one is `fooled-visualisation` (gauged) or "
    "`undetectable` (signed).",
)
@click.option("--recipe", "recipe", default="", metavar="YAML", help="Further fields of the recipe: '{training: {epochs: 1}}'.")
@click.option("--jobs", type=click.IntRange(min=1), help="With --all: jobs at a time [default: one per core].")
@click.option("--device", default="cpu", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The planting records as an array of objects.")
def plant(  # noqa: PLR0913, PLR0917 - click hands over one argument per option
    flaws: tuple[str, ...],
    every: bool,
    zoo: str | None,
    data: str,
    model: str,
    out: Path,
    seed: int | None,
    repeats: int,
    insertion: str,
    casings: tuple[str, ...],
    recipe: str,
    jobs: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Plant FLAWs together in one network and measure their attack success rate (ASR).

    Writes OUT/subject, which can be published, and OUT/sealed, the ground truth. With --all, every kind of flaw is planted
    in a network of its own. The table gives the reason for each flaw that cannot be planted. With --zoo, OUT/zoo holds the
    zoo as it was made here. A stopped run continues.
    """
    from onecurve.bench.planting import Setting, plant_together  # noqa: PLC0415 - late, so that --help is quick
    from onecurve.cli.progress import progress_display, whole  # noqa: PLC0415
    from onecurve.runner.commands.plant import CatalogueOrder, plant_catalogue  # noqa: PLC0415
    from onecurve.runner.run import Place  # noqa: PLC0415

    if (every or zoo) and (recipe or casings):
        raise UsageError("--recipe and --casing go with named flaws, not with --all or --zoo")
    if sum((every, bool(zoo), bool(flaws))) != 1:
        raise UsageError("name the flaws to plant, or --all, or --zoo NAME", "`onecurve list flaws` shows what there is")
    if zoo:
        if _given("data", "model", "seed", "repeats", "insertion", "device"):
            raise UsageError("a zoo says itself what is planted, so --zoo goes with --out, --jobs and --json alone")
        _make_zoo(zoo, out, slots(jobs), as_json)
        return
    with progress_display() as display:
        if every:
            place = Place(out, cache_root(), slots(jobs), device_named(device), command_line())
            records = plant_catalogue(CatalogueOrder(data, model, seed, repeats, insertion), place, display)
        else:
            setting = Setting(data, model, seed, insertion, device_named(device), _fields(recipe), casings)
            planted = plant_together(flaws, setting, out=out, progress=whole(display, "planting, in per cent"))
            records = [record.plain() for record in planted.records]
    if as_json:
        click.echo(json.dumps(records, indent=2))
    else:
        _print_table(records)
    if seed is not None:
        click.echo(f"seed {seed} was given: whoever tries it finds the truth; leave --seed out for a case that is to be sealed", err=True)


def _given(*names: str) -> bool:
    """Whether the person gave any of these parameters."""
    context = click.get_current_context()
    return any(context.get_parameter_source(name) is not ParameterSource.DEFAULT for name in names)


def _make_zoo(zoo: str, out: Path, jobs: int, as_json: bool) -> None:
    from onecurve.cli.progress import progress_display  # noqa: PLC0415 - late, so that --help is quick
    from onecurve.core.row import joined_kinds  # noqa: PLC0415
    from onecurve.runner.commands.zoo import make_zoo  # noqa: PLC0415
    from onecurve.runner.run import Place  # noqa: PLC0415

    with progress_display() as display:
        compared = make_zoo(zoo, Place(out, cache_root(), jobs, "cpu", command_line()), display)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in compared], indent=2))
        return
    for one in compared:
        if one.agreement is None:
            verdict = "is not in the zoo that comes with OneCurve"
        elif one.same_bits:
            verdict = "equals the shipped one, bit for bit"
        else:
            verdict = f"differs; it agrees with the shipped one on {one.agreement:.1%} of held-out images"
        click.echo(f"{joined_kinds(one.flaws):18} seed {one.seed:<20} {verdict}")
    click.echo(f"written to {out / 'zoo'}")


def _fields(recipe: str) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - late, so that --help is quick

    try:
        fields = yaml.safe_load(recipe) if recipe else {}
    except yaml.YAMLError as error:
        raise UsageError(f"--recipe is not YAML: {recipe}") from error
    if not isinstance(fields, dict):
        raise UsageError(f"--recipe must be a mapping of fields: {recipe}", "write --recipe '{training: {epochs: 1}}'")
    return fields


def _print_table(records: list[dict[str, Any]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - late, so that --help is quick
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    table.add_column("flaw", no_wrap=True)
    for heading in COLUMNS.values():
        table.add_column(heading, justify="right")
    table.add_column("s", justify="right")
    table.add_column("admitted, or why not", overflow="fold")
    for record in records:
        figures = [f"{record['strength'][name]:.3f}" if name in record["strength"] else "" for name in COLUMNS]
        verdict = record["words"] if record["admitted"] else f"REFUSED: {record['reason']}"
        table.add_row(record["flaw"], *figures, f"{record['seconds']:.0f}", verdict)
    Console(width=None if Console().is_terminal else 240).print(table)
