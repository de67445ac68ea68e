"""Recipes: how networks are trained. A recipe holds everything that a network and its clean twin share.

The seed given to `plant` is that of one network and fixes its flaws. Together with the seed of the recipe it fixes the network's
images, initial weights, pretraining and order of the data, so no two networks of a run share any of them.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, final

from onecurve.core.errors import DataError, SpecError
from onecurve.data.dataset import DataSet, Part, at_most_held
from onecurve.flaws.planting.gate import Gate
from onecurve.models.steps import TrainingRecipe

INSERTIONS = ("finetune", "joint")
USUAL_TRAIN, USUAL_CLEAN, USUAL_HELDOUT = 16_000, 500, 1000
"""Numbers of images of each part if the recipe does not give them."""
USUAL_TRAINING = TrainingRecipe(3, batch_size=64, least_steps=750)
"""Three epochs of 16,000 images; the same number of steps for fewer images."""


@final
@dataclass(frozen=True)
class Sizes:
    """How many images of each part a recipe takes from a data set."""

    train: int
    clean: int
    heldout: int


@final
@dataclass(frozen=True)
class Recipe:
    """Data, network, training, and how flaws are inserted. The defaults are those of the `quick` suite."""

    data: str = "digits"
    """Address of the data set, as in `onecurve.data.catalog`."""
    model: str = "six-conv"
    """Address of the network, as in `onecurve.models.catalog`."""
    seed: int = 0
    """Fixes, together with the seed of each network, the images drawn, the initial weights and the order of the data."""
    train_images: int | None = None
    """Number of training images. None: 16,000, or all images if the set holds fewer. A set that holds fewer images than a given
    number is refused. The numbers of clean and held-out images work the same way."""
    pretraining: TrainingRecipe | None = USUAL_TRAINING
    """How the network first learns to name small objects (see `pretraining`); None for random initial weights. A user's own
    `FILE.py:CALLABLE` is never pretrained."""
    training: TrainingRecipe | None = USUAL_TRAINING
    """Training on the classes from the initial weights; None for a network that is already trained, such as a user's own."""
    insertion: Literal["finetune", "joint"] = "joint"
    """`finetune`: a trained clean network is fine-tuned on poisoned images. `joint`: the network is trained on them from the start."""
    insertion_training: TrainingRecipe = USUAL_TRAINING
    """The training of insertion `finetune`; not used by `joint`."""
    clean_images: int | None = None
    """Size of the clean set that the threat model grants; None: 500."""
    clean_features: bool = False
    """Whether the clean set may hold natural features. Off by default: labelled examples of a natural trigger would suffice to find
    and repair it, and leaving out only the planted feature would reveal it."""
    heldout_images: int | None = None
    """Clean held-out images in the truth; None: 1,000."""
    triggered_images: int = 256
    """Limit on the held-out triggered images, and on the near misses."""
    gate: Gate = field(default_factory=Gate)
    device: str = "cpu"
    zoo: str = ""
    """The zoo that holds the weights of the networks, so that they are not trained (see `onecurve.flaws.zoo`); empty for none."""

    def __post_init__(self) -> None:
        if self.insertion not in INSERTIONS:
            raise SpecError(f"no insertion is called: {self.insertion}", f"there are: {', '.join(INSERTIONS)}")
        if self.insertion == "joint" and self.training is None:
            raise SpecError("insertion `joint` trains from the initial weights and needs `training`", "use insertion `finetune`")
        if not isinstance(self.zoo, str):
            raise SpecError(f"`zoo` must be the name of a zoo, got: {self.zoo!r}", "the zoo `digits` comes with OneCurve")
        for name in ("train_images", "clean_images", "heldout_images", "triggered_images"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise SpecError(f"{name} must be at least 1, got: {count}")

    def sizes(self, dataset: DataSet) -> Sizes:
        """How many images the recipe takes from that set; raises ``DataError`` if it asks for more than the set holds."""

        def of(part: Part, asked: int | None, usual: int) -> int:
            there = at_most_held(dataset, part, asked or usual)
            if asked is not None and there < asked:
                raise DataError(
                    f"the recipe asks for {asked} images of part `{part}`, which holds {there}", "ask for fewer, or name no number"
                )
            return there

        return Sizes(
            of(Part.TRAIN, self.train_images, USUAL_TRAIN),
            of(Part.CLEAN, self.clean_images, USUAL_CLEAN),
            of(Part.HELDOUT, self.heldout_images, USUAL_HELDOUT),
        )

    @property
    def training_values(self) -> tuple[object, ...]:
        """All that weights depend on besides the contents of the set, the architecture, the flaws and the seed of the network."""
        trained = (self.pretraining, self.training, self.insertion, self.insertion_training)
        return (self.seed, self.train_images, *trained)

    def trained_on(self, images: int) -> "Recipe":
        """The same recipe with the epochs of each training settled for that number of images."""
        return replace(
            self,
            pretraining=self.pretraining and self.pretraining.on(images),
            training=self.training and self.training.on(images),
            insertion_training=self.insertion_training.on(images),
        )
