"""Trains the networks of a recipe: the clean base, the clean twin, and the network that learns the poisoned images.

The twin takes the same steps on the same images in the same order; only poisoned rows differ. Clean networks are cached by
content, so all flaws that are planted with one recipe share them.
"""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import final

import numpy as np
from torch import nn

from onecurve.core.image.images import LabelledImages
from onecurve.core.seeds import seed_for
from onecurve.core.spec import content_key
from onecurve.data.dataset import DataSet, Part
from onecurve.flaws.planting.pretraining import names_of, naming_images, with_body_of
from onecurve.flaws.planting.recipe import Recipe
from onecurve.models.building import build, identity, is_file_address
from onecurve.models.cache import Cache
from onecurve.models.network import TorchNetwork
from onecurve.models.running_statistics import require_matching_statistics
from onecurve.models.steps import Progress, TrainingRecipe, no_progress
from onecurve.models.threads import all_cores, threads, threads_of_one_job
from onecurve.models.training import train


def within(progress: Progress, start: float, end: float) -> Progress:
    """A progress function for the part of ``progress`` from ``start`` to ``end``."""
    return lambda share, words: progress(start + (end - start) * share, words)


@final
@dataclass(frozen=True)
class TrainingSession:
    """A recipe with its open data set and its training images."""

    recipe: Recipe
    dataset: DataSet
    drawn: LabelledImages
    """The training images as the data set draws them."""
    images: LabelledImages
    """The same images as they look in the network's world, with their true labels; the clean twin is trained on them."""
    cache: Cache

    @classmethod
    def of(cls, recipe: Recipe, dataset: DataSet, cache: Cache) -> "TrainingSession":
        """A session with training images drawn from ``dataset``, which are also the images of the world."""
        drawn = _drawn(_TrainingDraw(dataset.key, recipe.sizes(dataset).train, seed_for("train", recipe.seed), dataset))
        return cls(recipe.trained_on(len(drawn)), dataset, drawn, drawn, cache)

    def base(self, progress: Progress = no_progress) -> TorchNetwork:
        """The clean network, trained from the initial weights on ``drawn``; cached."""
        return self._clean(self.drawn, progress)

    def twin(self, progress: Progress = no_progress) -> TorchNetwork:
        """The clean network that took the same steps as a flawed one, with true labels and no triggers; cached."""
        if self.recipe.insertion == "joint":
            return self._clean(self.images, progress)
        base = self.base(within(progress, 0, 0.8))
        key = content_key("twin", _digest(base.module), _content(self.images), self._identity(), self.recipe.insertion_training)

        def make() -> TorchNetwork:
            if self.recipe.training is None and self.recipe.insertion_training.statistics == "learnt":
                require_matching_statistics(base, self.drawn)
            return self._inserted(base, self.images, self._order(), within(progress, 0.8, 1))

        return self._cached(key, base.module, make)

    def flawed(self, images: LabelledImages, progress: Progress = no_progress) -> TorchNetwork:
        """The network that is trained on the poisoned ``images``, in the order of the twin."""
        if self.recipe.insertion == "joint":
            start = self._initial(seed_for("initial", self.recipe.seed))
            return self._trained(start, images, self.recipe.training, self._order(), progress)
        return self._inserted(self.base(), images, self._order(), progress)

    def clean(self, seed: int, progress: Progress = no_progress) -> TorchNetwork:
        """A clean network that differs from the twin: the same recipe in another order and, if joint, from other initial weights."""
        order = seed_for("order", self.recipe.seed, seed)
        if self.recipe.insertion == "joint":
            start = self._initial(seed_for("initial", self.recipe.seed, seed))
            return self._trained(start, self.images, self.recipe.training, order, progress)
        return self._inserted(self.base(), self.images, order, progress)

    def _clean(self, images: LabelledImages, progress: Progress) -> TorchNetwork:
        start = self._initial(seed_for("initial", self.recipe.seed), within(progress, 0, 0.5))
        key, rest = content_key("base", _digest(start), _content(images), self._identity(), self.recipe.training), within(progress, 0.5, 1)
        return self._cached(key, start, lambda: self._trained(start, images, self.recipe.training, self._order(), rest))

    def _inserted(self, base: TorchNetwork, images: LabelledImages, order: int, progress: Progress) -> TorchNetwork:
        return self._trained(base.module, images, self.recipe.insertion_training, order, progress)

    def _initial(self, seed: int, progress: Progress = no_progress) -> nn.Module:
        start = self._built(len(self.dataset.class_names), seed)
        # A user's own file decides itself how many classes its network has, so it cannot be pretrained to name other things.
        if self.recipe.pretraining is None or is_file_address(self.recipe.model):
            return start
        return with_body_of(start, self._pretrained(self.recipe.pretraining, progress))

    def _built(self, classes: int, seed: int) -> nn.Module:
        return build(self.recipe.model, self.dataset.shape, classes, seed)

    def _pretrained(self, recipe: TrainingRecipe, progress: Progress) -> nn.Module:
        """The network that was pretrained to name small objects; cached."""
        start = self._built(len(names_of(self.dataset)), seed_for("pretrained", self.recipe.seed))
        key = content_key("pretrained", _digest(start), self.dataset.key, self._identity(), recipe)

        def make() -> TorchNetwork:
            images = naming_images(self.dataset, self.drawn, seed_for("naming", self.recipe.seed))
            with threads(all_cores()):
                train(start, images, recipe, self._order(), device=self.recipe.device, progress=progress)
            return TorchNetwork(start, self.recipe.device)

        return self._cached(key, start, make).module.cpu()

    def _trained(
        self, start: nn.Module, images: LabelledImages, recipe: TrainingRecipe | None, seed: int, progress: Progress
    ) -> TorchNetwork:
        module = copy.deepcopy(start)
        if recipe is not None:
            # The base is trained once and shared by all networks of the recipe, so it may use every core.
            shared = images is self.drawn and seed == self._order()
            with threads(all_cores() if shared else threads_of_one_job()):
                train(module, images, recipe, seed, device=self.recipe.device, progress=progress)
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

    def _order(self) -> int:
        return seed_for("order", self.recipe.seed)

    def _identity(self) -> tuple[object, ...]:
        recipe = self.recipe
        return (identity(recipe.model), recipe.seed, len(self.drawn), recipe.device)


@final
@dataclass(frozen=True)
class _TrainingDraw:
    """What the training images of a recipe depend on."""

    key: str
    """The content key of the data set."""
    count: int
    seed: int
    dataset: DataSet = field(compare=False)


@lru_cache(maxsize=1)
def _drawn(draw: _TrainingDraw) -> LabelledImages:
    """Drawn once per process for all networks of one recipe; read-only, because the networks share the arrays."""
    images = draw.dataset.draw(Part.TRAIN, draw.count, draw.seed)
    images.images.flags.writeable = False
    images.labels.flags.writeable = False
    return images


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
