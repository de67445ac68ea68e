"""`onecurve audit`: look for flaws in a person's own network."""

import math
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from onecurve.core.errors import OneCurveError, UsageError

if TYPE_CHECKING:
    from onecurve.auditing.outputs.outcome import Outcome

NOT_LOOKED: Final = 3
"""Exit code of an audit that could look at nothing or broke off; 1 is for findings alone."""
UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
COLOURS: Final = {"error": "red", "warning": "yellow", "note": "cyan"}


def seconds_of(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    """A time such as `90`, `90s`, `10m` or `1.5h` in seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", value.strip())
    if found is None or not 0 < float(found[1]) * UNITS[found[2]] < math.inf:
        raise click.BadParameter(f"{value!r} is no time above 0; write 90, 90s, 10m or 1h")
    return float(found[1]) * UNITS[found[2]]


@click.command()
@click.argument("network", metavar="FILE:CALLABLE|WEIGHTS")
@click.option("--data", required=True, metavar="DIR|NPZ", help="Images: a folder per class, folders of splits, one folder, or an npz file.")
@click.option("--model", default="", metavar="NAME|FILE:CALLABLE", help="The architecture that WEIGHTS belong to.")
@click.option("--labels", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Labels of images that lie in one folder.")
@click.option("--classes", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Which output of the network each class is.")
@click.option("--budget", callback=seconds_of, metavar="TIME", default="10m", show_default=True, help="Time for the looks: 90s, 10m or 1h.")
@click.option(
    "--power",
    type=click.Choice(["none", "quick", "standard", "full"]),
    default="none",
    show_default=True,
    help="Measure on 16, 40 or 114 copies of the network, with and without planted flaws, how much the audit would have found; they share "
    "the budget.",
)
@click.option("--repair", is_flag=True, help="Unlearn what was verified and write the repaired network.")
@click.option("--baseline", type=click.Path(path_type=Path), metavar="FILE", help="Accepted findings; they do not fail.")
@click.option("--write-baseline", type=click.Path(path_type=Path), metavar="FILE", help="Accept what was verified from the next audit on.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "note"]),
    default="warning",
    show_default=True,
    help="The lightest level of a verified finding that ends with exit code 1.",
)
@click.option("--out", type=click.Path(path_type=Path), default="onecurve-audit", show_default=True, help="Folder for what is written.")
@click.option("--format", "formats", default="html,json", show_default=True, help="Of html, json, sarif, junit, markdown; with commas.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option("--json", "as_object", is_flag=True, help="Print the audit as an object instead of words.")
@click.pass_context
def audit(  # noqa: PLR0913, PLR0917 - click hands over one argument per option
    context: click.Context,
    network: str,
    data: str,
    model: str,
    labels: Path | None,
    classes: Path | None,
    budget: float,
    power: str,
    repair: bool,
    baseline: Path | None,
    write_baseline: Path | None,
    fail_on: str,
    out: Path,
    formats: str,
    seed: int,
    device: str,
    as_object: bool,
) -> None:
    """Look for flaws in your own network, test each on fresh images, and write a report.

    Exit codes: 0 no new verified finding at --fail-on or above, 1 at least one, 2 a mistake in what was asked, 3 nothing could be looked
    at, or the audit broke off. The same command continues a stopped audit.
    """
    from onecurve.auditing.finding import Level  # noqa: PLC0415 - late, so that --help is quick
    from onecurve.auditing.outputs import baseline as baselines  # noqa: PLC0415
    from onecurve.auditing.outputs.as_json import as_json  # noqa: PLC0415
    from onecurve.auditing.outputs.outcome import Outcome  # noqa: PLC0415
    from onecurve.auditing.outputs.writing import check_formats, require_own, write_outputs  # noqa: PLC0415
    from onecurve.auditing.run import AuditOrder, AuditSettings, audit_network  # noqa: PLC0415
    from onecurve.bench.folders import device_named  # noqa: PLC0415
    from onecurve.cli.progress import progress_display  # noqa: PLC0415

    wanted = [name.strip() for name in formats.split(",") if name.strip()]
    check_formats(wanted)
    wanted += ["json"] if as_object else []
    require_own(out, wanted)
    accepted = baselines.read_baseline(baseline) if baseline else baselines.NO_BASELINE
    if write_baseline and not write_baseline.absolute().parent.is_dir():
        raise UsageError(f"no such folder for the baseline: {write_baseline.absolute().parent}", "make it first, or choose another place")
    if write_baseline and write_baseline.is_dir():
        raise UsageError(f"the place for the baseline is a folder: {write_baseline}", "name a file")
    order = AuditOrder(network, data, out, model, labels, classes, AuditSettings(budget, power, repair, seed, device_named(device)))
    with _breaking_off():
        # What the network prints goes where people read, so that --json is an object and nothing else.
        with progress_display() as display, redirect_stdout(sys.stderr):
            done = audit_network(order, display)
        outcome = Outcome(done, accepted, Level(fail_on))
        written = write_outputs(outcome, out, wanted)
        if write_baseline and outcome.exit_code != NOT_LOOKED:  # what was accepted stays where nothing was looked at
            baselines.write_baseline(accepted.renewed(done.verified), write_baseline)
        if as_object:
            click.echo(as_json(outcome), nl=False)
        else:
            _tell(outcome, written)
    context.exit(int(outcome.exit_code))


@contextmanager
def _breaking_off() -> Iterator[None]:
    """What breaks off ends with a code of its own, so that no pipeline takes it for a finding."""
    try:
        yield
    except (UsageError, OSError):
        raise
    except Exception as error:
        if isinstance(error, OneCurveError):
            click.secho(f"error: {error}", err=True, fg="red")
        else:
            click.echo(traceback.format_exc(), err=True)
        click.secho("the audit broke off; it says nothing about flaws", err=True, fg="red")
        raise SystemExit(NOT_LOOKED) from error


def _tell(outcome: "Outcome", written: dict[str, Path]) -> None:
    """The verdict, the verified findings and where the rest stands."""
    from onecurve.auditing.outputs import words  # noqa: PLC0415 - late, so that --help is quick

    audit = outcome.audit
    click.secho(words.verdict(outcome), bold=True)
    seen = f"{audit.looked.data}: {audit.looked.images} images, {words.accuracy_words(audit)}"
    click.echo("\n".join(filter(None, (words.coverage_words(audit), words.missed_words(audit), seen, words.power_words(audit)))))
    for one in audit.verified:
        accepted = outcome.baseline.of(one)
        mark = f" (accepted: {accepted.reason})" if accepted else ""
        level = click.style(f"{one.level:<7}", fg=COLOURS[one.level])
        click.echo(f"\n{level} {one.kind} {one.id}{mark}\n        {words.sentence(one.title)}\n        {words.effect_words(one)}")
    for told in filter(None, (words.standing_words(outcome), words.gone_words(outcome), words.repair_words(audit))):
        click.echo(f"\n{told}")
    click.echo("")
    for place in written.values():
        click.echo(place)
