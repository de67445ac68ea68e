"""Trains one network of a recipe and what belongs to it: its clean base, its clean twin, and the network on poisoned images.

Every network draws its own training images, initial weights, pretraining and order, by one rule whether it is flawed, a control,
clean or a reference. So the networks of a run are independent, and no published one tells the weights that another began with.
The twin takes the same steps on the same images in the same order; only poisoned rows differ, and of a clean network it is the
network itself. Clean networks are cached by content, so another flaw in the same network takes less.
"""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from torch import nn

from onecurve.core.image.images import LabelledImages
from onecurve.core.seeds import seed_for
from onecurve.core.spec import content_key
from onecurve.data.dataset import DataSet, Part
from onecurve.flaws.planting.pretraining import names_of, naming_images, with_body_of
from onecurve.flaws.planting.recipe import Recipe
from onecurve.flaws.planting.trainers import ALONE, Trainer
from onecurve.flaws.zoo.weights import State, StoredWeights
from onecurve.models.building import build, identity, is_file_address
from onecurve.models.cache import Cache
from onecurve.models.network import TorchNetwork
from onecurve.models.running_statistics import require_matching_statistics
from onecurve.models.steps import Progress, TrainingRecipe, no_progress
from onecurve.models.weights import put_state


def within(progress: Progress, start: float, end: float) -> Progress:
    """A progress function for the part of ``progress`` from ``start`` to ``end``."""
    return lambda share, words: progress(start + (end - start) * share, words)


@final
@dataclass(frozen=True)
class TrainingSession:
    """A recipe with its open data set, and the training images of one network."""

    recipe: Recipe
    dataset: DataSet
    seed: int
    """Of this network; its training images, initial weights, pretraining and order are drawn by it."""
    drawn: LabelledImages
    """The training images as the data set draws them."""
    images: LabelledImages
    """The same images as they look in the network's world, with their true labels; the clean twin is trained on them."""
    cache: Cache
    stored: StoredWeights | None = None
    """Weights of a zoo, which are taken in place of training; None to train."""
    trainer: Trainer = ALONE

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        dataset: DataSet,
        seed: int,
        cache: Cache,
        stored: StoredWeights | None = None,
        trainer: Trainer = ALONE,
    ) -> "TrainingSession":
        """The session of the network with that seed; its images are drawn from ``dataset`` and are also those of the world."""
        own = seed_for("network", recipe.seed, seed)
        drawn = dataset.draw(Part.TRAIN, recipe.sizes(dataset).train, seed_for("train", own))
        return cls(recipe.trained_on(len(drawn)), dataset, own, drawn, drawn, cache, stored, trainer)

    def initial(self, progress: Progress = no_progress) -> nn.Module:
        """What the network and its twin begin with: weights drawn for it alone, and the body of its own pretraining; cached."""
        start = self._built(len(self.dataset.class_names), seed_for("initial", self.seed))
        # A user's own file decides itself how many classes its network has, so it cannot be pretrained to name other things.
        if self.recipe.pretraining is None or is_file_address(self.recipe.model):
            return start
        return with_body_of(start, self._pretrained(self.recipe.pretraining, progress))

    def base(self, progress: Progress = no_progress) -> TorchNetwork:
        """The clean network, trained from the initial weights on ``drawn``; cached."""
        return self._clean(self.drawn, progress)

    def twin(self, progress: Progress = no_progress) -> TorchNetwork:
        """The clean network that took the same steps as a flawed one, with true labels and no triggers; cached."""
        if self.stored is not None:
            return self._loaded(self.stored.twin)
        if self.recipe.insertion == "joint":
            return self._clean(self.images, progress)
        base = self.base(within(progress, 0, 0.8))
        key = content_key("twin", _digest(base.module), _content(self.images), self._identity(), self.recipe.insertion_training)

        def make() -> TorchNetwork:
            if self.recipe.training is None and self.recipe.insertion_training.statistics == "learnt":
                require_matching_statistics(base, self.drawn)
            return self._inserted(base, self.images, within(progress, 0.8, 1))

        return self._cached(key, base.module, make)

    def flawed(self, images: LabelledImages, progress: Progress = no_progress) -> TorchNetwork:
        """The network that is trained on the poisoned ``images``, in the order of the twin."""
        if self.stored is not None:
            return self._loaded(self.stored.network)
        if self.recipe.insertion == "joint":
            return self._trained(self.initial(), images, self.recipe.training, progress)
        return self._inserted(self.base(), images, progress)

    def _clean(self, images: LabelledImages, progress: Progress) -> TorchNetwork:
        start = self.initial(within(progress, 0, 0.5))
        key, rest = content_key("base", _digest(start), _content(images), self._identity(), self.recipe.training), within(progress, 0.5, 1)
        return self._cached(key, start, lambda: self._trained(start, images, self.recipe.training, rest))

    def _inserted(self, base: TorchNetwork, images: LabelledImages, progress: Progress) -> TorchNetwork:
        return self._trained(base.module, images, self.recipe.insertion_training, progress)

    def _loaded(self, weights: State) -> TorchNetwork:
        return from_zoo(weights, self.recipe, self.dataset)

    def _built(self, classes: int, seed: int) -> nn.Module:
        return build(self.recipe.model, self.dataset.shape, classes, seed)

    def _pretrained(self, recipe: TrainingRecipe, progress: Progress) -> nn.Module:
        """The network that was pretrained to name small objects; cached."""
        start = self._built(len(names_of(self.dataset)), seed_for("pretrained", self.seed))
        key = content_key("pretrained", _digest(start), self.dataset.key, self._identity(), recipe)

        def make() -> TorchNetwork:
            images = naming_images(self.dataset, self.drawn, seed_for("naming", self.seed))
            return self._trained(start, images, recipe, progress)

        return self._cached(key, start, make).module.cpu()

    def _trained(self, start: nn.Module, images: LabelledImages, recipe: TrainingRecipe | None, progress: Progress) -> TorchNetwork:
        module = copy.deepcopy(start)
        if recipe is not None:
            self.trainer.train(module, images, recipe, seed_for("order", self.seed), self.recipe.device, progress)
        return TorchNetwork(module.eval(), self.recipe.device)

    def _cached(self, key: str, like: nn.Module, make: Callable[[], TorchNetwork]) -> TorchNetwork:
        weights = self.cache.network(key)
        if weights is None:
            made = make()
            self.cache.keep(key, made.module)
            return made
        module = copy.deepcopy(like)
        module.load_state_dict(weights)
        return TorchNetwork(module.to(self.recipe.device).eval(), self.recipe.device)

    def _identity(self) -> tuple[object, ...]:
        return (identity(self.recipe.model), self.seed, len(self.drawn), self.recipe.device)


def from_zoo(weights: State, recipe: Recipe, dataset: DataSet) -> TorchNetwork:
    """A network of the recipe with weights that a zoo stores."""
    module = build(recipe.model, dataset.shape, len(dataset.class_names), 0)
    put_state(module, weights, f"a network of the zoo `{recipe.zoo}`")
    return TorchNetwork(module.to(recipe.device).eval(), recipe.device)


def _content(images: LabelledImages) -> str:
    """32 hexadecimal digits of pixels and labels."""
    summary = hashlib.blake2b(digest_size=16)
    summary.update(np.ascontiguousarray(images.images).data)
    summary.update(np.ascontiguousarray(images.labels).data)
    return summary.hexdigest()


def _digest(module: nn.Module) -> str:
    """32 hexadecimal digits of a module's weights and buffers."""
    summary = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        array = tensor.detach().cpu().contiguous().numpy()
        summary.update(f"{name}:{array.dtype}:{array.shape}".encode())
        summary.update(array.tobytes())
    return summary.hexdigest()[:32]
