"""Networks trained together take the steps that each would take alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.core.errors import DataError, ModelError
from onecurve.core.image.images import LabelledImages
from onecurve.models.building import build
from onecurve.models.network import TorchNetwork
from onecurve.models.stacked import train_together
from onecurve.models.steps import TrainingRecipe
from onecurve.models.training import accuracy, train

RECIPE = TrainingRecipe(epochs=2, batch_size=16)
SEEDS = (3, 8, 21)


def networks(name: str = "six-conv[width=4]") -> list[nn.Module]:
    return [build(name, (3, 16, 16), 4, seed) for seed in SEEDS]


def sets(labelled: LabelledImages) -> list[LabelledImages]:
    """Three sets that differ as poisoned ones do."""
    flipped = replace(labelled, labels=(labelled.labels + 1) % 4)
    dimmed = replace(labelled, images=labelled.images // 2)
    return [labelled, flipped, dimmed]


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("six-conv[width=4]", RECIPE),
        ("six-conv[width=4]", replace(RECIPE, crop_padding=2, flip=True)),
        ("six-conv[width=4]", replace(RECIPE, optimiser="sgd")),
        ("resnet20", replace(RECIPE, epochs=1, optimiser="sgd")),
    ],
    ids=["plain", "augmented", "sgd", "residual"],
)
def test_every_network_takes_the_steps_it_would_take_alone(labelled: LabelledImages, name: str, recipe: TrainingRecipe) -> None:
    # Adam divides by the root of its second moment, which blows rounding up where gradients are near nothing; a mild rate keeps it small.
    mild = replace(recipe, peak_learning_rate=1e-3)
    together, alone = networks(name), networks(name)
    train_together(together, sets(labelled), mild, SEEDS)
    for module, images, seed in zip(alone, sets(labelled), SEEDS, strict=True):
        train(module, images, mild, seed)
    for one, other in zip(together, alone, strict=True):
        assert not one.training
        for name, values in other.state_dict().items():
            torch.testing.assert_close(one.state_dict()[name], values, rtol=2e-3, atol=2e-3, msg=name)


def test_half_precision_is_learnt_in_together(labelled: LabelledImages) -> None:
    modules = networks()
    train_together(modules, [labelled] * 3, replace(RECIPE, epochs=20, precision="bfloat16"), SEEDS)
    assert min(accuracy(TorchNetwork(module), labelled) for module in modules) > 0.9
    assert {values.dtype for values in modules[0].parameters()} == {torch.float32}


def test_what_can_be_learnt_is_learnt_by_all(labelled: LabelledImages) -> None:
    modules = networks()
    train_together(modules, [labelled] * 3, replace(RECIPE, epochs=20), SEEDS)
    assert min(accuracy(TorchNetwork(module), labelled) for module in modules) > 0.9


def test_the_same_seeds_give_the_same_weights_and_the_global_state_is_left_alone(labelled: LabelledImages) -> None:
    first, second = networks(), networks()
    torch.manual_seed(0)
    drawn = torch.rand(2)
    torch.manual_seed(0)
    train_together(first, sets(labelled), RECIPE, SEEDS)
    torch.testing.assert_close(torch.rand(2), drawn, rtol=0, atol=0)
    train_together(second, sets(labelled), RECIPE, SEEDS)
    for one, other in zip(first, second, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_frozen_parameters_stay(labelled: LabelledImages) -> None:
    modules = networks()
    for module in modules:
        next(module.parameters()).requires_grad_(requires_grad=False)
    before = [next(module.parameters()).clone() for module in modules]
    train_together(modules, sets(labelled), RECIPE, SEEDS)
    assert all(torch.equal(next(module.parameters()), kept) for module, kept in zip(modules, before, strict=True))


def test_progress_tells_how_far_it_is(labelled: LabelledImages) -> None:
    told: list[tuple[float, str]] = []
    train_together(networks(), sets(labelled), RECIPE, SEEDS, progress=lambda share, words: told.append((share, words)))
    assert told[-1][0] == 1
    assert "3 networks" in told[-1][1]


def test_what_does_not_go_together_is_refused_in_words(labelled: LabelledImages) -> None:
    with pytest.raises(ModelError, match="one architecture"):
        train_together([networks()[0], build("six-conv[width=8]", (3, 16, 16), 4, 0)], [labelled] * 2, RECIPE, SEEDS[:2])
    with pytest.raises(ModelError, match="as many networks"):
        train_together(networks(), [labelled], RECIPE, SEEDS)
    with pytest.raises(DataError, match="sets of one size"):
        train_together(networks(), [labelled, labelled, labelled.take(slice(8))], RECIPE, SEEDS)
    with pytest.raises(DataError, match="network has 4 logits"):
        train_together(networks(), [replace(labelled, labels=np.full_like(labelled.labels, 9))] * 3, RECIPE, SEEDS)
    broken = networks()
    nn.init.constant_(next(broken[1].parameters()), float("nan"))
    with pytest.raises(ModelError, match="diverged"):
        train_together(broken, sets(labelled), RECIPE, SEEDS)
