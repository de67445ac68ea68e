"""The measured power in sentences: each number with its kind of flaw, strength, interval, sample and the time of the audit.

They read the figures that ``onecurve.auditing.power.summary`` writes; where a figure was not measured, the sentence says so.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from onecurve.auditing.power.summary import TOOK
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
    if not power["spiked"] and not power["shams"]:
        return ("The power of this audit was not measured: every copy of this network lost too much accuracy in planting.",)
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
        return f"Flaws of the kind `{name}`: {UNMEASURED}, {_too_few(told)}."
    row = min(found["curve"], key=lambda one: abs(one["strength"] - STRENGTH))
    likely = f"{chance(row['chance'])} ({interval(row)}, {found['found']} of {found['n']} planted ones{_strengths(told, row['strength'])})"
    return (
        f"A flaw of the kind `{name}` that changes {row['strength']:.0%} of its images is found and its class named with chance "
        f"{likely}{_other_ways(found, row['strength'])}; alarms where nothing was planted: {alarm_words(told['false_alarms'])}."
    )


def _too_few(told: Mapping[str, Any]) -> str:
    """Why there is no curve. Weak flaws, and those whose ways were kept apart, do not make one."""
    if not told["planted"]:
        return "none was planted"
    took = sum(one["strength"] >= TOOK and not one["held_out"] for one in told["spikes"])
    return (
        f"of {told['planted']} planted {took} changed {TOOK:.0%} of {'its' if took == 1 else 'their'} images or more in a way that was "
        "not kept apart, which is too few"
    )


def _other_ways(found: Mapping[str, Any], strength: float) -> str:
    """The wider interval for flaws that were put in otherwise; nothing for an audit of a version that did not tell it."""
    rows = [row for row in found.get("other_ways", ()) if row["strength"] == strength]
    return f", or {chance(rows[0]['low'])} to {chance(rows[0]['high'])} if it was planted in a way that was not tried" if rows else ""


def _strengths(told: Mapping[str, Any], strength: float) -> str:
    """Of which strengths the planted ones are, and whether the chance is told of a strength beyond them."""
    own = own_strengths(told)
    if not own:
        return ""
    beyond = "" if min(own) <= strength <= max(own) else f", so {strength:.0%} is an extrapolation"
    least, most = chance(min(own)), chance(max(own))
    return f", of {f'strength {least}' if least == most else f'strengths {least} to {most}'}{beyond}"


def own_strengths(told: Mapping[str, Any]) -> list[float]:
    """Strengths of the planted flaws that make the curve of a kind."""
    return [float(one["strength"]) for one in told["spikes"] if not one["held_out"]]


def alarm_words(alarms: Mapping[str, Any] | str) -> str:
    """On how many copies without a planted flaw there was an alarm of the kind that the network itself does not give."""
    if isinstance(alarms, str):
        return alarms
    repeats = f"; {alarms['repeats']} more only repeat what the network itself has" if alarms.get("repeats") else ""
    return f"{alarms['count']} of {numbers.count(alarms['shams'], 'copy', 'copies')} ({interval(alarms)}){repeats}"


def found_from_words(found: Mapping[str, Any], own: Sequence[float]) -> str:
    """From which strength on such flaws are found with the chance that is aimed at; ``own`` are the strengths of the planted ones."""
    aimed = f"{number(found['chance'])} of such flaws are found"
    if found["strength"] is None:
        return f"At no strength {aimed}."
    surely = "at no strength" if found["surely"] is None else f"from {number(found['surely'])} on"
    beyond = f" (an extrapolation: the weakest planted one has {number(min(own))})" if own and found["strength"] < min(own) else ""
    return f"From strength {number(found['strength'])} on {aimed}{beyond}; by the lower end of the interval {surely}."


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
