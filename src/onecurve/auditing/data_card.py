"""The card of a data set: what was read, what was passed over, and what is missing."""

from collections import Counter
from typing import Any, Final

import numpy as np

from onecurve.auditing.class_map import ClassMap
from onecurve.auditing.reading import Read
from onecurve.core.image.images import Bools, Ints

LISTED: Final = 20
"""Files and classes that a card names; it counts the rest."""


def data_card(read: Read, labels: Ints, classes: ClassMap, fresh: Bools, copies: Ints) -> dict[str, Any]:
    """For people and for JSON. ``labels`` are outputs, ``fresh`` says which images are for tests, ``copies`` are groups of near copies."""
    labelled = bool(read.listed.classes)
    levels = np.flatnonzero(np.bincount(read.images.ravel(), minlength=256))
    passed = (*read.listed.passed_over, *read.passed_over)
    card: dict[str, Any] = {
        "images": len(labels),
        "search": int((~fresh).sum()),
        "fresh": int(fresh.sum()),
        "labels": classes.how,
        "grey_levels": len(levels),
        "range": [int(levels[0]), int(levels[-1])],
        "mean": round(float(read.images.mean()), 1),
        "sizes": dict(Counter(read.sizes).most_common(LISTED)),
        "splits": dict(Counter(read.listed.splits[row] for row in read.rows if read.listed.splits[row])),
        "in_copies": int((np.bincount(copies)[copies] > 1).sum()),
        "passed_over": [{"what": what, "why": why} for what, why in passed[:LISTED]],
        "passed_over_count": len(passed),
    }
    if labelled:
        empty = [classes.names[at] for at in range(len(classes.names)) if at not in set(labels.tolist())]
        card |= {
            "classes": _classes(labels, classes, fresh),
            "outputs_without_images": empty[:LISTED],
            "outputs_without_images_count": len(empty),
        }
    return card


def card_notes(card: dict[str, Any]) -> list[str]:
    """What a person should know before anything runs, one sentence each."""
    notes = [card["labels"]]
    if card.get("outputs_without_images_count"):
        notes.append(
            f"{card['outputs_without_images_count']} outputs of the network have no images: nothing is said about their recognition"
        )
    if card["passed_over_count"]:
        first = card["passed_over"][0]
        notes.append(f"{card['passed_over_count']} files or folders were passed over, the first: {first['what']} ({first['why']})")
    if card["splits"]:
        counts = ", ".join(f"{name} {count}" for name, count in card["splits"].items())
        notes.append(f"all splits are read ({counts}); a network errs less on images that it was trained on")
    if card["grey_levels"] < 16:
        notes.append(f"the images use only {card['grey_levels']} grey levels, from {card['range'][0]} to {card['range'][1]}")
    return notes


def _classes(labels: Ints, classes: ClassMap, fresh: Bools) -> dict[str, dict[str, int]]:
    found = {}
    for output in sorted(set(labels.tolist())):
        own = labels == output
        found[classes.names[output]] = {"search": int((own & ~fresh).sum()), "fresh": int((own & fresh).sum())}
    return found
