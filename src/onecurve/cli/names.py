"""Names on the command line: a name that does not exist is answered with the nearest one that does."""

from collections.abc import Callable, Sequence
from typing import Any, final

import click

from onecurve.core.errors import UnknownNameError

Check = Callable[[click.Context, click.Parameter, str], str]


def one_of(kind: str, names: Sequence[str]) -> Check:
    """A callback that refuses a value that is not among the ``names``; ``kind`` says what they are, in the singular."""

    def check(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
        if value not in names:
            raise UnknownNameError.among(kind, value, names)
        return value

    return check


class InterruptedCommandError(Exception):
    """Ctrl-C ended a command; click would turn a ``KeyboardInterrupt`` into a message and an exit code of its own."""


@final
class Commands(click.Group):
    """A group that names the nearest command for one that does not exist, and lets Ctrl-C through to whoever runs it."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise InterruptedCommandError from error

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise UnknownNameError.among("command", args[0], self.commands)
        return super().resolve_command(ctx, args)
