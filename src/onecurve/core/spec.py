"""Specs: name, version and parameters of anything that runs, and content keys made of them."""

import hashlib
import inspect
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, final

from onecurve.core.errors import SpecError

Parameter = str | int | float | bool | None | tuple[Any, ...]


@final
@dataclass(frozen=True)
class Spec:
    """Enough to build the thing again; its hash goes into every key."""

    name: str
    version: int
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    code: str = ""
    """Digest of the source file, for things that come from a person's file; empty for our own."""

    def __str__(self) -> str:
        inside = ",".join(f"{key}={value}" for key, value in self.parameters.items())
        return f"{self.name}[{inside}]" if inside else self.name

    @property
    def key(self) -> str:
        """32 hexadecimal digits that change whenever anything in the spec does."""
        return content_key(self)


def spec_of(thing: object) -> Spec:
    """The spec of a frozen dataclass with ``name`` and ``version`` at class level.

    Raises ``SpecError`` where the thing is not one.
    """
    kind = type(thing)
    if not is_dataclass(thing) or not isinstance(getattr(kind, "name", None), str) or not isinstance(getattr(kind, "version", None), int):
        raise SpecError(
            f"`{kind.__name__}` is not a frozen dataclass with class-level `name` and `version`",
            "see `onecurve check` and the README's example of a tool",
        )
    parameters = {item.name: getattr(thing, item.name) for item in fields(thing)}
    return Spec(kind.name, kind.version, parameters, _foreign_code(kind))  # type: ignore[attr-defined]


def content_key(*parts: object) -> str:
    """32 hexadecimal digits of the canonical form of the parts: dataclasses, mappings, sequences and plain values."""
    text = json.dumps([_plain(part) for part in parts], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {"": type(value).__name__, **{f.name: _plain(getattr(value, f.name)) for f in fields(value)}}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise SpecError(f"a parameter must be plain data, got: {type(value).__name__}")


def _foreign_code(kind: type) -> str:
    if kind.__module__.split(".")[0] == "onecurve":
        return ""
    try:
        source = inspect.getsource(inspect.getmodule(kind) or kind)
    except (OSError, TypeError):
        return ""
    return hashlib.sha256(source.encode()).hexdigest()[:16]
