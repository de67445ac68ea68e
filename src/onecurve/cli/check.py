"""`onecurve check`: the contract checker for authors."""

import click


@click.command()
@click.argument("place", metavar="NAME|FILE:CLASS")
@click.option("--task", "tasks", multiple=True, metavar="NAME|FILE:CLASS", help="A further task to try a tool, reader or solver on.")
@click.option("--json", "as_json", is_flag=True, help="An array of objects: check, passed, detail, traceback.")
@click.pass_context
def check(context: click.Context, place: str, tasks: tuple[str, ...], as_json: bool) -> None:
    """Check that a tool, reader, solver or task keeps its promises, on toy cases, in seconds."""
    import json  # noqa: PLC0415 - late, so that --help is quick
    from dataclasses import asdict  # noqa: PLC0415

    from onecurve.runner.commands.check import check_address  # noqa: PLC0415

    findings = check_address(place, tasks)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = click.style("ok  ", fg="green") if finding.passed else click.style("FAIL", fg="red")
            click.echo(f"{mark} {finding.check}" + (f": {finding.detail}" if finding.detail else ""))
        raised = next((finding.traceback for finding in findings if finding.traceback), "")
        if raised:
            click.echo(f"\nThe first of these errors in full:\n{raised}", err=True)
    context.exit(0 if all(finding.passed for finding in findings) else 1)
