"""What the blind audits of copies say of the audit of the original: curves, false alarms, transfer, what a nothing means."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from onecurve.auditing.power.copies import Copy, told, ways_in_words
from onecurve.auditing.power.spikes import SpikeKind
from onecurve.auditing.power.verdicts import LEVELS, NO_ALARMS, Alarms, Verdict
from onecurve.statistics.detection_curve import DetectionCurve, OtherOrigin, exact_share, fitted_curve, flawed_given_nothing
from onecurve.statistics.intervals import TooFewError

STRENGTHS: Final = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
"""Strengths at which a curve is told: the share of images that the flaw changes."""
WEIGHED: Final = (0.5, 0.7, 0.9, 1.0)
"""Strengths over which the power behind `flawed, although nothing was found` is averaged."""
PRIORS: Final = (0.5, 0.1, 0.01)
FOUND: Final = 0.9
NOT_MEASURED: Final = "not measured"
TOOK: Final = 0.3
"""A planted flaw took if it changes at least this share of its images."""
FEWEST_TAKEN: Final = 2
"""With fewer planted flaws that took there is no curve: weak ones alone say nothing of strong ones."""
NEVER_PLANTED: Final = (
    "natural triggers",
    "triggers that depend on the image",
    "shortcuts by shape, place or texture",
    "flaws in images that nobody has",
)


def summary(
    mode: str, copies: Sequence[Copy], judged: Sequence[Verdict], alarms: Mapping[str, Alarms], seconds_each: float
) -> dict[str, Any]:
    """The figures for every output; ``alarms`` are those on sham copies by kind."""
    kinds = {str(kind): _of_kind([one for one in judged if one.kind is kind], alarms.get(kind, NO_ALARMS)) for kind in SpikeKind}
    return {
        "mode": mode,
        "spiked": sum(not copy.draft.sham for copy in copies),
        "shams": sum(copy.draft.sham for copy in copies),
        "seconds_each": seconds_each,
        "kinds": kinds,
        "not_measured": list(NEVER_PLANTED),
        "ways": ways_in_words(),
        "copies": {copy.name: told(copy) for copy in copies},
    }


def _of_kind(judged: Sequence[Verdict], alarms: Alarms) -> dict[str, Any]:
    own = [one for one in judged if not one.held_out]
    foreign = [one for one in judged if one.held_out]
    counts = {level: alarms.new if level == LEVELS[0] else alarms.named for level in LEVELS}
    return {
        "planted": len(judged),
        "took": sum(one.strength >= TOOK for one in judged),
        "spikes": [asdict(one) for one in judged],
        "false_alarms": _false_alarms(alarms),
        "levels": {level: _level(level, own, foreign, counts[level], alarms.shams) for level in LEVELS},
    }


def _false_alarms(alarms: Alarms) -> dict[str, Any] | str:
    if alarms.shams == 0:
        return NOT_MEASURED
    interval = exact_share(alarms.new, alarms.shams)
    repeats = alarms.any - alarms.new
    return {"count": alarms.new, "shams": alarms.shams, "low": interval.low, "high": interval.high, "repeats": repeats}


def _level(level: str, own: Sequence[Verdict], foreign: Sequence[Verdict], alarms: int, shams: int) -> dict[str, Any] | str:
    if sum(one.strength >= TOOK for one in own) < FEWEST_TAKEN:
        return NOT_MEASURED
    try:
        curve = fitted_curve([one.trial(level) for one in own], alarms, shams)
    except TooFewError:
        return NOT_MEASURED
    other = curve.other_origin([one.trial(level) for one in foreign])
    band, wider = curve.at(STRENGTHS), other.at(STRENGTHS)
    half, whole = curve.strength_found(FOUND)
    return {
        "n": len(own),
        "found": sum(one.trial(level).found for one in own),
        "curve": [
            {"strength": float(strength), "chance": float(chance), "low": float(low), "high": float(high)}
            for strength, chance, low, high in zip(band.strengths, band.middle, band.low, band.high, strict=True)
        ],
        "other_ways": [
            # A way that nobody tried may be like the ones behind the curve, or like those kept apart.
            {"strength": float(strength), "low": float(low), "high": float(high)}
            for strength, low, high in zip(band.strengths, np.minimum(band.low, wider.low), np.maximum(band.high, wider.high), strict=True)
        ],
        "found_from": {"chance": FOUND, "strength": half, "surely": whole},
        "transfer": _transfer(other, level, foreign),
        "after_nothing": _after_nothing(curve, alarms, shams),
    }


def _transfer(other: OtherOrigin, level: str, foreign: Sequence[Verdict]) -> dict[str, Any] | str:
    """By how many logits flaws that were planted in ways kept apart are easier to find than the curve says."""
    if not foreign:
        return NOT_MEASURED
    shift, interval = other.shift()
    return {
        "logits": shift,
        "low": interval.low,
        "high": interval.high,
        "n": len(foreign),
        "found": sum(one.trial(level).found for one in foreign),
    }


def _after_nothing(curve: DetectionCurve, alarms: int, shams: int) -> list[dict[str, float]]:
    power, interval = curve.mean_over(WEIGHED)
    false = (alarms + 0.5) / (shams + 1)
    return [
        {
            "prior": prior,
            "flawed": flawed_given_nothing(prior, power, false),
            "low": flawed_given_nothing(prior, interval.high, false),
            "high": flawed_given_nothing(prior, interval.low, false),
        }
        for prior in PRIORS
    ]
