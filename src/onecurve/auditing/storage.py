"""Finished stages of an audit on disk, so that an audit that is killed goes on where it was."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save

from onecurve.auditing.finding import Effect, Exhibit, Finding, Kind, Standing
from onecurve.auditing.result import Coverage, Stage
from onecurve.core.codec import decode, encode
from onecurve.core.errors import DataError, OneCurveError
from onecurve.models.weights import write_file
from onecurve.statistics.intervals import Interval

FILE, ARRAYS = "stage.json", "stage.safetensors"
Arrays = Mapping[str, np.ndarray]


def keep_stage(folder: Path, key: str, stage: Stage) -> None:
    """Write the stage whole or not at all. Both files name the key, so that those of two audits are never taken together."""
    triggers = [encode(one.trigger) for one in stage.findings]
    arrays = {f"{row}.{at}": shown.image for row, one in enumerate(stage.findings) for at, shown in enumerate(one.exhibits)}
    arrays |= {f"{row}.trigger.{name}": array for row, (_, some) in enumerate(triggers) for name, array in some.items()}
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_file(folder / ARRAYS, save(plain, {"key": key}))
    kept = {"key": key, "stage": plain_stage(stage), "triggers": [words for words, _ in triggers]}
    write_file(folder / FILE, json.dumps(kept).encode())


def kept_stage(folder: Path, key: str) -> Stage | None:
    """The stage if it was kept under that key; None for none, for another key, and for files that cannot be read."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return stage_in(folder) if found["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError, DataError):
        return None


def stage_in(folder: Path) -> Stage:
    """The stage that was kept in the folder; raises ``DataError`` for files that are missing or damaged."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if key_in(folder / ARRAYS) != found["key"]:
            raise DataError("its arrays are those of another audit")
        arrays = load_file(folder / ARRAYS)
        stage, triggers = found["stage"], found["triggers"]
        findings = tuple(
            replace(finding_of(values, arrays, row), trigger=decode(words, _under(f"{row}.trigger.", arrays)))
            for row, (values, words) in enumerate(zip(stage["findings"], triggers, strict=True))
        )
        return Stage(**{**stage, "coverage": Coverage(stage["coverage"]), "findings": findings})
    except (OSError, ValueError, KeyError, TypeError, SafetensorError, OneCurveError) as error:
        raise DataError(f"no stage of an audit that can be read: {folder}: {error}", "run the audit again") from error


def key_in(file: Path) -> str:
    """The key that a safetensors file names, or none; raises ``OSError`` or ``SafetensorError`` for no such file and a damaged one."""
    with safe_open(file, "np") as arrays:
        return str((arrays.metadata() or {}).get("key", ""))


def plain_stage(stage: Stage) -> dict[str, Any]:
    """The stage for JSON; of pictures only the captions."""
    return {**asdict(replace(stage, findings=())), "findings": [plain_finding(one) for one in stage.findings]}


def plain_finding(finding: Finding) -> dict[str, Any]:
    """The finding for JSON; of pictures only the captions, and no trigger."""
    plain = asdict(replace(finding, exhibits=(), trigger=None))
    del plain["trigger"]
    return {"id": finding.id, "level": finding.level, **plain, "exhibits": [shown.caption for shown in finding.exhibits]}


def finding_of(values: Mapping[str, Any], arrays: Arrays, row: int) -> Finding:
    """The finding that ``plain_finding`` wrote; pictures by `ROW.PLACE`, left out where there are none."""
    effect = values["effect"]
    return Finding(
        Kind(values["kind"]),
        values["title"],
        tuple(values["classes"]),
        values["where"],
        Standing(values["standing"]),
        values["look"],
        None if effect is None else Effect(**{**effect, "interval": Interval(**effect["interval"])}),
        values["facts"],
        tuple(Exhibit(arrays[f"{row}.{at}"], words) for at, words in enumerate(values["exhibits"]) if f"{row}.{at}" in arrays),
        target=values["target"],
    )


def _under(prefix: str, arrays: Arrays) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
