"""`onecurve list`: what there is."""

import json

import click

KINDS = ("flaws", "tools", "solvers", "readers", "tasks", "suites", "data", "models")


@click.command("list")
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--json", "as_json", is_flag=True, help="An array of objects.")
def listing(kind: str, as_json: bool) -> None:
    """List flaws, tools, solvers, readers, tasks, suites, data or models, third parties' included."""
    from onecurve.runner.entries import entries  # noqa: PLC0415 - late, so that --help is quick

    found = entries(kind)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    for column in ("name", "version", "tasks", "summary", "source"):
        table.add_column(column, overflow="fold", no_wrap=column == "name")
    for entry in found:
        table.add_row(entry["name"], str(entry["version"]), " ".join(entry["tasks"]), entry["summary"], entry["source"])
    Console().print(table)
