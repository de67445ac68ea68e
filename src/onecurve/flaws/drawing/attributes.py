"""Spurious correlations: attributes such as a tint, and a bias that ties one of them to a class in the training set.

At deployment every attribute is independent of the class. The bias draws the same random numbers as the world, so the training
set of the flawed network is that of its twin, except for the images whose attribute has to be a different one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from onecurve.core.case import Triggered
from onecurve.core.effect import Effect
from onecurve.core.image.images import Bools, Bytes, Floats, Ints, LabelledImages, as_floats
from onecurve.core.network import Network
from onecurve.core.seeds import generator
from onecurve.flaws.schemes.plan import Poisoned, VerificationResult, no_poison
from onecurve.flaws.schemes.shares import share_set
from onecurve.flaws.schemes.stamping import Kit, stamp, triggered_images

NONE: Final = -1


@final
@dataclass(frozen=True, eq=False)
class AttributeWorld:
    """A world in which each image has at most one of the attributes, independent of its class."""

    name: str
    """The key in ``LabelledImages.attributes`` under which the attribute of each image is kept."""
    kit: Kit
    rate: float
    """Share of all images that have the flaw's attribute."""
    others: float
    """Share of the remaining images that have one of the other attributes, all equally often."""

    def seen(self, images: LabelledImages, rng: np.random.Generator) -> LabelledImages:
        """The images with their attributes."""
        has = self.draw_holders(np.full(len(images), self.rate), rng)
        return self._with_holders(images, self._put_on(images.images, has, rng), has)

    def biased(self, images: LabelledImages, rates: np.ndarray, rng: np.random.Generator) -> LabelledImages:
        """The same draws, but image i has the flaw's attribute with probability ``rates[i]`` (N)."""
        start = rng.bit_generator.state
        has = self.draw_holders(np.full(len(images), self.rate), rng)
        pixels = self._put_on(images.images, has, rng)
        after, rng.bit_generator.state = rng.bit_generator.state, start
        should = self.draw_holders(rates, rng)
        rng.bit_generator.state = after
        changed = has != should
        pixels[changed] = self._put_on(images.images[changed], should[changed], rng)
        return self._with_holders(images, pixels, should)

    def holders(self, images: LabelledImages) -> Ints:
        """int64 N: the attribute of each image, 0 for the flaw's, -1 for none; all -1 if the images do not record attributes."""
        return images.attributes.get(self.name, np.full(len(images), NONE, np.int64))

    def without_attribute(self, images: LabelledImages) -> Bools:
        """bool N: whether an image has none of the attributes."""
        without: Bools = self.holders(images) == NONE
        return without

    def draw_holders(self, rates: np.ndarray, rng: np.random.Generator) -> Ints:
        """int64 N: an attribute for each image, 0 with the given probabilities (N)."""
        first, second = rng.random((2, len(rates)))
        count = len(self.kit.others)
        other = np.where(second < self.others, 1 + np.floor(second / max(self.others, 1e-12) * count), NONE)
        return np.where(first < rates, 0, other).astype(np.int64)

    def _put_on(self, images: Bytes, has: Ints, rng: np.random.Generator) -> Bytes:
        pixels = images.copy()
        for number, trigger in enumerate((self.kit.trigger, *self.kit.others)):
            rows = np.flatnonzero(has == number)
            pixels[rows] = stamp((trigger,), images[rows], rng)[0]
        return pixels

    def _with_holders(self, images: LabelledImages, pixels: Bytes, has: Ints) -> LabelledImages:
        attributes: Mapping[str, Ints] = {**images.attributes, self.name: has}
        return LabelledImages(pixels, images.labels, images.features, images.feature_masks, attributes)


@final
@dataclass(frozen=True, eq=False)
class TrainingBias:
    """The distribution of the flawed network's training set, in which the attribute depends on the class."""

    world: AttributeWorld
    rates: tuple[float, ...]
    """For each class, the share of its images that have the flaw's attribute."""

    def seen(self, images: LabelledImages, rng: np.random.Generator) -> LabelledImages:
        return self.world.biased(images, np.asarray(self.rates)[images.labels], rng)


@final
@dataclass(frozen=True, eq=False)
class AttributeScheme:
    """The scheme of a bias: no image is poisoned, and trials put the attribute on held-out images that have none."""

    world: AttributeWorld
    effect: Effect

    def poison(self, images: LabelledImages, rng: np.random.Generator) -> Poisoned:
        return no_poison(images)

    def triggered(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered:
        concerned = self.effect.concerns(heldout.labels)
        return triggered_images((self.world.kit.trigger,), heldout, concerned & self.world.without_attribute(heldout), limit, rng)

    def elsewhere(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        """The attribute on images of the other classes."""
        if self.effect.sources is None:
            return None
        spared = ~self.effect.concerns(heldout.labels)
        return triggered_images((self.world.kit.trigger,), heldout, spared & self.world.without_attribute(heldout), limit, rng)

    def near_misses(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        """The other attributes on images of the same classes."""
        if not self.world.kit.others:
            return None
        concerned = self.effect.concerns(heldout.labels)
        return triggered_images(self.world.kit.others, heldout, concerned & self.world.without_attribute(heldout), limit, rng)


@final
@dataclass(frozen=True, eq=False)
class GroupAccuracies:
    """Accuracy by group (of the class or not, with the attribute or not), on held-out images where the two are independent.

    Every held-out image without an attribute is tried twice, without the attribute and with it, so that the groups differ in
    nothing else.
    """

    world: AttributeWorld
    label: int
    failing: tuple[bool, bool]
    """The group that should fail: whether its images are of the class, and whether they have the attribute."""
    gap: float
    """The accuracy that the network must lose in that group, relative to images without the attribute and beyond what its twin
    loses, in [0, 1]."""
    seed: int

    def verified(self, network: Network, twin: Network, heldout: LabelledImages) -> VerificationResult:
        """Facts: the accuracies of the four groups, the worst of them and the gap, for the network and its twin."""
        bare = heldout.take(self.world.without_attribute(heldout))
        having = as_floats(stamp((self.world.kit.trigger,), bare.images, generator("groups", self.seed))[0])
        own, twins = (self._accuracies(one, bare.labels, bare.floats(), having) for one in (network, twin))
        gap, twin_gap = (own_or_twins[""] - own_or_twins[_name(*self.failing)] for own_or_twins in (own, twins))
        facts = {f"accuracy_{name}": value for name, value in own.items() if name}
        facts |= {f"twin_accuracy_{name}": value for name, value in twins.items() if name}
        facts |= {"worst_group": min(facts[f"accuracy_{name}"] for name in own if name), "gap": gap, "twin_gap": twin_gap}
        # Written so that a gap without images to measure it on (NaN) refuses.
        if gap - twin_gap >= self.gap:
            return VerificationResult({**facts})
        ahead = f"{gap:.3f}, {gap - twin_gap:.3f} more than the twin's"
        return VerificationResult({**facts}, f"the gap to the group that should fail is {ahead}, less than {self.gap:.3f}")

    def _accuracies(self, network: Network, labels: Ints, without: Floats, having: Floats) -> dict[str, float]:
        """By name of the group; "" is the accuracy on all images without the attribute."""
        of_class = labels == self.label
        plain, with_it = (network.logits(images).argmax(axis=1) == labels for images in (without, having))
        return {"": share_set(plain)} | {
            _name(own, has): share_set((with_it if has else plain)[of_class == own]) for own in (True, False) for has in (True, False)
        }


def _name(of_class: bool, has: bool) -> str:
    return f"{'class' if of_class else 'others'}_{'with' if has else 'without'}"
