"""The readers by name. Only strings here: listing imports nothing heavy."""

from onecurve.core.registry import Registry
from onecurve.core.roles import Reader

READERS: Registry[Reader] = Registry(
    "reader",
    {
        "ablation": "onecurve.readers.units.ablation:Ablation",
        "embedder": "onecurve.readers.pictures.embedder:LearntReader",
        "effect": "onecurve.readers.triggers.effect:Effect",
        "matcher": "onecurve.readers.pictures.matcher:Matcher",
        "outlier": "onecurve.readers.class_scores.outlier:Outlier",
        "pretrained": "onecurve.readers.pictures.pretrained:Pretrained",
        "slices": "onecurve.readers.data_rows.slices:Slices",
        "unlearn": "onecurve.readers.triggers.unlearn:Unlearn",
        "verbatim": "onecurve.readers.heat_maps.verbatim:Verbatim",
        "words": "onecurve.readers.text.words:Words",
    },
)
