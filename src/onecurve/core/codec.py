"""Records to plain data and back: how questions, evidence and answers cross a process or reach the disk.

Only the record types listed here are ever built on the way back, so a stored file cannot run code.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from onecurve.core import answer, display, evidence, question
from onecurve.core.errors import SchemaError
from onecurve.core.image import predicate, trigger

Arrays = dict[str, np.ndarray]
_RECORDS: Mapping[str, type] = {
    kind.__name__: kind
    for kind in (
        *trigger.KINDS,
        *predicate.KINDS,
        *(evidence.Picture, evidence.HeatMap, evidence.Hypothesis, evidence.ClassScores, evidence.Confusion),
        *(evidence.SliceHypothesis, evidence.Text, evidence.Units, evidence.DataRows, evidence.Check, evidence.Evidence),
        *(question.Brief, question.Option, question.Weigh, question.Rebuild),
        *(answer.Weights, answer.Abstain, display.CaseDisplay),
    )
}

_LATER: Mapping[str, tuple[str, ...]] = {"Weigh": ("base_rate", "prior")}
"""Fields that records had not from the start: left out while they are None, so that the digests of older records stay."""


def encode(record: object) -> tuple[str, Arrays]:
    """A record as JSON text and named arrays; ``decode`` gives an equal record back."""
    arrays: Arrays = {}
    return json.dumps(_encode(record, arrays), sort_keys=True), arrays


def decode(text: str, arrays: Mapping[str, np.ndarray]) -> Any:
    """The record that ``encode`` took apart; raises ``SchemaError`` for anything else."""
    return _decode(json.loads(text), arrays)


def digest(record: object) -> str:
    """32 hexadecimal digits of a record's content, arrays included."""
    return digest_of_encoded(*encode(record))


def digest_of_encoded(text: str, arrays: Mapping[str, np.ndarray]) -> str:
    """The digest of a record from what ``encode`` made of it."""
    summary = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        summary.update(f"{name}:{array.dtype}:{array.shape}".encode())
        summary.update(array.tobytes())
    return summary.hexdigest()[:32]


def _encode(value: object, arrays: Arrays) -> object:
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        # The bytes of other machines' numbers are put in our order, since files keep values and not their order of bytes.
        arrays[name] = value if value.dtype.isnative else value.astype(value.dtype.newbyteorder("="))
        return {"array": name}
    if is_dataclass(value) and type(value).__name__ in _RECORDS:
        kept = {f.name: getattr(value, f.name) for f in fields(value)}
        for name in _LATER.get(type(value).__name__, ()):
            if kept[name] is None:
                del kept[name]
        return {"record": type(value).__name__, "fields": {name: _encode(inner, arrays) for name, inner in kept.items()}}
    if isinstance(value, tuple):
        return {"tuple": [_encode(inner, arrays) for inner in value]}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise SchemaError(f"cannot be stored: {type(value).__name__}")


def _decode(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "tuple" in value:
        return tuple(_decode(inner, arrays) for inner in value["tuple"])
    kind = _RECORDS.get(value.get("record", ""))
    if kind is None:
        raise SchemaError(f"not a record that can be read: {value.get('record')}")
    return kind(**{name: _decode(inner, arrays) for name, inner in value["fields"].items()})
