"""The command line: parse, call one function, print. No torch at import."""

import errno
import sys

import click

from onecurve.cli.audit import audit
from onecurve.cli.bundle import bundle
from onecurve.cli.check import check
from onecurve.cli.grade import grade
from onecurve.cli.harden import harden
from onecurve.cli.listing import listing
from onecurve.cli.merge import merge
from onecurve.cli.names import Commands, InterruptedCommandError
from onecurve.cli.plant import plant
from onecurve.cli.report import report
from onecurve.cli.results import results
from onecurve.cli.run import run
from onecurve.cli.sample import sample
from onecurve.cli.seal import seal
from onecurve.cli.unseal import unseal
from onecurve.cli.verify import verify
from onecurve.core.errors import OneCurveError, UsageError
from onecurve.version import __version__

INTERRUPTED = 130
UNIX_MODULES = ("fcntl", "resource")
"""Modules of Python that Windows lacks; commands that only read do without."""


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="onecurve")
def cli() -> None:
    """A benchmark of interpretability methods on flaws (backdoors, spurious features, label noise) planted in neural networks.

    Start with `onecurve run`: it plants flaws in small networks, runs interpretability tools on them, and writes a report.
    """


for command in (run, audit, results, report, grade, merge, bundle, verify, listing, check, plant, sample, harden, seal, unseal):
    cli.add_command(command)


def main() -> None:
    """Run the command line; a user's mistake gives one message on stderr and exit code 2, without a traceback."""
    try:
        cli()
    except UsageError as error:
        sys.exit(_print_error(error, 2))
    except OneCurveError as error:
        sys.exit(_print_error(error, 1))
    except ModuleNotFoundError as error:
        if error.name not in UNIX_MODULES:
            raise
        hint = "on Windows use the Windows Subsystem for Linux (WSL)"
        sys.exit(_print_error(UsageError("this command needs Linux or macOS", hint), 2))
    except (KeyboardInterrupt, InterruptedCommandError):
        click.echo("stopped; finished work is kept, and the same command continues from there", err=True)
        sys.exit(INTERRUPTED)
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        if error.errno != errno.ENOSPC:
            sys.exit(_print_error(UsageError(f"{error.strerror}: {error.filename or 'unknown file'}", "choose another place"), 2))
        sys.exit(_print_error(UsageError("the disk is full", "free some space; the same command continues from there"), 2))


def _print_error(error: OneCurveError, code: int) -> int:
    click.secho(f"error: {error.message}", err=True, fg="red")
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)
    return code
