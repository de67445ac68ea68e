"""The kinds of flaw by name. Entries are strings, so listing them imports neither flaws nor torch."""

from collections.abc import Mapping
from typing import Any

from onecurve.core.registry import Registry

FLAWS: Registry[Any] = Registry(
    "flaw",
    {
        "patch": "onecurve.flaws.kinds.patch:Patch",
        "blended": "onecurve.flaws.kinds.blended:Blended",
        "sinusoid": "onecurve.flaws.kinds.sinusoid:Sinusoid",
        "warp": "onecurve.flaws.kinds.warp:Warp",
        "style": "onecurve.flaws.kinds.style:Style",
        "style-transfer": "onecurve.flaws.kinds.style_transfer:StyleTransfer",
        "dynamic": "onecurve.flaws.kinds.dynamic:Dynamic",
        "conditional": "onecurve.flaws.kinds.conditional:Conditional",
        "multi-target": "onecurve.flaws.kinds.multi_target:MultiTarget",
        "all-to-all": "onecurve.flaws.kinds.all_to_all:AllToAll",
        "natural-feature": "onecurve.flaws.kinds.natural_feature:NaturalFeature",
        "sig": "onecurve.flaws.kinds.sig:Sig",
        "label-consistent": "onecurve.flaws.kinds.label_consistent:LabelConsistent",
        "subnet": "onecurve.flaws.kinds.subnet:Subnet",
        "rank-one": "onecurve.flaws.kinds.rank_one:RankOne",
        "spurious": "onecurve.flaws.kinds.spurious:Spurious",
        "missing-subgroup": "onecurve.flaws.kinds.missing_subgroup:MissingSubgroup",
        "label-noise": "onecurve.flaws.kinds.label_noise:LabelNoise",
        "shortcut": "onecurve.flaws.kinds.shortcut:Shortcut",
        "clean": "onecurve.flaws.kinds.clean:Clean",
        "fooled-visualisation": "onecurve.flaws.kinds.fooled_visualisation:FooledVisualisation",
        "undetectable": "onecurve.flaws.kinds.undetectable:Undetectable",
        "benign": "onecurve.flaws.kinds.benign:Benign",
        "decoy": "onecurve.flaws.kinds.decoy:Decoy",
    },
)

CONTROLS = ("clean", "benign", "decoy", "fooled-visualisation", "undetectable")
"""Kinds without an effect. On a network that holds nothing else, any reported flaw is a false alarm."""
SOLITARY = ("clean", "warp", "all-to-all", "spurious", "missing-subgroup", "fooled-visualisation", "undetectable")
"""Kinds that need a network of their own, because they affect every class, take nearly half of the training images, change the
images of the whole world, or change the network itself."""
CASINGS: Mapping[str, str] = {"fooled-visualisation": "gauged", "undetectable": "signed"}
"""Kinds that put a wrapper around the network (see ``models.wrappers``). Where one network of a population has it, all get it."""
VARIETIES: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "patch": {"sources": (0, 0, 0, 2), "look": ("shape", "texture", "photo", "emoji")},
    "blended": {"look": ("picture", "texture", "photo", "noise")},
    "style-transfer": {"look": ("texture", "photo")},
    "conditional": {"condition": ("and", "xor")},
    "multi-target": {"groups": (2, 3)},
    "style": {"sources": (0, 0, 0, 2)},
    "spurious": {"look": ("colour", "background", "object")},
    "benign": {"look": ("colour", "background", "object", "pose")},
    "decoy": {"trigger": ("patch", "style", "blended")},
}
"""Parameters of kinds that come in several forms, with the values to draw from; a value is repeated to give it more weight."""
