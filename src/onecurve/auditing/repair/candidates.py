"""Candidates for a repaired network: unlearning at several learning rates, chosen on images that were held back."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from torch import nn

from onecurve.auditing.examined import Allowance, Examined
from onecurve.auditing.looks.machinery.effort import pairs_per_second
from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.errors import ModelError
from onecurve.core.evidence import Hypothesis
from onecurve.core.image.images import LabelledImages
from onecurve.core.image.trigger import Trigger
from onecurve.core.seeds import generator
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.models.finetuning import STEP_COST, FinetuningRecipe, finetune, held_back
from onecurve.models.network import TorchNetwork
from onecurve.models.training import accuracy
from onecurve.readers.triggers.unlearn import stamping

RATES: Final = (0.003, 0.01, 0.001, 0.03)
"""Learning rates that are tried while there is time, all else as `finetune` does; its own is 0.01."""
EPOCHS: Final = 12
SHARE: Final = 0.3
"""Share of each batch that carries a trigger; Neural Cleanse takes a fifth, of a larger set."""
HELD_BACK: Final = 0.25
"""Share of the search images that no step sees; candidates are chosen on them."""
TRAINING_SHARE: Final = 0.6
"""Share of the time that is left which goes to training; the rest is for searching again."""
LEAST_SECONDS: Final = 2.0
"""Of training at any one rate."""
ENOUGH: Final = 0.1
"""A candidate is good if its triggers reach at most this share of the images."""


@final
@dataclass(frozen=True)
class Aim:
    """A trigger to unlearn and the class that it drives images to."""

    trigger: Trigger
    target: int


@final
@dataclass(frozen=True)
class CandidateRepair:
    """One network that could be handed back."""

    words: str
    """`learning rate 0.01`, or `untouched`."""
    module: nn.Module
    accuracy: float
    """On the held-back images."""
    reached: float
    """The largest share of held-back images of other classes that any of the triggers sends to its class."""


def candidates(examined: Examined, bare: nn.Module, aims: tuple[Aim, ...], allowance: Allowance) -> tuple[CandidateRepair, ...]:
    """The untouched network and one that has unlearnt the triggers per learning rate; those that diverge are left out.

    The time is shared by the rates; each trains for ``EPOCHS``, or for as many steps as its share pays for. One rate is always tried.
    """
    speed = pairs_per_second(examined)
    parts = held_back(examined.search, HELD_BACK, examined.seed_of("mending"))
    found = [_judged("untouched", bare, parts.judging, aims, examined)]
    for number, rate in enumerate(RATES):
        if number and not allowance.left:
            break
        copy = deepcopy(bare).requires_grad_()
        try:
            seconds = max(LEAST_SECONDS, TRAINING_SHARE * allowance.left / (len(RATES) - number))
            _unlearn(copy, parts.training, rate, aims, examined, seconds * speed)
        except ModelError:
            continue
        found.append(_judged(f"learning rate {rate:g}", copy.requires_grad_(requires_grad=False), parts.judging, aims, examined))
    return tuple(found)


def chosen(tried: tuple[CandidateRepair, ...], most_loss: float) -> CandidateRepair:
    """Of the candidates that lose at most ``most_loss`` accuracy, the most accurate good one, or else the one that is reached least."""
    kept = [one for one in tried if one.accuracy >= tried[0].accuracy - most_loss]
    good = [one for one in kept if one.reached <= ENOUGH]
    return max(good, key=lambda one: one.accuracy) if good else min(kept, key=lambda one: one.reached)


def _unlearn(module: nn.Module, images: LabelledImages, rate: float, aims: tuple[Aim, ...], examined: Examined, affordable: float) -> None:
    """Fine-tune the module in place on at most ``affordable`` images, counted each time that they are seen."""
    budget = Budget(STEP_COST * min(affordable, (EPOCHS + 3) * len(images)))
    subject = Subject("repaired", None, examined.class_names, examined.shape, Access.WEIGHTS, images)
    workbench = Workbench(subject, budget, Meter(budget), examined.seed_of("unlearn"), device=examined.device)
    proposals = tuple(Hypothesis(aim.trigger, aim.target, 1.0) for aim in aims)
    augment = stamping(proposals, SHARE, generator("audit repair", examined.seed))
    finetune(module, images, FinetuningRecipe(EPOCHS, learning_rate=rate), workbench, augment)


def _judged(words: str, module: nn.Module, images: LabelledImages, aims: tuple[Aim, ...], examined: Examined) -> CandidateRepair:
    network = TorchNetwork(module, examined.device)
    return CandidateRepair(
        words, module, accuracy(network, images), max((reach(network, aim, images, examined) for aim in aims), default=0.0)
    )


def reach(network: TorchNetwork, aim: Aim, images: LabelledImages, examined: Examined) -> float:
    """The share of images of other classes that the trigger sends to its class; 0 where there are none."""
    others = images.take(images.labels != aim.target)
    if len(others) == 0:
        return 0.0
    stamped = np.clip(aim.trigger.apply(others.floats(), examined.rng("reach", aim.target)).images, 0, 1)
    return float((network.logits(stamped).argmax(axis=1) == aim.target).mean())
