"""The looks of an audit, in the order in which they are made: those that cost nothing first."""

import importlib
from typing import Final

from onecurve.auditing.look import Look

LOOKS: Final[tuple[str, ...]] = (
    "onecurve.auditing.looks.accuracy:AccuracyByClass",
    "onecurve.auditing.looks.confusions:Confusions",
    "onecurve.auditing.looks.mistakes:MistakenGroups",
    "onecurve.auditing.looks.duplicates:Duplicates",
    "onecurve.auditing.looks.poses:Poses",
    "onecurve.auditing.looks.label_noise:NoisyLabels",
    "onecurve.auditing.looks.shortcuts:Shortcuts",
    "onecurve.auditing.looks.triggers:PatchTriggers",
    "onecurve.auditing.looks.triggers:StyleTriggers",
)


def looks() -> tuple[Look, ...]:
    """One of each."""
    found = []
    for address in LOOKS:
        module, _, name = address.partition(":")
        found.append(getattr(importlib.import_module(module), name)())
    return tuple(found)
