"""The looks of an audit by name, in the order in which they are made: those that cost nothing first."""

from onecurve.auditing.look import Look
from onecurve.core.registry import Registry

LOOKS: Registry[Look] = Registry(
    "look",
    {
        "accuracy": "onecurve.auditing.looks.accuracy:AccuracyByClass",
        "confusions": "onecurve.auditing.looks.confusions:Confusions",
        "mistakes": "onecurve.auditing.looks.mistakes:MistakenGroups",
        "duplicates": "onecurve.auditing.looks.duplicates:Duplicates",
        "poses": "onecurve.auditing.looks.poses:Poses",
        "label-noise": "onecurve.auditing.looks.label_noise:NoisyLabels",
        "shortcuts": "onecurve.auditing.looks.shortcuts:Shortcuts",
        "patch-triggers": "onecurve.auditing.looks.triggers:PatchTriggers",
        "style-triggers": "onecurve.auditing.looks.triggers:StyleTriggers",
    },
)


def looks() -> tuple[Look, ...]:
    """One of each."""
    return tuple(LOOKS.make(name) for name in LOOKS.names_in_order())
