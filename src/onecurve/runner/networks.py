"""The networks of a run: named or sampled, each with its own set, architecture, recipe and seed.

What a worker is told of a network says nothing of what is in it: names are numbers in an order drawn by seed.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from onecurve.core.row import joined_kinds
from onecurve.core.seeds import generator, seed_for
from onecurve.flaws.catalog import CASINGS
from onecurve.flaws.zoo.manifest import recipe_in
from onecurve.runner.suite import Networks, Sampled, Suite


@final
@dataclass(frozen=True)
class WantedNetwork:
    """One network to plant."""

    name: str
    """What workers and reports call it."""
    flaws: tuple[str, ...]
    recipe: Mapping[str, Any]
    """All fields of its planting recipe that differ from the defaults, set and architecture included."""
    seed: int
    reference: bool
    """True for a clean network that detectors are calibrated on."""
    secret: int = 0
    """How many of the flaws, the last ones, are kept out of what people read."""

    @property
    def data(self) -> str:
        return str(self.recipe["data"])

    @property
    def in_words(self) -> str:
        """Its flaws joined by `+`, or `clean`."""
        return joined_kinds(self.flaws)

    @property
    def secret_cases(self) -> tuple[str, ...]:
        """Ids of the cases that its secret flaws would be, admitted or not."""
        count = len(self.flaws)
        return tuple(f"{self.name}.{number + 1}" for number in range(count - self.secret, count))

    @property
    def model(self) -> str:
        return str(self.recipe["model"])

    @property
    def group(self) -> tuple[str, str]:
        """Networks of one set and architecture are compared with the same references."""
        return self.data, self.model


def wanted_networks(suite: Suite, sampled: Sequence[Networks], device: str) -> tuple[WantedNetwork, ...]:
    """Every network of the suite in a fixed order: those to examine, then the references of each group."""
    labelled = list(_labelled((*suite.networks, *suite.zoo_networks, *sampled)))
    order = generator("names", suite.settled_seed).permutation(len(labelled))
    width = len(str(len(labelled)))
    examined = [
        WantedNetwork(
            f"net-{place + 1:0{width}}",
            some.flaws,
            recipe_fields(suite, some, device),
            some.seed if some.seed is not None else seed_for(suite.settled_seed, "network", label),
            reference=False,
            secret=some.secret,
        )
        for (label, some), place in zip(labelled, order.tolist(), strict=True)
    ]
    return (*sorted(examined, key=lambda network: network.name), *_references(suite, examined, device))


def casings_of(networks: Sequence[WantedNetwork]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Wrappers per set and architecture: as many of each as one of its networks has. All get them, so none is told by them."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for network in networks:
        kinds = [flaw.partition("[")[0] for flaw in network.flaws]
        own = Counter(CASINGS[kind] for kind in kinds if kind in CASINGS)
        found[network.group] = found.get(network.group, Counter()) | own
    return {group: tuple(sorted(counts.elements())) for group, counts in found.items()}


def distribution_of(sampled: Sampled) -> dict[str, Any]:
    """The fields of ``flaws.sampling.Distribution``, as plain values."""
    return {
        "controls": sampled.controls,
        "clean_share": sampled.clean_share,
        "data": sampled.data,
        "models": sampled.models,
        "insertions": [(some.weight, some.recipe) for some in sampled.insertions],
        "flaws_per_network": sampled.flaws_per_network,
        "kinds": sampled.kinds,
        "control_kinds": sampled.control_kinds,
        "dials": sampled.dials,
    }


def population(networks: Sequence[WantedNetwork], controls: frozenset[str]) -> dict[str, float | int]:
    """The population of the wanted networks; ``controls`` are the addresses of flaws that have no effect."""
    return population_of([sum(flaw not in controls for flaw in network.flaws) for network in networks if not network.reference])


def population_of(effects: Sequence[int]) -> dict[str, float | int]:
    """What may be known of examined networks without looking: the share without an effect, and how many flaws the others carry.

    ``effects`` are the numbers of flaws with an effect, one per network.
    """
    return {"clean_share": sum(count == 0 for count in effects) / len(effects), "flaws_per_network": max(1, *effects)}


def _labelled(networks: Sequence[Networks]) -> Iterator[tuple[str, Networks]]:
    """Each single network with the label that its seed is made of."""
    counts = {"clean": 0, "flawed": 0}
    for some in networks:
        for _ in range(some.count):
            kind = "flawed" if some.flaws else "clean"
            counts[kind] += 1
            yield some.label or f"{kind}-{counts[kind]}", some


def recipe_fields(suite: Suite, some: Networks, device: str) -> dict[str, Any]:
    """The fields of the planting recipe of networks in a suite. A zoo says itself how its networks were planted."""
    own = {"data": some.data or suite.data, "model": some.model or suite.model, "seed": suite.settled_seed, "device": device}
    zoo = {**suite.recipe, **some.recipe}.get("zoo")
    return {**own, **recipe_in(str(zoo), some.recipe)} if zoo else {**own, **suite.recipe, **some.recipe}


def _references(suite: Suite, examined: Sequence[WantedNetwork], device: str) -> list[WantedNetwork]:
    """Clean networks of each group: those of the zoo, then others made by the suite's own recipe."""
    groups = sorted({network.group for network in examined})
    found: list[WantedNetwork] = []
    for data, model in groups:
        alike = [one for one in suite.zoo_references if (one.data, one.model) == (data, model)]
        stored = [(recipe_fields(suite, one, device), one.seed or 0) for one in alike]
        recipe = recipe_fields(suite, Networks(data=data, model=model), device)
        for number in range(suite.references):
            name = f"reference-{len(found) + 1}"
            label = f"reference-{number + 1}" if len(groups) == 1 else f"reference-{number + 1}-{data}-{model}"
            planted = recipe, seed_for(suite.settled_seed, "network", label)
            found.append(WantedNetwork(name, (), *(stored[number] if number < len(stored) else planted), reference=True))
    return found
