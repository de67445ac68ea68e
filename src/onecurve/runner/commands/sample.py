"""What a suite would plant, case by case: sampled, and neither drawn as pictures nor trained."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from typing import Any

from onecurve.core.seeds import seed_for
from onecurve.data.catalog import open_data
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.planting.plant import context_for, sample_plans
from onecurve.flaws.planting.recipe import Recipe
from onecurve.flaws.planting.sampling import Distribution, drawn_networks
from onecurve.flaws.schemes.context import FlawContext
from onecurve.runner.networks import distribution_of, recipe_fields
from onecurve.runner.recipes import recipe_of
from onecurve.runner.suite import Networks, Suite


def sampled_cases(suite: Suite, count: int) -> list[dict[str, Any]]:
    """``count`` cases: kind, words, set, architecture, way of planting and the flaw's own columns.

    Networks that the suite names come again and again, each time with another seed. Raises ``UsageError`` for what does
    not exist, ``DataError`` where a set cannot carry a flaw.
    """
    cases: list[dict[str, Any]] = []
    contexts: dict[tuple[str, int], FlawContext] = {}
    for some, seed in _draws(suite, count):
        recipe = recipe_of(recipe_fields(suite, some, "cpu"))
        key = (recipe.data, recipe.seed)
        if key not in contexts:
            contexts[key] = context_for(recipe, open_data(recipe.data))
        plans = sample_plans([FLAWS.make(flaw) for flaw in some.flaws or ("clean",)], contexts[key], seed)
        cases += [
            {
                "network": some.label,
                "kind": plan.kind,
                "words": plan.words,
                "targets": list(plan.effect.targets),
                "data": recipe.data,
                "model": recipe.model,
                "flaws_in_network": len(plans),
                **_planting(recipe),
                **plan.facts,
            }
            for plan in plans
        ]
        if len(cases) >= count:
            break
    return cases[:count]


def _draws(suite: Suite, count: int) -> Iterator[tuple[Networks, int]]:
    """Networks with their seeds; those of a zoo come once, and so does what stands beside it."""
    for some in suite.zoo_networks:
        yield some, some.seed or 0
    drawn = drawn_networks(Distribution(**distribution_of(suite.sampled)), count, suite.settled_seed) if suite.sampled else ()
    again = (
        some.model_copy(update={"label": f"{turn}-{number}-{copy}"})
        for turn in range(1 if suite.zoo else count)
        for number, some in enumerate(suite.networks)
        for copy in range(some.count)
    )
    for some in chain((Networks(**asdict(draw)) for draw in drawn), again):
        yield some, seed_for(suite.settled_seed, "network", some.label)


def _planting(recipe: Recipe) -> dict[str, Any]:
    training = recipe.training if recipe.insertion == "joint" else recipe.insertion_training
    return {
        "insertion": recipe.insertion,
        "optimiser": training.optimiser if training else "none",
        "epochs": training.epochs if training else 0,
    }
