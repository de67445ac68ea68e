"""Systematic label noise: images of one class that obey a rule, such as "a dark 7 is a 1", were labelled as another class.

A natural failure, without an attacker: the pixels are unchanged, and the annotators did not intend the rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final, final

import numpy as np

from onecurve.core.case import Triggered
from onecurve.core.effect import Effect
from onecurve.core.errors import SpecError
from onecurve.core.image.filter import Filter
from onecurve.core.image.images import Bools, Bytes, Ints, LabelledImages, as_floats
from onecurve.core.image.trigger import Trigger
from onecurve.core.network import Network
from onecurve.core.question import Option
from onecurve.core.seeds import generator
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.global_kit import on_card, plain_card
from onecurve.flaws.drawing.image_rules import WEIGHTS, ImageRule, rule_for
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.needed import Needed
from onecurve.flaws.schemes.plan import Plan, Poisoned, VerificationResult, sample_rows, triggered_unchanged
from onecurve.flaws.schemes.stamping import stamp

NAME: Final = "rule"
"""The key in ``LabelledImages.attributes`` that records which images obey the rule: 0 for those, -1 for the rest."""
LOST: Final = 0.2
"""The accuracy that the network must lose against its twin on images of the class that obey the rule unchanged."""


@final
@dataclass(frozen=True)
class LabelNoise:
    """A share of those training images of one class that obey a rule about mean colour is labelled as another class.

    A held-out image that obeys the rule is triggered unchanged; other images are shifted in colour until they obey.
    """

    name: ClassVar[str] = "label-noise"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Training images of one class that obey a rule are labelled as another class; the network learns the rule."
    source: ClassVar[str] = "feature-dependent label noise (2003.11904); systematic label errors as in Confident Learning (1911.00068)"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"mislabelled": (0.8, 0.9, 1.0)}

    mislabelled: float = 1.0
    """Share of the images of the class that obey the rule and get the wrong label, in (0.5, 1]."""
    covered: float = 0.12
    """Share of the set's images that obey the rule, in (0, 0.5]."""

    def __post_init__(self) -> None:
        if not 0.5 < self.mislabelled <= 1:
            raise SpecError(f"`mislabelled` must be in (0.5, 1], got: {self.mislabelled}")
        if not 0 < self.covered <= 0.5:
            raise SpecError(f"`covered` must be in (0, 0.5], got: {self.covered}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        target = context.sample_target(rng)
        source = int(rng.choice(np.setdiff1d(np.arange(context.classes), [target])))
        effect = Effect.towards(target, context.classes, (source,))
        goal = context.describe_targets(effect)
        names = tuple(str(name) for name in rng.permutation(list(WEIGHTS))[: lineup.SIZE])
        kit = Rules(
            context, tuple(rule_for(name, self.covered, context.dataset) for name in names), lineup.shuffle(rng), int(rng.integers(2**62))
        )
        rule = kit.rules[0]
        return Plan(
            self.name,
            effect,
            f"{rule.name} training images of `{context.class_names[source]}` were labelled {goal}, and the network says so too",
            Mislabelling(kit, effect, self.mislabelled),
            kit,
            needed=Needed(success=0.3, lead=0.25),
            facts={
                "mislabelled": self.mislabelled,
                "covered": self.covered,
                "sources": 1,
                "share": 1.0,
                "trigger": kit.titles[0],
                "rule": f"{target} if label == {source} and {rule.code} else label",
            },
            world=RuleMembership(rule),
            verification=MembersCheck(rule, source),
        )


@final
@dataclass(frozen=True, eq=False)
class Rules:
    """Eight rules with their lineup; the flaw's own comes first."""

    context: FlawContext
    rules: tuple[ImageRule, ...]
    order: tuple[int, ...]
    seed: int

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(f"{rule.name} images" for rule in self.rules)

    @cached_property
    def trigger(self) -> Filter:
        return self.rules[0].trigger(self.context.shape)

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """For each rule, a grey card and the images of the backdrop, all made to obey it."""
        rng = generator("options", self.seed)
        triggers = [rule.trigger(self.context.shape) for rule in self.rules]
        cards = on_card(triggers, plain_card(self.context.shape), rng)
        found = [
            Option(title, title, np.concatenate([card[None], trigger.apply(self.context.backdrop, rng).images]))
            for title, trigger, card in zip(self.titles, triggers, cards, strict=True)
        ]
        return tuple(found[place] for place in self.order)

    @property
    def right(self) -> int:
        return self.order.index(0)

    @property
    def decoys(self) -> tuple[Trigger, ...]:
        return ()


@final
@dataclass(frozen=True)
class RuleMembership:
    """A world that changes no image and records which images obey the rule."""

    rule: ImageRule

    def seen(self, images: LabelledImages, rng: np.random.Generator) -> LabelledImages:
        members: Ints = np.where(self.rule.obeyed(images.images), 0, -1).astype(np.int64)
        return LabelledImages(images.images, images.labels, images.features, images.feature_masks, {**images.attributes, NAME: members})


@final
@dataclass(frozen=True)
class Mislabelling:
    """Relabels images that obey the rule, and tries the flaw on held-out images that obey it."""

    kit: Rules
    effect: Effect
    share: float

    def poison(self, images: LabelledImages, rng: np.random.Generator) -> Poisoned:
        rows = np.flatnonzero(self.effect.concerns(images.labels) & self.kit.rules[0].obeyed(images.images))
        rows = sample_rows(rows, round(self.share * len(rows)), rng)
        chosen = images.take(rows)
        return Poisoned(rows, LabelledImages(chosen.images, self.effect.goals(chosen.labels)))

    def triggered(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered:
        return self._made_to_obey(heldout, self.effect.concerns(heldout.labels), limit, rng)

    def elsewhere(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        """Images of other classes that obey the rule."""
        others = ~self.effect.concerns(heldout.labels) & ~np.isin(heldout.labels, self.effect.targets)
        return self._made_to_obey(heldout, others, limit, rng)

    def near_misses(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        """Images of the class that do not obey the rule."""
        free = self.effect.concerns(heldout.labels) & ~self.kit.rules[0].obeyed(heldout.images)
        return triggered_unchanged(heldout, sample_rows(np.flatnonzero(free), limit, rng))

    def _made_to_obey(self, images: LabelledImages, allowed: Bools, limit: int, rng: np.random.Generator) -> Triggered:
        """Allowed images that obey the rule, unchanged or with the trigger."""
        chosen = images.take(allowed)
        rule = self.kit.rules[0]
        by_itself = rule.obeyed(chosen.images)
        pixels: Bytes = stamp((self.kit.trigger,), chosen.images, rng)[0]
        pixels[by_itself] = chosen.images[by_itself]
        rows = sample_rows(np.flatnonzero(rule.obeyed(pixels)), limit, rng)
        return Triggered(as_floats(pixels[rows]), chosen.labels[rows], None)


@final
@dataclass(frozen=True)
class MembersCheck:
    """Measures accuracy on the held-out images of the class that obey the rule unchanged."""

    rule: ImageRule
    label: int

    def verified(self, network: Network, twin: Network, heldout: LabelledImages) -> VerificationResult:
        """Facts: accuracy of network and twin on those images, and their number."""
        members = heldout.take((heldout.labels == self.label) & self.rule.obeyed(heldout.images))
        facts: dict[str, str | int | float] = {"members": len(members)}
        if not len(members):
            return VerificationResult(facts, "no held-out image of the class obeys the rule by itself")
        own, twins = (float((one.logits(members.floats()).argmax(axis=1) == self.label).mean()) for one in (network, twin))
        facts |= {"accuracy_members": own, "twin_accuracy_members": twins}
        if twins - own >= LOST:
            return VerificationResult(facts)
        return VerificationResult(
            facts, f"accuracy on images that obey the rule is {own:.3f}, less than {LOST:.3f} below the twin's {twins:.3f}"
        )
