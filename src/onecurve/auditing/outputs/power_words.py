"""The measured power in sentences: each number with its kind of flaw, strength, interval, sample and the time of the audit.

They read the figures that ``onecurve.auditing.power.summary`` writes; where a figure was not measured, the sentence says so.
"""

from collections.abc import Mapping
from typing import Any, Final

from onecurve.report.words import numbers
from onecurve.statistics.intervals import LEVEL

STRENGTH: Final = 0.9
"""Of the flaws that the sentences speak of: the share of images that they change."""
GRADE: Final = "named"
"""The level of being found that the sentences speak of: the audit names the class."""
GRADES: Final[Mapping[str, str]] = {
    "alarm": "any verified finding of such a kind",
    "named": "it names the class",
    "reproduced": "it works at least half as well as planted",
}
UNMEASURED: Final = "not measured"


def power_sentences(power: Mapping[str, Any]) -> tuple[str, ...]:
    """How the power was measured, one sentence per kind of flaw, and what was not measured."""
    kinds = power["kinds"]
    first = (
        f"The power was measured on {numbers.count(power['spiked'], 'copy', 'copies')} of this network with planted flaws and "
        f"{power['shams']} without, each looked at blind for {numbers.seconds(power['seconds_each'])}, as the network itself."
    )
    missing = power.get("not_measured", ())
    order = order_sentences(power.get("class_order"))
    last = (f"Not measured: {', '.join(missing)}.",) if missing else ()
    return (first, *(kind_sentence(name, told) for name, told in kinds.items()), *order, *last)


def order_sentences(told: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Whether the last layer says which classes to search first; nothing for an audit of a version that did not ask that."""
    if told is None:
        return ()
    found = (
        f"By how unlike the others its row in the last layer is, the planted class is among the first {told['top']} of "
        f"{told['classes']} for {told['leading']} of {numbers.count(told['planted'], 'working trigger')} in copies "
        f"({numbers.p_value(told['p'])} of so many by chance)"
    )
    if told["trusted"]:
        return (f"{found}: trusted, so classes were searched in this order where the time did not pay for all.",)
    return (f"{found}: not trusted, so lots decided which classes were searched where the time did not pay for all.",)


def kind_sentence(name: str, told: Mapping[str, Any]) -> str:
    """The chance that a strong flaw of the kind is named, and on how many copies without a planted one there was an alarm."""
    found = told["levels"].get(GRADE, UNMEASURED)
    if isinstance(found, str):
        took = f" ({told['took']} of them changed 30% of their images or more)" if told["planted"] and "took" in told else ""
        return f"Flaws of the kind `{name}`: {UNMEASURED}, {told['planted']} planted are too few{took}."
    row = min(found["curve"], key=lambda one: abs(one["strength"] - STRENGTH))
    likely = f"{chance(row['chance'])} ({interval(row)}, {found['found']} of {found['n']} planted ones{_strengths(told, row['strength'])})"
    return (
        f"A flaw of the kind `{name}` that changes {row['strength']:.0%} of its images is found and its class named with chance "
        f"{likely}{_other_ways(found, row['strength'])}; alarms where nothing was planted: {alarm_words(told['false_alarms'])}."
    )


def _other_ways(found: Mapping[str, Any], strength: float) -> str:
    """The wider interval for flaws that were put in otherwise; nothing for an audit of a version that did not tell it."""
    rows = [row for row in found.get("other_ways", ()) if row["strength"] == strength]
    return f", or {chance(rows[0]['low'])} to {chance(rows[0]['high'])} if it was planted in a way that was not tried" if rows else ""


def _strengths(told: Mapping[str, Any], strength: float) -> str:
    """Of which strengths the planted ones are, and whether the chance is told of a strength beyond them."""
    own = [float(one["strength"]) for one in told["spikes"] if not one["held_out"]]
    if not own:
        return ""
    beyond = "" if min(own) <= strength <= max(own) else f", so {strength:.0%} is an extrapolation"
    return f", of strengths {chance(min(own))} to {chance(max(own))}{beyond}"


def alarm_words(alarms: Mapping[str, Any] | str) -> str:
    """On how many copies without a planted flaw there was an alarm of the kind that the network itself does not give."""
    if isinstance(alarms, str):
        return alarms
    repeats = f"; {alarms['repeats']} more only repeat what the network itself has" if alarms.get("repeats") else ""
    return f"{alarms['count']} of {alarms['shams']} copies ({interval(alarms)}){repeats}"


def found_from_words(found: Mapping[str, Any]) -> str:
    """From which strength on such flaws are found with the chance that is aimed at."""
    aimed = f"{number(found['chance'])} of such flaws are found"
    if found["strength"] is None:
        return f"At no strength {aimed}."
    surely = "at no strength" if found["surely"] is None else f"from {number(found['surely'])} on"
    return f"From strength {number(found['strength'])} on {aimed}; by the lower end of the interval {surely}."


def transfer_words(moved: Mapping[str, Any] | str) -> str:
    """Whether flaws planted in ways that were kept apart are easier or harder to find."""
    if isinstance(moved, str):
        return f"Flaws planted in ways that were kept apart: {moved}."
    return (
        f"Flaws planted in ways that were kept apart are easier by {number(moved['logits'])} logits than the curve says "
        f"({interval(moved)}; below 0 they are harder; {moved['found']} of {moved['n']} found)."
    )


def interval(told: Mapping[str, Any]) -> str:
    """The interval of a figure."""
    return f"{LEVEL:.0%} interval {chance(told['low'])} to {chance(told['high'])}"


def chance(value: float) -> str:
    """Two decimals."""
    return numbers.skill(float(value))


def number(value: float) -> str:
    """Three significant digits."""
    return numbers.figure(float(value))
