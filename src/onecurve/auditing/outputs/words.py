"""Sentences that all outputs share. No number stands without its interval, its comparison and what it was measured on."""

from typing import Final

from onecurve.auditing.finding import ORDER, Effect, Finding, Standing
from onecurve.auditing.outputs.outcome import Outcome
from onecurve.auditing.outputs.power_words import power_sentences
from onecurve.auditing.outputs.repair_words import repair_sentences
from onecurve.auditing.result import Audit, Coverage, Stage
from onecurve.report.words import numbers
from onecurve.statistics.intervals import wilson

UNMEASURED: Final = (
    "The power of this audit was not measured: nobody knows how many flaws it would have found, so the absence of a finding is no "
    "evidence that there is no flaw. Measure it with --power."
)
BLIND: Final = (
    "It knows the kinds of flaws that its looks search for, and no others.",
    "It searches triggers of the forms that its looks name. A trigger that depends on the image, or needs several parts, may pass.",
    "It looks through the images that it was given: what they do not show, such as a missing subgroup or another camera, it cannot test.",
    "It takes the labels as they are, except where it claims that one is wrong.",
    "It does not scan the network's file for code, and does not measure robustness against attacks made for single images.",
    "A verified finding says what the network does on fresh images of this set. It does not say who caused it.",
)
"""What an audit cannot see, whatever its result."""


def verdict(outcome: Outcome) -> str:
    """The audit in one sentence; one that found nothing says what is known of what it would have found."""
    audit, name = outcome.audit, outcome.audit.looked.network
    if not audit.looked_at_something and not audit.verified:
        return f"Nothing could be looked at in {name}: this says nothing about flaws."
    if not audit.verified:
        known = "how many flaws the audit would have found was not measured" if not audit.power_measured else "see what it would have found"
        return f"No finding was verified in {name}; {known}."
    levels = [numbers.count(sum(one.level is level for one in audit.verified), str(level)) for level in ORDER]
    counted = numbers.and_list([words for words in levels if not words.startswith("0 ")])
    found = f"{numbers.count(len(audit.verified), 'verified finding')} in {name} ({counted})"
    return f"{found}, {_new(outcome)}: exit code {int(outcome.exit_code)}."


def coverage_words(audit: Audit) -> str:
    """How many looks were made, and within what time."""
    whole, part = (sum(stage.coverage is one for stage in audit.stages) for one in (Coverage.WHOLE, Coverage.PART))
    parts = [f"{whole} of {numbers.count(len(audit.stages), 'look')} made whole", *([f"{part} in part"] if part else [])]
    missed = len(audit.stages) - whole - part
    parts += [f"{missed} not at all"] if missed else []
    return f"{', '.join(parts)}; {time_words(audit)}."


def missed_words(audit: Audit) -> str:
    """Which looks were not made, or in part only; empty if all were made whole."""
    missed = {
        "Not looked at": [stage.title for stage in audit.stages if stage.coverage not in {Coverage.WHOLE, Coverage.PART}],
        "In part": [stage.title for stage in audit.stages if stage.coverage is Coverage.PART],
    }
    return " ".join(f"{words}: {'; '.join(titles)}." for words, titles in missed.items() if titles)


def power_words(audit: Audit) -> str:
    """What is known of the flaws that the audit would have found."""
    return UNMEASURED if audit.power is None else " ".join(power_sentences(audit.power))


def repair_words(audit: Audit) -> str:
    """What became of a repair; empty where none was asked for."""
    return "" if audit.repair is None else " ".join(repair_sentences(audit.repair))


def sentence(text: str) -> str:
    """A title with a capital letter and a full stop.

    >>> sentence("no image of `frog`"), sentence("It works.")
    ('No image of `frog`.', 'It works.')
    """
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def effect_words(finding: Finding) -> str:
    """The effect with interval, sample, comparison and test."""
    effect = finding.effect
    if effect is None:
        return "A fact that needs no test." if finding.standing is Standing.VERIFIED else "Nothing was measured on fresh images."
    if effect.p is None:
        return (
            f"{effect.words[:1].upper()}{effect.words[1:]}: {_number(effect.value)}, n = {effect.images} images; a fact that needs no test."
        )
    inside = f"{effect.interval.level:.0%} interval {_number(effect.interval.low)} to {_number(effect.interval.high)}"
    measured = f"{effect.words[:1].upper()}{effect.words[1:]}: {_number(effect.value)} ({inside}, n = {effect.images} fresh images)"
    return f"{measured}, against {_number(effect.against)} for {effect.against_words}; {_test(effect)}."


def standing_words(outcome: Outcome) -> str:
    """How many claims were not verified, or refuted; empty if all were verified."""
    parts = []
    if outcome.unverified:
        parts.append(f"{numbers.count(len(outcome.unverified), 'claim')} could not be tested")
    if outcome.refuted:
        parts.append(f"{numbers.count(len(outcome.refuted), 'claim')} did not hold on fresh images")
    return f"{numbers.and_list(parts)}." if parts else ""


def time_words(audit: Audit) -> str:
    """Time spent and budget; an audit that went on where another had stopped spent the time of the looks that it found, too."""
    spent = max(audit.seconds, sum(stage.seconds for stage in audit.stages))
    return f"{numbers.seconds(spent)} spent of a budget of {numbers.seconds(audit.budget_seconds)}"


def accuracy_words(audit: Audit) -> str:
    """Accuracy on fresh images with its interval; says so where it is unknown."""
    looked = audit.looked
    if looked.accuracy is None:
        return "accuracy unknown: the images have no labels"
    share = f"accuracy {_number(looked.accuracy)}"
    if looked.fresh < 2:
        return f"{share} on {numbers.count(looked.fresh, 'fresh image')}: too few for an interval"
    found = wilson(round(looked.accuracy * looked.fresh), looked.fresh)
    return f"{share} ({found.level:.0%} interval {_number(found.low)} to {_number(found.high)}, n = {looked.fresh} fresh images)"


def stage_words(stage: Stage) -> str:
    """How far a look came."""
    return {
        Coverage.WHOLE: f"looked at whole: {stage.words}",
        Coverage.PART: f"looked at in part: {stage.words}",
        Coverage.NOTHING: f"not looked at: {stage.words}",
    }[stage.coverage]


def gone_words(outcome: Outcome) -> str:
    """Accepted findings that were not verified this time; empty if there are none."""
    if not outcome.gone:
        return ""
    ids = ", ".join(one.id for one in outcome.gone)
    return f"Of the baseline {numbers.count(len(outcome.gone), 'finding was', 'findings were')} not verified this time: {ids}."


def plain(text: str) -> str:
    """Text for programs: ordinary spaces and minus signs."""
    return text.replace("\u00a0", " ").replace("\u2212", "-")


def _number(value: float) -> str:
    return plain(numbers.figure(float(value)))


def _test(effect: Effect) -> str:
    assert effect.p is not None
    one = plain(numbers.p_value(effect.p))
    return f"{one}, {plain(numbers.p_value(effect.p_adjusted))} after Holm's correction" if effect.p_adjusted is not None else one


def _new(outcome: Outcome) -> str:
    accepted = len(outcome.accepted)
    if not outcome.baseline.accepted:
        return f"{len(outcome.failing)} at the threshold `{outcome.fail_on}` or above it"
    return f"{accepted} accepted before, {len(outcome.failing)} new at the threshold `{outcome.fail_on}` or above it"
