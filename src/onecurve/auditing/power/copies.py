"""Copies of the network under audit: spiked ones, sham ones, and the original among them under a random name."""

import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from onecurve.auditing.examined import Examined
from onecurve.auditing.power.insertion import INSERTIONS, Insertion, drawn_insertion, inserted
from onecurve.auditing.power.side_by_side import one_thread, processes_for, side_by_side
from onecurve.auditing.power.spikes import Spike, draw_spikes
from onecurve.auditing.storage import key_in
from onecurve.core.image.images import Bools
from onecurve.core.seeds import generator, seed_for
from onecurve.models.metering import unmetered
from onecurve.models.network import TorchNetwork
from onecurve.models.training import accuracy
from onecurve.models.weights import write_file, write_state
from onecurve.runner.session import Display

SECOND_SPIKE: Final = 0.6
"""The chance that a spiked copy gets a second spike; of these, one in four gets a third."""
MOST_LOSS: Final = 0.05
"""A copy that loses more accuracy than this is planted again by the next of ``ATTEMPTS``; nobody would deploy it. Images that a flaw is
made to misread do not count: what it costs on these is the flaw itself."""
ATTEMPTS: Final = ((1.0, 1, 1.0), (1.0, 2, 0.4), (0.5, 2, 0.2))
"""What learning rate, steps and share of spiked images of a way are multiplied by. Fewer spiked images in each batch cost less accuracy,
and need more steps."""
LONGEST: Final = 600.0
"""Seconds after which the planting of a copy in a process of its own is given up and done in this one."""
SPARE: Final = 0.5
VERSION: Final = 4
"""Raised when other copies are planted or looked at from the same seed: those of an earlier version are not gone on with."""
FACTS, WEIGHTS = "planted.json", "weights.safetensors"


@final
@dataclass(frozen=True)
class Numbers:
    """How many copies there are."""

    spiked: int
    shams: int


MODES: Final = {"quick": Numbers(8, 8), "standard": Numbers(24, 16), "full": Numbers(55, 59)}


@final
@dataclass(frozen=True)
class Draft:
    """One copy before it is planted; whoever looks at it is told the name alone."""

    name: str
    seed: int
    sham: bool
    spikes: tuple[Spike, ...]
    way: Insertion


@final
@dataclass(frozen=True)
class Copy:
    """One planted copy."""

    draft: Draft
    strengths: tuple[float, ...]
    """Of each spike on fresh images: the share that goes to its target, less that under the original."""
    accuracy: float
    """On the fresh images that count, see ``MOST_LOSS``."""
    usable: bool = True
    """Whether any attempt kept the accuracy; one that did not is not looked at."""

    @property
    def name(self) -> str:
        return self.draft.name


def drafts(examined: Examined, numbers: Numbers) -> tuple[list[Draft], str]:
    """The copies in the order of their names, which tells nothing, and the name of the original among them.

    Half as many spiked ones more are drawn, for those that lose too much accuracy in planting.
    """
    spiked = numbers.spiked + math.ceil(SPARE * numbers.spiked)
    total = spiked + numbers.shams + 1
    names = [f"net-{number + 1:0{len(str(total))}}" for number in generator("copies", examined.seed).permutation(total)]
    found = []
    for number in range(spiked + numbers.shams):
        seed = seed_for("copy", examined.seed, number)
        rng = generator("spikes", seed)
        more = rng.random(2)
        count = 1 + int(more[0] < SECOND_SPIKE) + int(more[0] < SECOND_SPIKE / 4)
        # A sham draws spikes too: they are put on its images, whose labels stay true.
        found.append(Draft(names[number], seed, number >= spiked, draw_spikes(examined, count, rng), drawn_insertion(rng)))
    return sorted(found, key=lambda one: one.name), names[-1]


def planted(examined: Examined, draft: Draft, folder: Path, key: str, first: int = 0) -> Copy:
    """Plant the copy, measure it and keep it under the ``key`` of its audit; one that is there under that key is read.

    ``first`` is the first of ``ATTEMPTS`` that is made.
    """
    known = kept_copy(folder, draft, key)
    if known is not None:
        return known
    bare = unmetered(examined.module)
    least = _own_accuracy(examined, draft) - MOST_LOSS
    for attempt in ATTEMPTS[first:]:
        network, reached = _attempted(examined, bare, draft, attempt)
        if reached >= least:
            break
    original, strengths = TorchNetwork(bare, examined.device), []
    for number, spike in enumerate(draft.spikes):
        seen = [spike.strength(some, examined.fresh, generator("strength", draft.seed, number)) for some in (network, original)]
        strengths.append(float(np.clip(np.nan_to_num(seen[0] - seen[1]), 0, 1)))
    write_state(folder / WEIGHTS, network.module.state_dict(), {"key": key})
    made = Copy(draft, tuple(strengths), reached, reached >= least)
    write_file(folder / FACTS, json.dumps({"key": key, **told(made)}).encode())
    return made


def first_attempt(examined: Examined, draft: Draft, file: Path) -> int:
    """Which of ``ATTEMPTS`` keeps the accuracy where nothing is planted; no copy needs to try an earlier one. Kept in ``file``.

    ``draft`` is any sham.
    """
    plain, bare = replace(draft, spikes=(), way=INSERTIONS[0]), unmetered(examined.module)

    def made() -> float:
        least = _own_accuracy(examined, plain) - MOST_LOSS
        return next((at for at, one in enumerate(ATTEMPTS[:-1]) if _attempted(examined, bare, plain, one)[1] >= least), len(ATTEMPTS) - 1)

    return int(settled_number(file, made))


def settled_number(file: Path, made: Callable[[], float]) -> float:
    """The number in the file; where there is none that can be read, the one that is ``made`` now, and kept there."""
    with suppress(OSError, ValueError):
        return float(file.read_text(encoding="utf-8"))
    number = made()
    write_file(file, str(number).encode())
    return number


def _own_accuracy(examined: Examined, draft: Draft) -> float:
    """That of the original, on the images that count for this draft."""
    right = examined.seen_fresh.said == examined.fresh.labels
    return float(right[_unconcerned(examined, draft)].mean())


def _unconcerned(examined: Examined, draft: Draft) -> Bools:
    """bool N: the fresh images that none of the flaws concerns as they are; all where that leaves none."""
    concerned = np.zeros(len(examined.fresh), bool)
    for spike in draft.spikes:
        if not spike.changes_images:
            concerned |= spike.members(examined.fresh)
    return ~concerned if not concerned.all() else concerned


def _attempted(examined: Examined, bare: nn.Module, draft: Draft, attempt: tuple[float, int, float]) -> tuple[TorchNetwork, float]:
    """The copy of one attempt, and its accuracy on the fresh images that count for the draft."""
    slower, longer, fewer = attempt
    way = replace(draft.way, rate=slower * draft.way.rate, steps=longer * draft.way.steps, share=fewer * draft.way.share)
    module = inserted(bare, examined.search, draft.spikes, way, draft.seed, examined.device, sham=draft.sham)
    network = TorchNetwork(module, examined.device)
    return network, accuracy(network, examined.fresh.take(_unconcerned(examined, draft)))


def told(copy: Copy) -> dict[str, Any]:
    """The sealed truth of a copy for JSON."""
    spikes = [
        {"kind": spike.kind, "target": spike.target, "source": spike.source, "size": spike.size, "strength": strength}
        | ({} if spike.given is None else {"property": spike.given.name, "carried": spike.carried})
        for spike, strength in zip(copy.draft.spikes, copy.strengths, strict=True)
    ]
    return {
        "seed": copy.draft.seed,
        "sham": copy.draft.sham,
        "way": copy.draft.way.name,
        "accuracy": copy.accuracy,
        "usable": copy.usable,
        "spikes": spikes,
    }


def opened(examined: Examined, folder: Path) -> Examined:
    """The same images with the copy in the place of the network, metered anew."""
    module = unmetered(examined.module)
    module.load_state_dict(load_file(folder / WEIGHTS))
    return examined.with_module(module)


def plant_copies(examined: Examined, some: list[Draft], numbers: Numbers, folder: Path, key: str, display: Display) -> list[Copy]:
    """Plant until there are as many usable ones of each sort, or no more drafts; several at a time. ``key`` is that of the audit."""
    display.phase("plant copies", numbers.spiked + numbers.shams)
    found = dict[str, Copy]()
    processes = processes_for(examined.device)
    with one_thread(processes):
        first = first_attempt(examined, next(draft for draft in some if draft.sham), folder / f"{key}.attempt")
    while wave := _wanted(some, found, numbers):
        works = [partial(planted, examined, draft, folder / draft.name, key, first) for draft in wave]
        made = side_by_side(works, processes, LONGEST, lambda copy: display.done(int(copy.usable), failed=not copy.usable))
        found.update((copy.name, copy) for copy in made)
    return [found[draft.name] for draft in some if draft.name in found]


def _wanted(some: list[Draft], found: Mapping[str, Copy], numbers: Numbers) -> list[Draft]:
    """The next drafts of each sort, as many as usable copies of it are missing."""
    wave = []
    for sham, wanted in ((False, numbers.spiked), (True, numbers.shams)):
        missing = wanted - sum(copy.usable for copy in found.values() if copy.draft.sham is sham)
        wave += [draft for draft in some if draft.sham is sham and draft.name not in found][: max(0, missing)]
    return wave


def kept_copy(folder: Path, draft: Draft, key: str) -> Copy | None:
    """The copy if it was kept for that audit; None for none, for that of another audit, and for files that cannot be read."""
    try:
        found = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        if found["key"] != key or found["seed"] != draft.seed or key_in(folder / WEIGHTS) != key:
            return None
        return Copy(draft, tuple(one["strength"] for one in found["spikes"]), found["accuracy"], found["usable"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None


def ways_in_words() -> list[dict[str, Any]]:
    """The ways of planting, for the page."""
    return [asdict(way) for way in INSERTIONS]
