"""`onecurve list`: list what can be named."""

import json
from collections.abc import Mapping

import click

from onecurve.cli.names import one_of

KINDS = ("flaws", "tools", "solvers", "readers", "tasks", "suites", "zoos", "data", "models")
COLUMNS = ("name", "version", "tasks", "summary", "source")
OF_FLAWS = ("name", "version", "control", "alone", "dial", "gate", "summary", "source")


@click.command("list")
@click.argument("kind", callback=one_of("list", KINDS), metavar="{" + "|".join(KINDS) + "}")
@click.option("--json", "as_json", is_flag=True, help="An array of objects.")
def listing(kind: str, as_json: bool) -> None:
    """List flaws, tools, solvers, readers, tasks, suites, zoos, data or models, including those of third parties."""
    from onecurve.runner.commands.listing import entries  # noqa: PLC0415 - late, so that --help is quick

    found = entries(kind)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    columns = OF_FLAWS if kind == "flaws" else COLUMNS
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "name")
    for entry in found:
        table.add_row(*(_cell(entry[column]) for column in columns))
    Console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {_cell(values)}" for name, values in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
