"""The readers by name. Only strings here: listing imports nothing heavy."""

from onecurve.core.registry import Registry
from onecurve.core.roles import Reader

READERS: Registry[Reader] = Registry(
    "reader",
    {
        "effect": "onecurve.readers.effect:Effect",
        "matcher": "onecurve.readers.matcher:Matcher",
        "outlier": "onecurve.readers.outlier:Outlier",
        "unlearn": "onecurve.readers.unlearn:Unlearn",
        "verbatim": "onecurve.readers.verbatim:Verbatim",
    },
)
