"""The kinds of flaw by name. Strings only: listing them imports no flaw and no torch."""

from collections.abc import Mapping
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

CONTROLS = ("clean",)
"""Kinds without an effect: on a network that carries nothing else, any report of a flaw is a false alarm."""
SOLITARY = ("clean",)
"""Kinds that need a network of their own: they concern every class, change the images of the whole world, or the network itself."""
VARIETIES: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "patch": {"sources": (0, 0, 0, 2)},
    "style": {"sources": (0, 0, 0, 2)},
}
"""Parameters of kinds that come in several forms, with the values that are drawn from; how often each stands is its weight."""
