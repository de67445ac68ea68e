"""What is wrong with the fields of a suite, in words of its file and not of the validator."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError


def faults_of(error: ValidationError) -> str:
    """All faults in one line, each with the place of its field: `networks.0.flaws: must be a list, write [patch]`."""
    return "; ".join(": ".join(filter(None, (".".join(map(str, fault["loc"])), _words(fault)))) for fault in error.errors())


def fields_hint(error: ValidationError, whole: type[BaseModel], parts: Mapping[str, type[BaseModel]]) -> str:
    """The fields that may stand where the first fault is. ``parts`` are the models within ``whole``, by the field that holds them."""
    place = error.errors()[0]["loc"]
    inside = [name for name in place[:-1] if name in parts]
    if not inside:
        return f"fields: {', '.join(whole.model_fields)}"
    return f"fields of `{inside[-1]}`: {', '.join(parts[str(inside[-1])].model_fields)}"


def _words(fault: Any) -> str:
    kind, given = fault["type"], fault["input"]
    if kind == "extra_forbidden":
        return "there is no such field"
    if kind == "missing":
        return "this field must be given"
    if kind == "tuple_type":
        return f"must be a list, write [{given}]" if isinstance(given, str | int | float) else f"must be a list, got: {given!r}"
    if kind == "too_short":
        least = fault["ctx"]["min_length"]
        return f"must have at least {least} {'entry' if least == 1 else 'entries'}"
    return str(fault["msg"])
