"""Samples networks by seed from a declared distribution: their flaws and strengths, data, architecture and recipe.

Nothing is trained and no picture is drawn here, so a thousand networks take a moment.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, final

import numpy as np

from onecurve.core.seeds import generator
from onecurve.data.catalog import open_data
from onecurve.flaws.catalog import CONTROLS, FLAWS, SOLITARY, VARIETIES
from onecurve.flaws.kinds.clean import Clean


@final
@dataclass(frozen=True)
class Distribution:
    """The values of each factor with their weights; empty mappings of kinds stand for the whole catalogue."""

    controls: float
    """Share of networks that are clean or hold only a control."""
    clean_share: float | None
    """Share of networks that are clean, a part of ``controls``; None to deal them as ``control_kinds`` says."""
    data: Mapping[str, float]
    models: Mapping[str, float]
    insertions: Sequence[tuple[float, Mapping[str, Any]]]
    """Pairs of a weight and fields of the planting recipe."""
    flaws_per_network: Mapping[int, float]
    kinds: Mapping[str, float]
    control_kinds: Mapping[str, float]
    dials: bool
    """Whether strengths and varieties are drawn; otherwise every flaw has its defaults."""


@final
@dataclass(frozen=True)
class SampledNetwork:
    """One sampled network."""

    label: str
    flaws: tuple[str, ...]
    """Addresses of its flaws; empty for a clean network."""
    data: str
    model: str
    recipe: Mapping[str, Any]


def drawn_networks(distribution: Distribution, count: int, seed: int) -> tuple[SampledNetwork, ...]:
    """``count`` networks in random order; each value occurs as often as its weight says, give or take one."""
    rng = generator("sampled networks", seed)
    whole = _whole_catalogue(distribution)
    controls = round(distribution.controls * count)
    flawed = count - controls
    clean = 0 if distribution.clean_share is None else min(controls, round(distribution.clean_share * count))
    kinds = [*_deck(whole.kinds, flawed, rng), *[Clean.name] * clean, *_deck(whole.control_kinds, controls - clean, rng)]
    sizes = [*_deck(whole.flaws_per_network, flawed, rng), *[1] * controls]
    factors = zip(
        _deck(whole.data, count, rng),
        _deck(whole.models, count, rng),
        _deck(dict(enumerate(weight for weight, _ in whole.insertions)), count, rng),
        strict=True,
    )
    classes = cache(lambda address: len(open_data(address).class_names))
    draws = []
    for number, (kind, size, (data, model, insertion)) in enumerate(zip(kinds, sizes, factors, strict=True)):
        one = generator("sampled network", seed, number)
        company = _company(kind, size, whole.kinds, one)
        flaws = tuple(_address(each, whole.dials, one, partial(classes, data)) for each in company if each != Clean.name)
        draws.append(SampledNetwork(f"sampled-{number + 1}", flaws, data, model, whole.insertions[insertion][1]))
    return tuple(draws[at] for at in rng.permutation(count))


def _whole_catalogue(distribution: Distribution) -> Distribution:
    names = FLAWS.names()
    kinds = distribution.kinds or {name: 1.0 for name in names if name not in CONTROLS}
    others = [name for name in CONTROLS if name != Clean.name]
    clean = {Clean.name: float(max(1, len(others)))} if distribution.clean_share is None else {}
    controls = distribution.control_kinds or {**clean, **dict.fromkeys(others, 1.0)}
    return replace(distribution, kinds=kinds, control_kinds=controls)


def _deck(weights: Mapping[Any, float], count: int, rng: np.random.Generator) -> list[Any]:
    """``count`` names in random order, each as often as its weight says, rounded up or down at random."""
    names, shares = list(weights), np.array(list(weights.values()), float)
    expected = count * shares / shares.sum()
    sure = np.floor(expected).astype(int)
    left = count - int(sure.sum())
    rest = expected - sure
    if left:
        sure[rng.choice(len(names), left, replace=False, p=rest / rest.sum())] += 1
    deck = [name for name, times in zip(names, sure, strict=True) for _ in range(times)]
    return [deck[at] for at in rng.permutation(count)]


def _company(kind: str, size: int, kinds: Mapping[str, float], rng: np.random.Generator) -> list[str]:
    """The flaw and others of different kinds; only the flaw if it cannot share a network."""
    name = kind.partition("[")[0]
    others = [each for each in kinds if each.partition("[")[0] not in {*SOLITARY, *CONTROLS, name}]
    more = 0 if name in SOLITARY or name in CONTROLS else min(size - 1, len(others))
    return [kind, *(str(each) for each in rng.permutation(others)[:more])]


def _address(kind: str, dials: bool, rng: np.random.Generator, classes: Callable[[], int]) -> str:
    """The flaw with a drawn strength and variety; unchanged if its address gives parameters.

    Where the data have too few classes for the drawn number of source classes, the flaw applies to images of all classes.
    """
    if not dials or "[" in kind or kind == Clean.name:
        return kind
    chosen = {**FLAWS.load(kind).dial, **VARIETIES.get(kind, {})}
    drawn = {name: values[int(rng.integers(len(values)))] for name, values in chosen.items()}
    if drawn.get("sources", 0) and drawn["sources"] > classes() - 2:
        drawn["sources"] = 0
    parameters = [f"{name}={value}" for name, value in drawn.items()]
    return f"{kind}[{','.join(parameters)}]" if parameters else kind
