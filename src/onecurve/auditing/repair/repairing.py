"""Repairs a network of its verified triggers, measures it on fresh images, and searches it again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from torch import nn

from onecurve.auditing.examined import Allowance, Examined
from onecurve.auditing.finding import Finding, Kind, Standing
from onecurve.auditing.looks.machinery.effort import EFFORTS, pairs_per_second, whole_effort
from onecurve.auditing.looks.machinery.inverters import Inverter, PatchInverter, StyleInverter
from onecurve.auditing.looks.machinery.outlying import outlying
from onecurve.auditing.repair.candidates import ENOUGH, Aim, candidates, chosen, reach
from onecurve.models.metering import unmetered
from onecurve.models.network import TorchNetwork
from onecurve.runner.session import Display
from onecurve.statistics.intervals import wilson

MOST_LOSS: Final = 0.03
"""A repair that costs more accuracy than this on fresh images is refused."""
AGAIN: Final = 2
"""Further triggers of each target, searched with seeds of their own, so that no single one is learnt by heart."""
AGAIN_SHARE: Final = 0.25
"""At most about this share of the time goes to them."""
ROUNDS: Final = 3
"""At most so many rounds of unlearning and searching again."""
KINDS: Final = (Kind.TROJAN_TRIGGER,)


@final
@dataclass(frozen=True)
class Repaired:
    """The network that is handed back, and what to tell of it."""

    module: nn.Module | None
    """None where nothing is handed back."""
    told: dict[str, Any]


def repair(examined: Examined, findings: Sequence[Finding], allowance: Allowance, display: Display) -> Repaired:
    """Unlearn the verified trojan triggers of the findings; the untouched network is always a candidate.

    Refuses, with a reason, where nothing verified can be unlearnt, without labels, and where accuracy on fresh images falls by more
    than ``MOST_LOSS``.
    """
    aimed = [one for one in findings if one.kind in KINDS and one.standing is Standing.VERIFIED and one.trigger is not None]
    if not examined.labelled:
        return Repaired(None, {"refused": "a repair needs the labels of the images"})
    if not aimed:
        return Repaired(None, {"refused": "there is no verified trigger to unlearn"})
    display.phase("unlearn and search again", ROUNDS)
    aims, bare, searched = _aims(examined, aimed, allowance), unmetered(examined.module), dict[str, Any]()
    choice = None
    for _ in range(ROUNDS):
        choice = chosen(candidates(examined, bare, aims, allowance), MOST_LOSS)
        found, searched = _searched_again(examined, choice.module, aimed, allowance)
        display.done(1, failed=False)
        if not found or not allowance.left:
            break
        aims = (*aims, *found)
    assert choice is not None
    told = {"chosen": choice.words, "rounds_triggers": len(aims), "searched_again": searched, **_compared(examined, choice.module, aimed)}
    loss = told["accuracy_before"]["value"] - told["accuracy_after"]["value"]
    if loss > MOST_LOSS:
        return Repaired(
            None, {**told, "refused": f"the repair would cost {loss:.1%} of accuracy on fresh images, more than {MOST_LOSS:.0%}"}
        )
    if choice.words == "untouched":
        return Repaired(None, {**told, "refused": "no repair unlearns the triggers at so little loss; the network is left as it is"})
    return Repaired(choice.module, told)


def _aims(examined: Examined, aimed: Sequence[Finding], allowance: Allowance) -> tuple[Aim, ...]:
    """The triggers of the findings, and others of the same targets that are found independently in a quarter of the time."""
    found = []
    for one in aimed:
        assert one.trigger is not None
        assert one.target is not None
        found.append(Aim(one.trigger, one.target))
        for turn in range(AGAIN):
            if allowance.spent > allowance.seconds * AGAIN_SHARE:
                break
            more = _inverter(one).search(examined, np.array([one.target]), EFFORTS[0], examined.seed_of("trigger again", one.id, turn))
            found += [Aim(trigger, one.target) for trigger in more.triggers if trigger is not None]
    return tuple(found)


def _searched_again(
    examined: Examined, module: nn.Module, aimed: Sequence[Finding], allowance: Allowance
) -> tuple[list[Aim], dict[str, Any]]:
    """A new search over all classes of the repaired network: triggers of targets that still stand apart, and what was found.

    Where the time does not pay for all classes nothing is searched, and the words say so.
    """
    again = examined.with_module(module)
    found, told = [], dict[str, Any]()
    for where, one in {finding.where: finding for finding in aimed}.items():
        plan = whole_effort(examined.classes, allowance.left, pairs_per_second(again))
        if plan is None:
            told[where] = "not searched again: the time did not pay for all classes"
            continue
        done = _inverter(one).search(again, np.arange(examined.classes), plan.first, examined.seed_of("again", where))
        apart = outlying(done.sizes)
        told[where] = {
            "next_class_ratio": round(apart.ratio, 2),
            "size_p": apart.p,
            "apart": [examined.class_names[row] for row in apart.rows],
        }
        found += [Aim(done.triggers[row], int(row)) for row in apart.rows if done.triggers[row] is not None]
    return found, told


def _inverter(finding: Finding) -> Inverter:
    return PatchInverter() if finding.where == "patch" else StyleInverter()


def _compared(examined: Examined, module: nn.Module, aimed: Sequence[Finding]) -> dict[str, Any]:
    """Before and after on fresh images: accuracy in all and by class, the findings again, and images whose class changed."""
    fresh, before = examined.fresh, examined.seen_fresh.said
    network = TorchNetwork(module, examined.device)
    after = network.logits(fresh.floats()).argmax(axis=1)
    flipped = before != after
    return {
        "accuracy_before": _share(before == fresh.labels),
        "accuracy_after": _share(after == fresh.labels),
        "by_class": {
            name: {"before": _mean(before == fresh.labels, rows), "after": _mean(after == fresh.labels, rows), "images": int(rows.sum())}
            for name, rows in ((name, fresh.labels == at) for at, name in enumerate(examined.class_names))
            if rows.any()
        },
        "findings": [_again(examined, network, one) for one in aimed],
        "images_that_changed": int(flipped.sum()),
        "lost": int((flipped & (before == fresh.labels)).sum()),
        "won": int((flipped & (after == fresh.labels)).sum()),
        "limit_loss": MOST_LOSS,
        "good_below": ENOUGH,
    }


def _again(examined: Examined, network: TorchNetwork, one: Finding) -> dict[str, Any]:
    assert one.trigger is not None
    assert one.target is not None
    aim = Aim(one.trigger, one.target)
    shares = [reach(some, aim, examined.fresh, examined) for some in (examined.network, network)]
    return {"id": one.id, "class": examined.class_names[one.target], "before": shares[0], "after": shares[1]}


def _share(right: np.ndarray) -> dict[str, float]:
    interval = wilson(int(right.sum()), len(right))
    return {"value": float(right.mean()), "low": interval.low, "high": interval.high, "images": len(right)}


def _mean(right: np.ndarray, rows: np.ndarray) -> float:
    return float(right[rows].mean())
