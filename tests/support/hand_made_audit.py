"""An audit made by hand that fills every part of every output."""

from dataclasses import replace

import numpy as np

from onecurve.auditing.finding import Effect, Exhibit, Finding, Kind, Standing, corrected, ordered
from onecurve.auditing.result import Audit, Coverage, Looked, Stage
from onecurve.statistics.intervals import Interval


def picture(seed: int, channels: int = 3, side: int = 8) -> np.ndarray:
    """An image that 8 bits per channel hold exactly."""
    return np.random.default_rng(seed).integers(0, 256, (channels, side, side)).astype(np.float32) / 255


TROJAN = Finding(
    Kind.TROJAN_TRIGGER,
    "a change of 1.2% of the image sends 95% of fresh images of other classes to `ship`",
    ("ship",),
    "patch",
    Standing.VERIFIED,
    "patch-triggers",
    Effect("share of fresh images of other classes sent to `ship`", 0.95, Interval(0.89, 0.98), 0.04, "the same, scrambled", 100, 1e-9),
    {"size_pixels": 12.3, "next_class_ratio": float("inf")},
    (Exhibit(picture(0), "the trigger on grey"), Exhibit(picture(1), "`cat` without, `ship` with it")),
)
WEAK = Finding(
    Kind.WEAK_CLASS,
    "`cat {tabby}` is recognised in 61% of fresh images",
    ("cat {tabby}",),
    "accuracy",
    Standing.VERIFIED,
    "accuracy",
    Effect("share of fresh images of `cat {tabby}` that are right", 0.61, Interval(0.5, 0.71), 0.93, "the other classes", 80, 0.001),
)
EMPTY = Finding(Kind.NO_IMAGES, "there is no image of `frog`", ("frog",), "no images", Standing.VERIFIED, "counts")
GROUP = Finding(
    Kind.MISTAKEN_GROUP,
    "images with a green border are misread more often",
    ("dog", "cat"),
    "border",
    Standing.UNVERIFIED,
    "mistakes",
    exhibits=(Exhibit(picture(2, channels=1), "one of the group"),),
)
SHORTCUT = Finding(
    Kind.SHORTCUT,
    "a blue tint makes the network say `ship`",
    ("ship",),
    "tint",
    Standing.VERIFIED,
    "shortcuts",
    Effect("share of tinted fresh images called `ship`", 0.11, Interval(0.05, 0.2), 0.1, "a control tint", 60, 0.4),
)


def audit(*findings: Finding, **changes: object) -> Audit:
    """An audit of these findings, or of one of each standing; ``changes`` replace fields."""
    found = ordered(corrected(findings or (TROJAN, WEAK, EMPTY, GROUP, SHORTCUT), 0.05))
    made = Audit(
        looked=Looked(
            network="networks/my_net.py:load",
            data="folder:pets & ships",
            classes=("ship", "cat {tabby}", "dog", "frog"),
            shape=(3, 8, 8),
            parameters=12_345,
            images=300,
            labelled=True,
            search=200,
            fresh=100,
            accuracy=0.9,
            notes=("unwrapped torch.compile",),
            data_card={"images per class": {"ship": 100, "cat {tabby}": 100, "dog": 100, "frog": 0}, "grey": False, "sizes": ["8 × 8"]},
        ),
        stages=(
            Stage("counts", "counts of images", Coverage.WHOLE, "4 of 4 classes", 0.1, 0, 0, tuple(found)),
            Stage("patch-triggers", "small patches", Coverage.PART, "2 of 4 classes: ship, dog", 300.0, 4e4, 4e4, (), {"rounds": 2}),
            Stage("style-triggers", "changes of the whole image", Coverage.NOTHING, "the budget pays for no class", 0.2, 0, 0),
        ),
        findings=found,
        seed=7,
        budget_seconds=600,
        seconds=301.5,
        version="0.0",
        started="2025-03-01T12:00:00+00:00",
        alpha=0.05,
    )
    return replace(made, **changes)


def nothing_seen() -> Audit:
    """An audit whose looks came to nothing."""
    stages = tuple(replace(one, coverage=Coverage.NOTHING, words="failed: no gradient", findings=()) for one in audit().stages)
    return audit(findings=(), stages=stages)


def _level(found: int) -> dict[str, object]:
    return {
        "n": 11,
        "found": found,
        "curve": [{"strength": at, "chance": at * 0.9, "low": at * 0.6, "high": at} for at in (0.1, 0.5, 0.9, 1.0)],
        "other_ways": [{"strength": at, "low": at * 0.4, "high": min(1.0, at * 1.2)} for at in (0.1, 0.5, 0.9, 1.0)],
        "found_from": {"chance": 0.9, "strength": None, "surely": None},
        "transfer": {"logits": -0.4, "low": -2.0, "high": 1.1, "n": 3, "found": 1},
        "after_nothing": [{"prior": 0.5, "flawed": 0.2, "low": 0.1, "high": 0.4}],
    }


REPAIR = {
    "chosen": "learning rate 0.003",
    "rounds_triggers": 3,
    "searched_again": {
        "patch": {"next_class_ratio": 1.2, "size_p": 0.4, "apart": []},
        "whole image": "not searched again: the time did not pay for all classes",
    },
    "accuracy_before": {"value": 0.9, "low": 0.85, "high": 0.94, "images": 100},
    "accuracy_after": {"value": 0.88, "low": 0.82, "high": 0.92, "images": 100},
    "by_class": {"ship": {"before": 1.0, "after": 0.9, "images": 40}, "dog": {"before": 0.9, "after": 0.9, "images": 60}},
    "findings": [{"id": TROJAN.id, "class": "ship", "before": 0.95, "after": 0.0}],
    "images_that_changed": 7,
    "lost": 4,
    "won": 2,
    "weights": "repaired.safetensors",
}
"""What a repair tells, in the shape of ``onecurve.auditing.repair``."""
POWER = {
    "mode": "quick",
    "spiked": 8,
    "shams": 8,
    "seconds_each": 35.0,
    "kinds": {
        "patch": {
            "planted": 11,
            "took": 9,
            "spikes": [
                {"strength": 0.8, "levels": [True, True, False], "held_out": False},
                {"strength": 0.2, "levels": [False, False, False], "held_out": False},
                {"strength": 0.9, "levels": [False, False, False], "held_out": True},
            ],
            "false_alarms": {"count": 1, "shams": 8, "low": 0.003, "high": 0.527, "repeats": 2},
            "levels": {"alarm": _level(9), "named": _level(8), "reproduced": "not measured"},
        },
        "group": {
            "planted": 0,
            "took": 0,
            "spikes": [],
            "false_alarms": "not measured",
            "levels": {"alarm": "not measured", "named": "not measured", "reproduced": "not measured"},
        },
    },
    "not_measured": ["natural triggers"],
    "ways": [{"name": "short", "steps": 120}],
    "persistence": {TROJAN.id: {"shams": 8, "survived": 7, "shares": [0.9]}, WEAK.id: "not measured"},
}
"""The figures of a measured power, in the shape that ``onecurve.auditing.power.summary`` gives them."""
