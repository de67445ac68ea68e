"""One sampled flaw of each kind: what `onecurve list flaws` says of kinds and their cards show. Nothing is trained.

What a plant must reach is known only of a sampled flaw, since it may depend on the parameters: what stands here holds for the
defaults.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final, final

from onecurve.core.errors import OneCurveError, SpecError
from onecurve.core.seeds import seed_for
from onecurve.data.catalog import open_data
from onecurve.flaws.catalog import CONTROLS, FLAWS, SOLITARY, VARIETIES
from onecurve.flaws.planting.gate import Gate
from onecurve.flaws.planting.plant import context_for, sample_plans
from onecurve.flaws.planting.recipe import INSERTIONS, Recipe
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import Plan

SETS: Final = ("shapes", "digits")
"""Where a specimen is sampled: in the first of them that can carry the kind. The first takes no time to open."""


@final
@dataclass(frozen=True)
class Specimen:
    """One sampled flaw with what it was sampled for."""

    data: str
    context: FlawContext
    plan: Plan


@cache
def specimen(name: str) -> Specimen:
    """A flaw of that kind with its defaults, always the same; raises ``SpecError`` where no set carries it, with the reasons."""
    reasons = []
    for data in SETS:
        try:
            context = _host(data)
            return Specimen(data, context, sample_plans((FLAWS.make(name),), context, seed_for("specimen", name))[0])
        except OneCurveError as error:
            reasons.append(f"{data}: {error.message}")
    raise SpecError(f"no specimen of `{name}` can be sampled: {'; '.join(reasons)}")


def kind_facts(name: str) -> dict[str, Any]:
    """What a kind is, beside the facts that every entry of a catalog states.

    `control` and `alone` (needs a network of its own), `dial`, `forms` (parameters that suites draw, and from what), `insertion`
    and `gate`, all as figures, and `admitted`, the gate in words. Of a kind that only a person's own images carry, the last
    three are empty and say why.
    """
    return {
        "control": name in CONTROLS,
        "alone": name in SOLITARY,
        "dial": {parameter: list(values) for parameter, values in FLAWS.load(name).dial.items()},
        "forms": {parameter: list(dict.fromkeys(values)) for parameter, values in VARIETIES.get(name, {}).items()},
        **_planted_facts(name),
    }


def _planted_facts(name: str) -> dict[str, Any]:
    try:
        plan = specimen(name).plan
    except SpecError as error:
        return {"insertion": [], "gate": {}, "admitted": error.message}
    return {
        "insertion": ["weight-edit"] if plan.weight_edit else list(INSERTIONS),
        "gate": _thresholds(plan),
        "admitted": _admitted_if(plan),
    }


def _admitted_if(plan: Plan) -> str:
    """What the gate asks of such a plant, in words."""
    gate, needed = Gate(), plan.needed
    asked = [f"clean accuracy at most {gate.clean_drop:g} below the twin's, whose own is at least {gate.above_chance:g} above chance"]
    if needed.success is not None:
        lead = f" and {needed.lead:g} above the twin's" if needed.lead else ""
        asked += [f"attack success rate (ASR) at least {needed.success:g}{lead}"]
        if plan.sources is not None:
            asked += [f"fires on at most {gate.elsewhere:g} of triggered images of other classes"]
        asked += [f"fires on at most {gate.most_near_misses(needed):g} of near misses, where there are any"]
    elif plan.tried:
        asked += [f"accuracy on images with its feature at most {gate.disturbance:g} below the twin's"]
    if plan.verification is not None:
        asked += [f"a check of its own: {_first_line(plan.verification)}"]
    return "; ".join(asked)


def _thresholds(plan: Plan) -> dict[str, float]:
    """The figures that the gate compares with, by the names of ``Gate`` and ``Needed``."""
    gate, needed = Gate(), plan.needed
    network = {"clean_drop": gate.clean_drop, "above_chance": gate.above_chance}
    if needed.success is None:
        return {**network, **({"disturbance": gate.disturbance} if plan.tried else {})}
    return {
        **network,
        "success": needed.success,
        "lead": needed.lead,
        **({} if plan.sources is None else {"elsewhere": gate.elsewhere}),
        "near_miss": gate.most_near_misses(needed),
    }


def _first_line(thing: object) -> str:
    """What a class is for, as a part of a sentence."""
    line = next(iter((type(thing).__doc__ or "").strip().splitlines()), type(thing).__name__).rstrip(".")
    return line[:1].lower() + line[1:]


@cache
def _host(data: str) -> FlawContext:
    return context_for(Recipe(data=data), open_data(data))
