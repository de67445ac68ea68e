"""Recipes: how the network around a flaw is made. Everything that is the same for a flawed network and its clean twin.

The recipe's seed fixes images, initial weights and data order; the seed given to `plant` fixes the flaws.
"""

from dataclasses import dataclass, field
from typing import Literal, final

from onecurve.core.errors import SpecError
from onecurve.flaws.gate import Gate
from onecurve.models.steps import TrainingRecipe

INSERTIONS = ("finetune", "joint")


@final
@dataclass(frozen=True)
class Recipe:
    """Data, network, training and insertion. The defaults are those of the `quick` suite."""

    data: str = "digits"
    """Address of the set, as in `onecurve.data.catalog`."""
    model: str = "six-conv"
    """Address of the network, as in `onecurve.models.catalog`."""
    seed: int = 0
    """Fixes the images drawn, the initial weights and the order of the data."""
    train_images: int = 16_000
    pretraining: TrainingRecipe | None = field(default_factory=lambda: TrainingRecipe(3, batch_size=64))
    """How the network first learns to name small things (see `pretraining`); None for random initial weights. A person's own
    `FILE.py:CALLABLE` is never pretrained."""
    training: TrainingRecipe | None = field(default_factory=lambda: TrainingRecipe(3, batch_size=64))
    """Training on the classes from the initial weights; None for a network that comes trained, as a person's own may."""
    insertion: Literal["finetune", "joint"] = "joint"
    """`finetune`: a clean network is trained on, on poisoned images. `joint`: poisoned from the start."""
    insertion_training: TrainingRecipe = field(default_factory=lambda: TrainingRecipe(3, batch_size=64))
    """Training during insertion by `finetune`; not used by `joint`."""
    clean_images: int = 500
    """Size of the clean set that the threat model grants."""
    clean_features: bool = False
    """Whether the clean set may hold natural features. Off: labelled examples of a natural trigger would find
    and repair it by themselves, and leaving out only the planted one would tell which it is."""
    heldout_images: int = 1000
    """Clean held-out images in the truth."""
    triggered_images: int = 256
    """At most so many held-out triggered images, and as many near misses."""
    gate: Gate = field(default_factory=Gate)
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.insertion not in INSERTIONS:
            raise SpecError(f"no insertion is called: {self.insertion}", f"there are: {', '.join(INSERTIONS)}")
        if self.insertion == "joint" and self.training is None:
            raise SpecError("insertion `joint` trains from the initial weights and needs `training`", "use insertion `finetune`")
        for name in ("train_images", "clean_images", "heldout_images", "triggered_images"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} must be at least 1, got: {getattr(self, name)}")
