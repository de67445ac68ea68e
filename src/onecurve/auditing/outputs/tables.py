"""Nested figures, such as a data card, as tables for a page; nothing that is in them is left out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from onecurve.report.words import numbers
from onecurve.statistics.intervals import LEVEL

MOST_WORDS = 24
"""A list of plain values is written out up to this length; of longer ones the page tells how many more there are."""
MEASURED = ("value", "low", "high")
"""A mapping with these names is one number with its interval, of the level 0.95 unless it names another as `level`."""


@final
@dataclass(frozen=True)
class Table:
    """Rows of text. ``heads`` is empty for a table of names and values."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables_of(values: Mapping[str, Any], caption: str = "") -> tuple[Table, ...]:
    """Plain values in one table, each mapping and each list of mappings in one of its own, in their order.

    >>> [(one.caption, one.rows) for one in tables_of({"images": 3, "per class": {"cat": 2, "dog": 1}}, "card")]
    [('card', (('images', '3'),)), ('card: per class', (('cat', '2'), ('dog', '1')))]
    """
    simple = tuple((name_of(name), value_of(value)) for name, value in values.items() if not _nested(value))
    found = [Table(caption, (), simple)] if simple else []
    for name, value in values.items():
        if _nested(value):
            found += _inner(f"{caption}: {name_of(name)}" if caption else name_of(name), value)
    return tuple(found)


def name_of(name: object) -> str:
    """The name of a figure for people."""
    return str(name).replace("_", " ")


def value_of(value: Any) -> str:
    """One value, a measured one with its interval, or a list of plain values, for people.

    >>> value_of({"value": 0.9, "low": 0.8, "high": 0.95, "images": 60}), value_of(["a", 2])
    ('0.9 (95% interval 0.8 to 0.95, images 60)', 'a, 2')
    """
    if isinstance(value, Mapping):
        return _measured(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        shown = [value_of(one) for one in value[:MOST_WORDS]]
        more = len(value) - len(shown)
        return ", ".join([*shown, f"and {more} more"] if more else shown) or numbers.MISSING
    if isinstance(value, float) and math.isinf(value):
        return "infinite" if value > 0 else "−infinite"
    return numbers.figure(value)


def _measured(value: Mapping[str, Any]) -> str:
    inside = f"{value.get('level', LEVEL):.0%} interval {value_of(value['low'])} to {value_of(value['high'])}"
    rest = [f"{name_of(name)} {value_of(one)}" for name, one in value.items() if name not in (*MEASURED, "level")]
    return f"{value_of(value['value'])} ({', '.join([inside, *rest])})"


def _nested(value: Any) -> bool:
    if isinstance(value, Mapping):
        return not set(MEASURED) <= set(value)
    return isinstance(value, Sequence) and not isinstance(value, str) and any(isinstance(one, Mapping) for one in value)


def _inner(caption: str, value: Any) -> tuple[Table, ...]:
    labelled = isinstance(value, Mapping)
    entries = list(value.items()) if labelled else [("", one) for one in value]
    if not entries or not all(isinstance(one, Mapping) and _nested(one) for _, one in entries):
        return tables_of(dict(entries) if labelled else {str(at): one for at, (_, one) in enumerate(entries, 1)}, caption)
    names = list(dict.fromkeys(name for _, one in entries for name in one))
    rows = [(*([name_of(label)] if labelled else []), *(value_of(one.get(name)) for name in names)) for label, one in entries]
    return (Table(caption, (*([""] if labelled else []), *map(name_of, names)), tuple(rows)),)
