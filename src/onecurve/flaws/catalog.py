"""The kinds of flaw by name. Strings only: listing them imports no flaw and no torch."""

from typing import Any

from onecurve.core.registry import Registry

FLAWS: Registry[Any] = Registry(
    "flaw",
    {
        "patch": "onecurve.flaws.patch:Patch",
        "style": "onecurve.flaws.style:Style",
        "natural-feature": "onecurve.flaws.natural_feature:NaturalFeature",
        "clean": "onecurve.flaws.clean:Clean",
    },
)
