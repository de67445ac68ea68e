"""Finished stages of an audit on disk, so that an audit that is killed goes on where it was."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from onecurve.audit.finding import Effect, Exhibit, Finding, Kind, Standing
from onecurve.audit.result import Coverage, Stage
from onecurve.statistics.intervals import Interval

FILE, PICTURES = "stage.json", "pictures.npz"


def keep_stage(folder: Path, key: str, stage: Stage) -> None:
    """Write the stage whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    images = {f"{row}.{at}": shown.image for row, one in enumerate(stage.findings) for at, shown in enumerate(one.exhibits)}
    np.savez(folder / PICTURES, **images)
    arriving = folder / f"{FILE}.part"
    arriving.write_text(json.dumps({"key": key, "stage": plain_stage(stage)}), encoding="utf-8")
    arriving.replace(folder / FILE)


def kept_stage(folder: Path, key: str) -> Stage | None:
    """The stage if it was kept under that key; None for none, for another key, and for files that cannot be read."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if found["key"] != key:
            return None
        with np.load(folder / PICTURES) as images:
            return _stage(found["stage"], dict(images))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def plain_stage(stage: Stage) -> dict[str, Any]:
    """The stage for JSON; of pictures only the captions."""
    return {**asdict(replace(stage, findings=())), "findings": [plain_finding(one) for one in stage.findings]}


def plain_finding(finding: Finding) -> dict[str, Any]:
    """The finding for JSON; of pictures only the captions."""
    captions = [shown.caption for shown in finding.exhibits]
    return {"id": finding.id, "level": finding.level, **asdict(replace(finding, exhibits=())), "exhibits": captions}


def finding_of(values: Mapping[str, Any], images: Mapping[str, Any], row: int) -> Finding:
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
        tuple(Exhibit(images[f"{row}.{at}"], words) for at, words in enumerate(values["exhibits"]) if f"{row}.{at}" in images),
    )


def _stage(values: Mapping[str, Any], images: Mapping[str, Any]) -> Stage:
    findings = tuple(finding_of(one, images, row) for row, one in enumerate(values["findings"]))
    return Stage(**{**values, "coverage": Coverage(values["coverage"]), "findings": findings})
