"""An audit as JSON with a schema number, and back. Pictures are files beside it."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from onecurve.auditing.finding import Finding
from onecurve.auditing.outputs.outcome import Outcome
from onecurve.auditing.outputs.stored_pictures import picture_names, read_picture, write_pictures
from onecurve.auditing.outputs.words import coverage_words, power_words, verdict
from onecurve.auditing.result import Audit, Coverage, Looked, Stage
from onecurve.auditing.storage import finding_of, plain_finding, plain_stage
from onecurve.core.errors import DataError, SchemaError
from onecurve.report.pages.files import written

FILE: Final = "audit.json"

SCHEMA: Final = 1
NOT_FINITE: Final = "not-finite"
"""JSON has no infinity: `{"not-finite": "inf"}` stands for it."""


def as_json(outcome: Outcome) -> str:
    """One object: ``schema``, what the gate says (``verdict``, ``exit_code``, ``failing`` …) and ``audit``, which holds everything.

    A finding names its pictures as files in the folder of the outputs.
    """
    told = {
        "schema": SCHEMA,
        "verdict": verdict(outcome),
        "coverage": coverage_words(outcome.audit),
        "power": power_words(outcome.audit),
        "exit_code": int(outcome.exit_code),
        "fail_on": outcome.fail_on,
        "failing": [one.id for one in outcome.failing],
        "accepted": [one.id for one in outcome.accepted],
        "gone": [one.id for one in outcome.gone],
        "audit": _audit(outcome.audit),
    }
    return json.dumps(_plain(told), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(outcome: Outcome, out: Path) -> Path:
    """Write `audit.json` and the pictures that it names into ``out``."""
    write_pictures(outcome.audit.findings, out)
    return written(out / FILE, as_json(outcome))


def read_audit(path: Path) -> Audit:
    """The audit that ``write_json`` wrote there. Pictures have 8 bits per channel; those whose files are gone are left out.

    Lists that were tuples in the data card stay lists. Raises ``DataError`` for no such file, ``SchemaError`` for another version.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"), object_hook=_finite)
    except (OSError, ValueError) as error:
        raise DataError(f"no audit can be read from {path}: {error}", "name the `audit.json` of an audit") from error
    if not isinstance(found, Mapping) or found.get("schema") != SCHEMA:
        raise SchemaError(f"the audit is not of schema {SCHEMA}: {path}", "read it with the version that wrote it")
    values = found["audit"]
    looked = Looked(**{**values["looked"], **{name: tuple(values["looked"][name]) for name in ("classes", "shape", "notes")}})
    stages = tuple(_stage(one, path.parent) for one in values["stages"])
    findings = tuple(_finding(one, path.parent) for one in values["findings"])
    return Audit(**{**values, "looked": looked, "stages": stages, "findings": findings})


def _audit(audit: Audit) -> dict[str, Any]:
    simple = {one.name: getattr(audit, one.name) for one in fields(audit) if one.name not in ("looked", "stages", "findings")}
    return {
        "looked": {one.name: getattr(audit.looked, one.name) for one in fields(audit.looked)},
        "stages": [{**plain_stage(one), "findings": [_told(inner) for inner in one.findings]} for one in audit.stages],
        "findings": [_told(one) for one in audit.findings],
        **simple,
    }


def _told(finding: Finding) -> dict[str, Any]:
    named = zip(picture_names(finding), finding.exhibits, strict=True)
    return {**plain_finding(finding), "exhibits": [{"file": name, "caption": shown.caption} for name, shown in named]}


def _finding(values: Mapping[str, Any], folder: Path) -> Finding:
    read = [(f"0.{at}", read_picture(folder / shown["file"])) for at, shown in enumerate(values["exhibits"])]
    images = {place: image for place, image in read if image is not None}
    return finding_of({**values, "exhibits": [shown["caption"] for shown in values["exhibits"]]}, images, 0)


def _stage(values: Mapping[str, Any], folder: Path) -> Stage:
    findings = tuple(_finding(one, folder) for one in values["findings"])
    return Stage(**{**values, "coverage": Coverage(values["coverage"]), "findings": findings})


def _plain(value: Any) -> Any:
    """The value in types that JSON has."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else {NOT_FINITE: str(value)}
    return value if value is None or isinstance(value, bool | int) else str(value)


def _finite(found: dict[str, Any]) -> Any:
    return float(found[NOT_FINITE]) if set(found) == {NOT_FINITE} else found
