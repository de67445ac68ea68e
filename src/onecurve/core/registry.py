"""One small lazy registry for every kind of thing: names to `module:Class`, imported when asked for."""

import ast
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, final

from onecurve.core.errors import SpecError, UnknownNameError, UsageError
from onecurve.core.own_files import load_from_file

T = TypeVar("T")
ENTRY_POINTS = "onecurve"
"""The entry-point group for third parties; an entry is named `kind.name`, for instance `tool.my-tool`."""


@final
@dataclass(frozen=True)
class Registry(Generic[T]):
    """The entries of one kind. Listing names imports nothing."""

    kind: str
    """What the entries are, in the singular: `tool`, `flaw`, …"""
    entries: Mapping[str, str]
    """Name to `module:Class`."""

    def names(self) -> tuple[str, ...]:
        """All names, third parties' included, sorted."""
        return tuple(sorted({*self.entries, *self._foreign()}))

    def names_in_order(self) -> tuple[str, ...]:
        """Our own names in the order of the catalog, then third parties' names, sorted."""
        return (*self.entries, *sorted(set(self._foreign()) - set(self.entries)))

    def load(self, name: str) -> type[T]:
        """The class of that name, or of `path.py:Class`.

        Raises ``UnknownNameError`` with the nearest name, ``UsageError`` for a file that does not load.
        """
        if ".py:" in name:
            return load_from_file(name)  # type: ignore[no-any-return]
        place = self.entries.get(name) or self._foreign().get(name)
        if place is None and name.endswith(".py"):
            raise UsageError(f"a file needs the name of a class: {name}", f"write {name}:Name")
        if place is None:
            raise UnknownNameError.among(self.kind, name, self.names())
        module, _, attribute = place.partition(":")
        return getattr(importlib.import_module(module), attribute)  # type: ignore[no-any-return]

    def make(self, address: str) -> T:
        """Build from `name` or `name[parameter=value,…]`, values as Python literals or bare words.

        Raises ``SpecError`` for a parameter that does not exist or does not fit.
        """
        name, parameters = parse_address(address)
        kind = self.load(name)
        known = {field.name for field in fields(kind)} if hasattr(kind, "__dataclass_fields__") else set()  # type: ignore[arg-type]
        for parameter in parameters:
            if parameter not in known:
                raise SpecError(f"`{name}` has no parameter: {parameter}", f"it has: {', '.join(sorted(known)) or 'none'}")
        try:
            return kind(**parameters)
        except (TypeError, ValueError) as error:
            raise SpecError(f"cannot build `{address}`: {error}") from error

    def _foreign(self) -> dict[str, str]:
        prefix = f"{self.kind}."
        return {name.removeprefix(prefix): value for name, value in _foreign_entries() if name.startswith(prefix)}


@cache
def _foreign_entries() -> tuple[tuple[str, str], ...]:
    # Looking through all installed packages takes some milliseconds.
    return tuple((entry.name, entry.value) for entry in entry_points(group=ENTRY_POINTS))


def parse_address(address: str) -> tuple[str, dict[str, Any]]:
    """Split `name[a=1,b=two]` into the name and its parameters.

    >>> parse_address("patch[sources=2,look=photo]")
    ('patch', {'sources': 2, 'look': 'photo'})
    """
    name, bracket, inside = address.partition("[")
    if not bracket:
        return address, {}
    if not inside.endswith("]"):
        raise SpecError(f"the bracket is not closed in: {address}", "write name[parameter=value,…]")
    parameters = {}
    for pair in filter(None, inside[:-1].split(",")):
        key, equals, value = pair.partition("=")
        if not equals:
            raise SpecError(f"not a parameter=value pair in `{address}`: {pair}", "write name[parameter=value,…]")
        parameters[key.strip()] = _literal(value.strip())
    return name, parameters


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
