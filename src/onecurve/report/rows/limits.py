"""Limits of the planting gate that a suite changed; the report prints them beside the planted flaws."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from onecurve.flaws.planting.gate import Gate

WORDS = {"elsewhere": "leakage to other classes"}
"""Limits that the field calls otherwise."""


def other_limits(suite: Mapping[str, Any]) -> tuple[str, ...]:
    """One phrase per limit and value that differs from the gate's default, anywhere in the suite; sorted."""
    usual = asdict(Gate())
    found = {
        f"{WORDS.get(name, name.replace('_', ' '))} {value:g} instead of {usual[name]:g}"
        for gate in _gates(suite)
        for name, value in gate.items()
        if name in usual and value != usual[name]
    }
    return tuple(sorted(found))


def _gates(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name == "gate" and isinstance(inner, Mapping):
                yield inner
            else:
                yield from _gates(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _gates(inner)
