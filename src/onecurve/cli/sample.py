"""`onecurve sample`: show what a suite would plant, without planting it."""

import json
from pathlib import Path

import click


@click.command()
@click.argument("suite", default="standard")
@click.option("--count", type=click.IntRange(min=1, max=100_000), default=1000, show_default=True, help="Cases to sample.")
@click.option("--seed", type=int, help="Use this seed [default: the suite's; one is drawn where it has none].")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for a page of the distribution [default: onecurve-SUITE-sample].")
@click.option("--json", "as_json", is_flag=True, help="The cases as an array of objects; no page is written.")
def sample(suite: str, count: int, seed: int | None, out: Path | None, as_json: bool) -> None:
    """Sample cases of SUITE, a name or a YAML file, and show the distribution of kinds and factors. Nothing is trained."""
    from onecurve.report.pages.sampled import write_sampled  # noqa: PLC0415 - late, so that --help is quick
    from onecurve.runner.commands.sample import sampled_cases  # noqa: PLC0415
    from onecurve.runner.sealed import with_seed  # noqa: PLC0415
    from onecurve.runner.suite import load_suite  # noqa: PLC0415

    declared = with_seed(load_suite(suite).changed({"seed": seed}))
    cases = sampled_cases(declared, count)
    if as_json:
        click.echo(json.dumps(cases, indent=1))
        click.echo(f"sampled with seed {declared.seed}", err=True)
        return
    click.echo(write_sampled(cases, declared.name, declared.settled_seed, out or Path(f"onecurve-{declared.name}-sample")))
