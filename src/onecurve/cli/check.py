"""`onecurve check`: the contract checker for authors."""

import click


@click.command()
@click.argument("place", metavar="NAME|FILE:CLASS")
@click.option("--json", "as_json", is_flag=True, help="An array of objects: check, passed, detail.")
@click.pass_context
def check(context: click.Context, place: str, as_json: bool) -> None:
    """Check that a tool, reader or solver keeps its promises, on a toy network, in seconds."""
    import json  # noqa: PLC0415 - late, so that --help is quick
    from dataclasses import asdict  # noqa: PLC0415

    from onecurve.runner.commands.check import check_address  # noqa: PLC0415

    findings = check_address(place)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = click.style("ok  ", fg="green") if finding.passed else click.style("FAIL", fg="red")
            click.echo(f"{mark} {finding.check}" + (f": {finding.detail}" if finding.detail else ""))
    context.exit(0 if all(finding.passed for finding in findings) else 1)
