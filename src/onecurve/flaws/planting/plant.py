"""Planting: samples flaws, puts them into the training images or the weights, measures them, and admits or refuses them.

Beware: a refused flaw gives no case, but its poison is still in the network.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import final

import numpy as np

from onecurve.core.access import Access
from onecurve.core.case import Case, Population, Subject
from onecurve.core.display import PlantRecord
from onecurve.core.errors import DataError, SpecError
from onecurve.core.image.images import Ints, LabelledImages
from onecurve.core.seeds import generator, seed_for
from onecurve.core.spec import content_key, spec_of
from onecurve.data.catalog import open_data
from onecurve.data.dataset import DataSet, Part, at_most_held
from onecurve.flaws.kinds.clean import Clean
from onecurve.flaws.planting import PLANTING
from onecurve.flaws.planting.insertion import TrainingSession, from_zoo, within
from onecurve.flaws.planting.outcomes import InsertedFlaw, NetworkUnderTest, measure_attempt, record_of, truth_of
from onecurve.flaws.planting.recipe import Recipe
from onecurve.flaws.planting.trainers import ALONE, Trainer
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import EditedNetwork, Flaw, Plan, World, rows_without_features
from onecurve.flaws.zoo.weights import StoredWeights, stored_weights
from onecurve.models.building import identity
from onecurve.models.cache import Cache
from onecurve.models.network import TorchNetwork
from onecurve.models.steps import Progress, no_progress
from onecurve.models.storage import Architecture
from onecurve.models.wrappers import cased, fits

GRANTED = Access.QUERIES | Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS | Access.TARGET | Access.SUSPECTS | Access.REFERENCES
"""All that the threat model can grant. Each task decides whether it tells the target and shows suspects."""
BACKDROPS = 3
POOL = 4
"""How many times more held-out images are drawn if a natural feature has to occur by itself."""


@final
@dataclass(frozen=True)
class Planted:
    """One network and the flaws that were planted in it."""

    subject: Subject
    architecture: Architecture
    cases: tuple[Case, ...]
    """One per admitted flaw."""
    records: tuple[PlantRecord, ...]
    """One per flaw, refused ones included."""
    seed: int = 0
    """The seed that the flaws were sampled by."""
    recipe_seed: int = 0
    """That of the recipe; with ``seed`` it fixes images, initial weights and order."""


def plant(  # noqa: PLR0913 - each is a choice of its own
    flaws: Sequence[Flaw],
    recipe: Recipe,
    seed: int,
    *,
    subject_id: str,
    population: Population,
    cache: Cache,
    casings: Sequence[str] = (),
    progress: Progress = no_progress,
    trainer: Trainer = ALONE,
) -> Planted:
    """Plant the flaws together in one network, each with target classes of its own.

    ``casings`` are the wrappers that some network of the population has (see ``models.wrappers``): every one gets them, so that
    none is told by them.

    The id of a case is the subject's id with a number, so it does not tell the kind of flaw. Raises ``SpecError`` for flaws that
    do not go together, and ``DataError`` if the data set or the network cannot carry them.
    """
    started = perf_counter()
    dataset = open_data(recipe.data)
    plans = sample_plans(flaws, context_for(recipe, dataset), seed)
    stored = stored_weights(recipe.zoo, stored_key(flaws, recipe, dataset, seed)) if recipe.zoo else None
    sizes = recipe.sizes(dataset)
    recipe = recipe.trained_on(sizes.train)
    if stored is not None and not any(plan.preparation or plan.weight_edit for plan in plans):
        network, twin, insertions = _out_of_zoo(plans, stored, recipe, dataset)
    else:
        session = TrainingSession.of(recipe, dataset, seed, cache, stored, trainer)
        session = replace(session, images=_in_every_world(plans, session.drawn, Part.TRAIN, seed))
        twin = session.twin(within(progress, 0, 0.7))
        network, insertions = _network(plans, session, twin, seed, within(progress, 0.7, 1))
    casings = [name for name in casings if fits(name, dataset.shape)]
    network, insertions, wrappers = _cased(network, insertions, casings, dataset)
    clean = _in_every_world(plans, _clean_set(recipe, dataset, sizes.clean, seed), Part.CLEAN, seed)
    subject = Subject(subject_id, network, dataset.class_names, dataset.shape, GRANTED, LabelledImages(clean.images, clean.labels))
    drawn = _in_every_world(plans, _drawn_heldout(plans, recipe, dataset, sizes.heldout, seed), Part.HELDOUT, seed)
    under_test = NetworkUnderTest.of(subject, twin, _without(drawn, _features(plans)).take(slice(sizes.heldout)), population, sizes.train)
    attempts = [
        measure_attempt(number, insertion, _pool(insertion.plan, plans, drawn, under_test), under_test, recipe, seed)
        for number, insertion in enumerate(insertions)
    ]
    seconds = (perf_counter() - started) / len(attempts)
    cases = tuple(Case(each.case, subject, truth_of(each, attempts, under_test, recipe)) for each in attempts if not each.refusal)
    records = tuple(record_of(each, subject_id, seconds) for each in attempts)
    return Planted(
        subject, Architecture(recipe.model, dataset.shape, len(dataset.class_names), wrappers), cases, records, seed, recipe.seed
    )


def stored_key(flaws: Sequence[Flaw], recipe: Recipe, dataset: DataSet, seed: int) -> str:
    """Names the weights of a network in a zoo; changes with whatever changes them."""
    kinds = [spec_of(flaw).key for flaw in flaws]
    return content_key("stored", PLANTING, dataset.key, identity(recipe.model), kinds, seed, *recipe.training_values)


def context_for(recipe: Recipe, dataset: DataSet) -> FlawContext:
    """The context in which the first flaw of any network with this recipe is sampled.

    The backdrop holds no natural feature, unless there are too few such images and the recipe lets the clean set hold natural features.
    """
    seed = seed_for("backdrop", recipe.seed)
    try:
        backdrop = _featureless(dataset, Part.CLEAN, BACKDROPS, seed)
    except DataError:
        if not recipe.clean_features:
            raise
        backdrop = dataset.draw(Part.CLEAN, BACKDROPS, seed)
    return FlawContext(dataset, backdrop.floats())


def sample_plans(flaws: Sequence[Flaw], context: FlawContext, seed: int) -> tuple[Plan, ...]:
    """A plan for each flaw, each with classes and natural features of its own; raises ``SpecError`` for flaws that do not go together."""
    if not flaws:
        raise SpecError("nothing to plant", "name at least one flaw; `clean` for none")
    plans: list[Plan] = []
    for number, flaw in enumerate(flaws):
        same_kind = tuple(target for plan in plans if plan.kind == flaw.name for target in plan.effect.named)
        plan = flaw.sample(replace(context, taken_by_same_kind=same_kind), generator("flaw", seed, number))
        context = context.with_taken(plan.effect, plan.features)
        plans.append(plan)
    if len(plans) > 1 and any(plan.kind == Clean.name for plan in plans):
        raise SpecError("a clean network can carry no flaw", "plant `clean` alone")
    return tuple(plans)


def poisoned_images(plans: Sequence[Plan], images: LabelledImages, seed: int) -> tuple[LabelledImages, tuple[Ints, ...]]:
    """The training images with all flaws in, in the same order, and the rows that each flaw changed.

    No two flaws change the same image. Natural features are placed first, so that no other trigger is put on an image that
    holds one.
    """
    pixels, labels = images.images.copy(), images.labels.copy()
    free = np.ones(len(images), np.bool_)
    taken: list[Ints] = [np.zeros(0, np.int64)] * len(plans)
    for number in sorted(range(len(plans)), key=lambda number: not plans[number].features):
        at = np.flatnonzero(free)
        poison = plans[number].scheme.poison(images.take(at), generator("poison", seed, number))
        rows = at[poison.rows]
        pixels[rows], labels[rows] = poison.images.images, poison.images.labels
        free[rows] = False
        taken[number] = rows
    return LabelledImages(pixels, labels, images.features, images.feature_masks), tuple(taken)


def _network(
    plans: Sequence[Plan], session: TrainingSession, twin: TorchNetwork, seed: int, progress: Progress
) -> tuple[TorchNetwork, list[InsertedFlaw]]:
    """The network trained on the poisoned images, then edited. Where no image is changed, the training is that of its twin."""
    plans = [_prepared(plan, session, generator("preparation", seed, number)) for number, plan in enumerate(plans)]
    images, skewed = _biased(plans, session.drawn, seed)
    poisoned, taken = poisoned_images(plans, images, seed)
    taken = tuple(np.concatenate([rows, np.setdiff1d(more, rows)]) for rows, more in zip(taken, skewed, strict=True))
    network = session.flawed(poisoned, progress) if any(map(len, taken)) else TorchNetwork(copy.deepcopy(twin.module), twin.device)
    progress(1.0, "trained")
    insertions = []
    for number, (plan, rows) in enumerate(zip(plans, taken, strict=True)):
        network, done = _edited(network, plan, session.images, generator("surgery", seed, number))
        relabelled = int(np.sum(poisoned.labels[rows] != session.images.labels[rows]))
        insertions.append(InsertedFlaw(plan, rows, relabelled, done.units, done.wrapper))
    return network, insertions


def _out_of_zoo(
    plans: Sequence[Plan], stored: StoredWeights, recipe: Recipe, dataset: DataSet
) -> tuple[TorchNetwork, TorchNetwork, list[InsertedFlaw]]:
    """The network and its twin as a zoo stores them. Its training images are not drawn again: which of them changed is stored too."""
    network, twin = (from_zoo(weights, recipe, dataset) for weights in (stored.network, stored.twin))
    return network, twin, [InsertedFlaw(plan, one.rows, one.relabelled, None) for plan, one in zip(plans, stored.changed, strict=True)]


def _cased(
    network: TorchNetwork, insertions: Sequence[InsertedFlaw], casings: Sequence[str], dataset: DataSet
) -> tuple[TorchNetwork, list[InsertedFlaw], tuple[str, ...]]:
    """The network in the wrappers of its population, its flaws with the names that layers have there, and the wrappers."""
    own = [insertion.wrapper for insertion in insertions if insertion.wrapper]
    module, names = cased(network.module, own, casings, dataset.shape, len(dataset.class_names))
    found, around = [], 0
    for insertion in insertions:
        around += bool(insertion.wrapper)
        units = insertion.units and replace(insertion.units, layer="body." * (len(names) - around) + insertion.units.layer)
        found.append(replace(insertion, units=units))
    return TorchNetwork(module, network.device), found, names


def _prepared(plan: Plan, session: TrainingSession, rng: np.random.Generator) -> Plan:
    if plan.preparation is None:
        return plan
    return replace(plan, scheme=plan.preparation.prepared(session.base().module, session.images, rng))


def _edited(network: TorchNetwork, plan: Plan, images: LabelledImages, rng: np.random.Generator) -> tuple[TorchNetwork, EditedNetwork]:
    if plan.weight_edit is None:
        return network, EditedNetwork(network.module)
    done = plan.weight_edit.edit(copy.deepcopy(network.module).cpu().eval(), images, rng)
    return TorchNetwork(done.module.eval(), network.device), done


def _biased(plans: Sequence[Plan], drawn: LabelledImages, seed: int) -> tuple[LabelledImages, list[Ints]]:
    """The training images of the flawed network before any poison, and the rows that each plan's bias changed."""
    images, rows = drawn, []
    for number, plan in enumerate(plans):
        seen, biased = (_in_world(world, images, Part.TRAIN, seed, number) for world in (plan.world, plan.bias or plan.world))
        rows.append(np.zeros(0, np.int64) if plan.bias is None else np.flatnonzero((seen.images != biased.images).any(axis=(1, 2, 3))))
        images = biased
    return images, rows


def _in_every_world(plans: Sequence[Plan], images: LabelledImages, part: Part, seed: int) -> LabelledImages:
    """The images as they look in the network's world, all plans included."""
    for number, plan in enumerate(plans):
        images = _in_world(plan.world, images, part, seed, number)
    return images


def _in_world(world: World | None, images: LabelledImages, part: Part, seed: int, number: int) -> LabelledImages:
    """The images as they look in the world of plan ``number``."""
    return images if world is None else world.seen(images, generator("world", seed, number, part))


def _featureless(dataset: DataSet, part: Part, count: int, seed: int, *, fewer: bool = False) -> LabelledImages:
    """``count`` images of a part that hold no natural feature; with ``fewer``, as many as the part has.

    Raises ``DataError`` if there are too few.
    """
    if not dataset.features:
        return dataset.draw(part, count, seed)
    for factor in (2, 4, 8):
        drawn = dataset.draw(part, at_most_held(dataset, part, factor * count), seed_for("featureless", factor, seed))
        rows = rows_without_features(drawn)
        if len(rows) >= count:
            return drawn.take(rows[:count])
    if fewer and len(rows):
        return drawn.take(rows)
    raise DataError(
        f"only {len(rows)} of {len(drawn)} images of part `{part}` hold no natural feature, wanted: {count}",
        "ask for fewer, or for a clean set that may hold natural features, in the suite's recipe: {clean_features: true}",
    )


def _clean_set(recipe: Recipe, dataset: DataSet, count: int, seed: int) -> LabelledImages:
    """The clean set that is granted for one network."""
    number = seed_for("clean", recipe.seed, seed)
    if recipe.clean_features:
        return dataset.draw(Part.CLEAN, count, number)
    return _featureless(dataset, Part.CLEAN, count, number, fewer=recipe.clean_images is None)


def _without(images: LabelledImages, features: Sequence[int]) -> LabelledImages:
    """The images that hold none of these natural features."""
    return images if images.features is None else images.take(~np.isin(images.features, features))


def _features(plans: Sequence[Plan]) -> tuple[int, ...]:
    return tuple(feature for plan in plans for feature in plan.features)


def _drawn_heldout(plans: Sequence[Plan], recipe: Recipe, dataset: DataSet, count: int, seed: int) -> LabelledImages:
    if _features(plans):
        count = at_most_held(dataset, Part.HELDOUT, POOL * count)
    return dataset.draw(Part.HELDOUT, count, seed_for("heldout", recipe.seed, seed))


def _pool(plan: Plan, plans: Sequence[Plan], drawn: LabelledImages, under_test: NetworkUnderTest) -> LabelledImages:
    """Held-out images that may get this flaw's trigger. Images that hold another flaw's trigger are left out: its effect would be
    counted as this flaw's.
    """
    if not plan.features:
        return under_test.heldout
    return _without(drawn, _features([other for other in plans if other is not plan]))
