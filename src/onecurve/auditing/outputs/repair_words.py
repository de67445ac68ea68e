"""The repaired network in sentences and one table, before and after with intervals; reads what ``onecurve.auditing.repair`` tells."""

from collections.abc import Mapping
from typing import Any

from onecurve.auditing.outputs.tables import Table
from onecurve.report.words import numbers
from onecurve.statistics.intervals import LEVEL, wilson


def repair_sentences(told: Mapping[str, Any]) -> tuple[str, ...]:
    """What was handed back or why nothing was, the findings and the accuracy before and after, and what a new search found."""
    if "accuracy_before" not in told:
        return (f"No repaired network: {told['refused']}.",)
    first = f"No repaired network: {told['refused']}." if "refused" in told else _handed_back(told)
    before, after = (_measured(told[f"accuracy_{when}"]) for when in ("before", "after"))
    changed = (
        f"{numbers.count(told['images_that_changed'], 'fresh image')} changed class: {told['lost']} were right and are wrong now, "
        f"{told['won']} the other way round."
    )
    return (
        first,
        *(_finding(one, told["by_class"]) for one in told["findings"]),
        f"Accuracy on fresh images: {before} before, {after} after. {changed}",
        *(_searched(where, one) for where, one in told["searched_again"].items()),
    )


def _handed_back(told: Mapping[str, Any]) -> str:
    weights = f", `{told['weights']}`" if "weights" in told else ""
    return f"A repaired network is handed back ({told['chosen']}){weights}."


def class_table(told: Mapping[str, Any]) -> Table | None:
    """Accuracy of each class before and after, with intervals; None where nothing was repaired."""
    rows = tuple(
        (name, *(_of(one[when], one["images"]) for when in ("before", "after")), str(one["images"]))
        for name, one in told.get("by_class", {}).items()
    )
    inside = f"{LEVEL:.0%} interval"
    heads = ("class", f"before ({inside})", f"after ({inside})", "images")
    return Table("Accuracy by class on fresh images", heads, rows) if rows else None


def _finding(one: Mapping[str, Any], classes: Mapping[str, Any]) -> str:
    """The images of other classes are what the trigger is put on."""
    others = sum(told["images"] for name, told in classes.items() if name != one["class"])
    before, after = (_of(one[when], others) for when in ("before", "after"))
    return (
        f"Finding {one['id']}: the trigger sends a share of {before} of fresh images of other classes to `{one['class']}` before, and "
        f"{after} after ({LEVEL:.0%} intervals, n = {others})."
    )


def _searched(where: str, told: Mapping[str, Any] | str) -> str:
    if isinstance(told, str):
        return f"A new search ({where}): {told}."
    apart = f"these classes still stand apart: {', '.join(told['apart'])}" if told["apart"] else "no class stands apart any more"
    ratio, p = numbers.figure(float(told["next_class_ratio"])), numbers.p_value(told["size_p"])
    smallest = f"the next class takes {ratio} times as large a trigger ({p})"
    return f"A new search ({where}) over all classes of the repaired network: {apart}; {smallest}."


def _measured(told: Mapping[str, Any]) -> str:
    low, high = (numbers.figure(float(told[name])) for name in ("low", "high"))
    return f"{numbers.figure(float(told['value']))} ({LEVEL:.0%} interval {low} to {high}, n = {told['images']})"


def _of(share: float, count: int) -> str:
    if count < 2:
        return f"{numbers.figure(float(share))} (too few images for an interval)"
    found = wilson(round(share * count), count)
    return f"{numbers.figure(float(share))} ({numbers.figure(found.low)} to {numbers.figure(found.high)})"
