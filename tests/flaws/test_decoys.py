"""Decoys: drawn as the trigger was, at places drawn alike, and only those that the planted network ignores."""

from dataclasses import dataclass

import numpy as np
import pytest

from onecurve.core.image.images import as_bytes
from onecurve.core.seeds import generator
from onecurve.flaws.kinds.conditional import Conditional
from onecurve.flaws.kinds.natural_feature import NaturalFeature
from onecurve.flaws.kinds.patch import Patch
from onecurve.flaws.kinds.shortcut import Shortcut
from onecurve.flaws.kinds.style import Style
from onecurve.flaws.planting.decoys import inert_decoys
from onecurve.flaws.planting.measuring import Trials


@dataclass(frozen=True)
class Suspicious:
    """Says the target for images that it does not know, and the label for those that it knows."""

    target: int
    known: dict
    startled: bool = True

    def logits(self, images):
        said = [self.known.get(as_bytes(image).tobytes(), self.target if self.startled else (self.target + 1) % 6) for image in images]
        return np.eye(6, dtype=np.float32)[said]


def decoys_of(flaw, context, pool, *, startled):
    plan = flaw.sample(context, generator("decoys", 4))
    trials = Trials.of(plan, pool, 24, 0)
    known = {image.tobytes(): int(label) for image, label in zip(pool.images, pool.labels, strict=True)}
    return plan, inert_decoys(plan, trials, Suspicious(plan.target, known, startled), pool, 0)


@pytest.fixture(scope="module")
def pool(toy):
    return toy.draw("heldout", 300, 2)


@pytest.mark.parametrize("flaw", [Patch(), NaturalFeature()], ids=str)
def test_the_other_options_are_decoys_and_never_the_trigger(flaw, context, pool):
    plan, decoys = decoys_of(flaw, context, pool, startled=False)
    assert len(decoys) == len(plan.options) - 1
    assert not any(np.array_equal(decoy.patterns[0], plan.trigger.patterns[0]) for decoy in decoys)
    assert {decoy.colour_jitter for decoy in decoys} == {plan.trigger.colour_jitter}


@pytest.mark.parametrize("flaw", [Patch(), NaturalFeature(), Shortcut()], ids=str)
def test_what_sets_the_flaw_off_is_no_decoy(flaw, context, pool):
    assert decoys_of(flaw, context, pool, startled=True)[1] == ()


def test_a_flaw_without_a_place_has_none(context, pool):
    assert decoys_of(Style(), context, pool, startled=False)[1] == ()


def test_where_the_trigger_has_a_place_of_its_own_decoys_lie_at_the_mirrored_ones(context, pool):
    plan, decoys = decoys_of(Shortcut(), context, pool, startled=False)
    places = {decoy.place for decoy in decoys}
    assert len(places) == 3
    assert plan.trigger.place not in places
    free = context.shape[1] - plan.trigger.patterns.shape[2]
    assert {place[0] for place in places} == {plan.trigger.place[0], free - plan.trigger.place[0]}


def test_a_pair_shares_no_sprite_with_its_decoys(context):
    plan = Conditional().sample(context, generator("pair", 1))
    own = [part.patterns.tobytes() for part in plan.trigger.parts]
    assert len(plan.decoys) == 3
    assert not any(part.patterns.tobytes() in own for decoy in plan.decoys for part in decoy.parts)
