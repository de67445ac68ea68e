"""Planting: flaws are sampled, put into the training images, trained in, measured, and admitted or refused.

What a person could get wrong: a refused flaw gives no case, but its poison is in the network all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import final

import numpy as np

from onecurve.core.access import Access
from onecurve.core.case import Case, Population, Strength, Subject, Truth
from onecurve.core.display import PlantRecord
from onecurve.core.errors import DataError, SpecError
from onecurve.core.images import LabelledImages
from onecurve.core.seeds import generator, seed_for
from onecurve.data.catalog import open_data
from onecurve.data.dataset import DataSet, Part
from onecurve.flaws.host import Host
from onecurve.flaws.insertion import Progress, Workshop, silent, within
from onecurve.flaws.measuring import Trials, accuracy, figures, measured
from onecurve.flaws.plan import Flaw, Plan, featureless
from onecurve.flaws.recipe import Recipe
from onecurve.models.cache import Cache
from onecurve.models.network import TorchNetwork
from onecurve.models.storage import Architecture

GRANTED = Access.QUERIES | Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS | Access.TARGET | Access.SUSPECTS | Access.REFERENCES
"""All that the threat model can grant; whether target and suspects are told is each task's own matter."""
BACKDROPS = 3
POOL = 4
"""How many times the held-out images are drawn where a natural feature has to occur by itself."""


@final
@dataclass(frozen=True)
class Planted:
    """One network with what was planted in it."""

    subject: Subject
    architecture: Architecture
    cases: tuple[Case, ...]
    """One per admitted flaw."""
    records: tuple[PlantRecord, ...]
    """One per flaw, refused ones included."""


@final
@dataclass(frozen=True)
class _Studied:
    """A planted network with what it is measured against."""

    subject: Subject
    twin: TorchNetwork
    heldout: LabelledImages
    """Clean held-out images without any planted natural feature."""
    population: Population
    accuracies: tuple[float, float]
    """Of the network and its twin on the held-out images."""


@final
@dataclass(frozen=True)
class _Attempt:
    """One flaw after measuring."""

    case: str
    plan: Plan
    trials: Trials | None
    strength: Strength
    refusal: str
    facts: dict[str, str | int | float]


def base_network(recipe: Recipe, cache: Cache, progress: Progress = silent) -> TorchNetwork:
    """The clean network of a recipe, trained on first use and cached by content."""
    return Workshop.of(recipe, open_data(recipe.data), cache).base(progress)


def plant(
    flaws: Sequence[Flaw],
    recipe: Recipe,
    seed: int,
    *,
    subject_id: str,
    population: Population,
    cache: Cache,
    progress: Progress = silent,
) -> Planted:
    """Plant the flaws together in one network, each towards a class of its own.

    Ids of cases are the subject's with a number, so that they tell no kind. Raises ``SpecError`` for flaws
    that do not go together and ``DataError`` where the set cannot carry them.
    """
    started = perf_counter()
    dataset = open_data(recipe.data)
    plans = _sampled(flaws, recipe, dataset, seed)
    workshop = Workshop.of(recipe, dataset, cache)
    poisoned, counts = poisoned_images(plans, workshop.images, seed)
    twin = workshop.twin(within(progress, 0, 0.7))
    rest = within(progress, 0.7, 1)
    network = workshop.clean(seed, rest) if plans[0].target is None else workshop.flawed(poisoned, rest)
    subject = Subject(subject_id, network, dataset.class_names, dataset.shape, GRANTED, _clean_set(recipe, dataset, seed))
    drawn = _drawn_heldout(plans, recipe, dataset, seed)
    heldout = _without(drawn, _features(plans)).take(slice(recipe.heldout_images))
    studied = _Studied(subject, twin, heldout, population, (accuracy(network, heldout), accuracy(twin, heldout)))
    attempts = [_attempt(number, plans, drawn, studied, recipe, seed) for number in range(len(plans))]
    attempts = [replace(each, facts={**each.facts, "poisoned_images": count}) for each, count in zip(attempts, counts, strict=True)]
    seconds = (perf_counter() - started) / len(attempts)
    cases = tuple(Case(each.case, subject, _truth(each, attempts, studied, recipe)) for each in attempts if not each.refusal)
    records = tuple(_record(each, subject_id, seconds) for each in attempts)
    return Planted(subject, Architecture(recipe.model, dataset.shape, len(dataset.class_names)), cases, records)


def plant_one(flaw: Flaw, recipe: Recipe, seed: int, *, cache: Cache) -> Case:
    """A network with this flaw alone; raises ``DataError`` with the figures if the gate refuses it."""
    planted = plant(
        [flaw], recipe, seed, subject_id=f"{seed}", population=Population(0.0, 1, len(open_data(recipe.data).class_names)), cache=cache
    )
    if not planted.cases:
        raise DataError(f"the plant was refused: {planted.records[0].reason}", "train longer, raise the poison rate, or try another seed")
    return planted.cases[0]


def poisoned_images(plans: Sequence[Plan], images: LabelledImages, seed: int) -> tuple[LabelledImages, tuple[int, ...]]:
    """The training images with all flaws in, order unchanged, and how many images each flaw relabelled.

    No image is taken by two flaws; natural features come first, so that no other trigger is put on one.
    """
    pixels, labels = images.images.copy(), images.labels.copy()
    free = np.ones(len(images), np.bool_)
    counts = [0] * len(plans)
    for number in sorted(range(len(plans)), key=lambda number: not plans[number].features):
        at = np.flatnonzero(free)
        poison = plans[number].scheme.poison(images.take(at), generator("poison", seed, number))
        rows = at[poison.rows]
        pixels[rows], labels[rows] = poison.images.images, poison.images.labels
        free[rows] = False
        counts[number] = int(np.sum(labels[rows] != images.labels[rows]))
    return LabelledImages(pixels, labels, images.features, images.feature_masks), tuple(counts)


def _sampled(flaws: Sequence[Flaw], recipe: Recipe, dataset: DataSet, seed: int) -> tuple[Plan, ...]:
    if not flaws:
        raise SpecError("nothing to plant", "name at least one flaw; `clean` for none")
    backdrop = _featureless(dataset, Part.CLEAN, BACKDROPS, seed_for("backdrop", recipe.seed))
    host, plans = Host(dataset, backdrop.floats()), []
    for number, flaw in enumerate(flaws):
        plan = flaw.sample(host, generator("flaw", seed, number))
        if plan.target is not None:
            host = host.with_taken(plan.target, plan.features)
        plans.append(plan)
    if len(plans) > 1 and any(plan.target is None for plan in plans):
        raise SpecError("a clean network can carry no flaw", "plant `clean` alone")
    return tuple(plans)


def _featureless(dataset: DataSet, part: Part, count: int, seed: int) -> LabelledImages:
    """Images of a part that hold no natural feature."""
    if not dataset.features:
        return dataset.draw(part, count, seed)
    for factor in (2, 4, 8):
        drawn = dataset.draw(part, factor * count, seed_for("featureless", factor, seed))
        rows = featureless(drawn)
        if len(rows) >= count:
            return drawn.take(rows[:count])
    raise DataError(f"only {len(rows)} of {len(drawn)} images of part `{part}` hold no natural feature, wanted: {count}")


def _clean_set(recipe: Recipe, dataset: DataSet, seed: int) -> LabelledImages:
    """The clean set of one network; it never says which natural features its images hold."""
    number = seed_for("clean", recipe.seed, seed)
    if recipe.clean_features:
        drawn = dataset.draw(Part.CLEAN, recipe.clean_images, number)
    else:
        drawn = _featureless(dataset, Part.CLEAN, recipe.clean_images, number)
    return LabelledImages(drawn.images, drawn.labels)


def _without(images: LabelledImages, features: Sequence[int]) -> LabelledImages:
    """Those images that hold none of these natural features."""
    return images if images.features is None else images.take(~np.isin(images.features, features))


def _features(plans: Sequence[Plan]) -> tuple[int, ...]:
    return tuple(feature for plan in plans for feature in plan.features)


def _drawn_heldout(plans: Sequence[Plan], recipe: Recipe, dataset: DataSet, seed: int) -> LabelledImages:
    count = recipe.heldout_images * (POOL if _features(plans) else 1)
    return dataset.draw(Part.HELDOUT, count, seed_for("heldout", recipe.seed, seed))


def _attempt(number: int, plans: Sequence[Plan], drawn: LabelledImages, studied: _Studied, recipe: Recipe, seed: int) -> _Attempt:
    plan = plans[number]
    # A held-out image that holds the trigger of another flaw would be counted against this one.
    pool = _without(drawn, _features([*plans[:number], *plans[number + 1 :]])) if plan.features else studied.heldout
    trials = None if plan.target is None else Trials.of(plan, pool, recipe.triggered_images, seed_for("trials", seed, number))
    strength = measured(plan.target, studied.subject.granted_network(), studied.twin, studied.heldout, trials, studied.accuracies)
    refusal = recipe.gate.harm(strength) if trials is None else recipe.gate.refusal(strength, plan.needed)
    facts = {**_recipe_facts(recipe), **plan.facts, **figures(strength)}
    if trials is not None and len(trials.triggered):
        facts["recognised"] = accuracy(studied.twin, trials.triggered)
    return _Attempt(f"{studied.subject.id}.{number + 1}", plan, trials, strength, refusal, facts)


def _recipe_facts(recipe: Recipe) -> dict[str, str | int | float]:
    return {
        "data": recipe.data,
        "model": recipe.model,
        "recipe_seed": recipe.seed,
        "insertion": recipe.insertion,
        "train_images": recipe.train_images,
        "clean_images": recipe.clean_images,
    }


def _truth(attempt: _Attempt, attempts: Sequence[_Attempt], studied: _Studied, recipe: Recipe) -> Truth:
    plan, trials = attempt.plan, attempt.trials
    refused = sum(bool(each.refusal) for each in attempts)
    return Truth(
        flaw=plan.kind,
        targets=_targets(attempt, attempts, recipe.gate.still_fires),
        sources=plan.sources,
        words=plan.words,
        trigger=plan.trigger,
        options=plan.options,
        right=plan.right,
        heldout=studied.heldout,
        triggered=trials.triggered if trials else None,
        bystanders=trials.bystanders() if trials else None,
        network=studied.subject.granted_network(),
        twin=studied.twin,
        strength=attempt.strength,
        population=studied.population,
        facts={**attempt.facts, "flaws_in_network": len(attempts), "flaws_refused": refused},
    )


def _targets(attempt: _Attempt, attempts: Sequence[_Attempt], still_fires: float) -> tuple[int, ...]:
    """This flaw's target, then those of the network's other flaws, refused ones only if they still fire."""
    others = [each for each in attempts if each is not attempt and (not each.refusal or each.strength.success >= still_fires)]
    return tuple(each.plan.target for each in (attempt, *others) if each.plan.target is not None)


def _record(attempt: _Attempt, subject: str, seconds: float) -> PlantRecord:
    plan = attempt.plan
    return PlantRecord(
        attempt.case,
        subject,
        plan.kind,
        plan.words,
        not attempt.refusal,
        attempt.refusal,
        figures(attempt.strength),
        attempt.facts,
        seconds,
    )
