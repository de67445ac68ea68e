from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from onecurve.core.errors import BudgetError, DataError, ModelError, SpecError
from onecurve.core.image.images import LabelledImages
from onecurve.core.network import ConstantNetwork
from onecurve.core.workbench import Budget, Meter
from onecurve.models.building import build
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork
from onecurve.models.steps import TrainingRecipe, augmented, one_cycle
from onecurve.models.training import accuracy, train

RECIPE = TrainingRecipe(epochs=8, batch_size=16)


def trained(images: LabelledImages, recipe: TrainingRecipe, seed: int, build_seed: int = 0) -> nn.Module:
    module = build("six-conv[width=4]", (3, 16, 16), 4, build_seed)
    train(module, images, recipe, seed)
    return module


def equal(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_training_learns_what_can_be_learnt(labelled: LabelledImages) -> None:
    module = trained(labelled, replace(RECIPE, epochs=20), 0)
    assert accuracy(TorchNetwork(module), labelled) > 0.95
    assert not module.training


@pytest.mark.parametrize("recipe", [RECIPE, replace(RECIPE, crop_padding=2, flip=True)])
def test_the_same_seed_gives_the_same_weights_to_the_last_bit(labelled: LabelledImages, recipe: TrainingRecipe) -> None:
    first = trained(labelled, recipe, 7)
    torch.rand(5)
    np.random.default_rng().random()
    assert equal(first, trained(labelled, recipe, 7))
    assert not equal(first, trained(labelled, recipe, 8))


def test_half_precision_learns_as_well_and_leaves_whole_weights(labelled: LabelledImages) -> None:
    recipe = replace(RECIPE, epochs=20, precision="bfloat16")
    module = trained(labelled, recipe, 0)
    assert accuracy(TorchNetwork(module), labelled) > 0.95
    assert {values.dtype for values in module.parameters()} == {torch.float32}
    assert equal(module, trained(labelled, recipe, 0))
    assert not equal(module, trained(labelled, replace(recipe, precision="float32"), 0))


def test_dropout_draws_from_the_seed_and_the_global_state_is_left_alone(labelled: LabelledImages) -> None:
    def run() -> nn.Module:
        module = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(768, 4))
        nn.init.constant_(module[2].weight, 0.01)
        nn.init.zeros_(module[2].bias)
        train(module, labelled, RECIPE, 3)
        return module

    first = run()
    torch.manual_seed(0)
    drawn = torch.rand(2)
    torch.manual_seed(0)
    second = run()  # the constructor draws from the global state, training must not depend on it
    assert equal(first, second)
    torch.manual_seed(0)
    module = build("six-conv[width=4]", (3, 16, 16), 4, 0)
    train(module, labelled, RECIPE, 3)
    assert torch.equal(drawn, torch.rand(2))


def test_statistics_of_normalisation_are_learnt_and_the_layout_is_plain_again(labelled: LabelledImages) -> None:
    module = trained(labelled, RECIPE, 0)
    assert module.norm1.running_mean.abs().sum() > 0
    assert all(values.is_contiguous() for values in module.state_dict().values())
    assert module.conv2.weight.stride() == torch.empty(8, 4, 3, 3).stride()


def test_what_requires_no_gradient_stays_as_it_is(labelled: LabelledImages) -> None:
    module = build("six-conv[width=4]", (3, 16, 16), 4, 0)
    module.conv1.weight.requires_grad = False
    before = module.conv1.weight.clone()
    train(module, labelled, RECIPE, 0)
    assert torch.equal(before, module.conv1.weight)
    for values in module.parameters():
        values.requires_grad = False
    with pytest.raises(ModelError, match="no parameters to train"):
        train(module, labelled, RECIPE, 0)


@pytest.mark.parametrize("count", [1, 2, 17, 33])
def test_a_last_batch_of_one_image_does_not_occur(labelled: LabelledImages, count: int) -> None:
    sizes: list[int] = []
    module = build("six-conv[width=4]", (3, 16, 16), 4, 0)
    module.centre.register_forward_hook(lambda _, __, output: sizes.append(len(output)))
    train(module, labelled.take(slice(count)), TrainingRecipe(epochs=2, batch_size=16), 0)
    assert sum(sizes) == 2 * count
    assert count == 1 or min(sizes) > 1
    assert max(sizes) <= 16


def test_every_epoch_shows_every_image_once_in_a_new_order() -> None:
    images = np.repeat(np.arange(30, dtype=np.uint8), 768).reshape(30, 3, 16, 16)
    shown: list[float] = []
    module = build("six-conv[width=4]", (3, 16, 16), 4, 0)
    module.centre.register_forward_pre_hook(lambda _, inputs: shown.extend(inputs[0][:, 0, 0, 0].mul(255).round().tolist()))
    train(module, LabelledImages(images, np.zeros(30, np.int64)), TrainingRecipe(epochs=2, batch_size=8), 0)
    assert sorted(shown[:30]) == sorted(shown[30:]) == list(range(30))
    assert shown[:30] != shown[30:]
    assert shown[:30] != list(range(30))


def test_a_small_set_is_gone_through_until_the_least_steps_are_taken(labelled: LabelledImages) -> None:
    recipe, told = TrainingRecipe(1, batch_size=len(labelled) // 2, least_steps=7), []
    train(build("six-conv[width=4]", (3, 16, 16), 4, 0), labelled, recipe, 0, progress=lambda share, words: told.append(words))
    assert "epoch 4 of 4" in told[-1]


def test_progress_rises_to_one_and_says_where_training_is(labelled: LabelledImages) -> None:
    told: list[tuple[float, str]] = []
    module = build("six-conv[width=4]", (3, 16, 16), 4, 0)
    train(module, labelled, TrainingRecipe(epochs=20, batch_size=8), 0, progress=lambda share, words: told.append((share, words)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) > 3
    assert told[-1][1].startswith("epoch 20 of 20, loss ")


@pytest.mark.parametrize("bad", ["weights", "rate"])
def test_a_loss_that_is_not_a_number_is_an_error_not_a_network(labelled: LabelledImages, bad: str) -> None:
    module = build("six-conv[width=4]", (3, 16, 16), 4, 0)
    if bad == "weights":
        module.conv1.weight.data.fill_(float("nan"))
    else:
        module.head.weight.data.fill_(1e38)
    with pytest.raises(ModelError, match="training diverged"):
        train(module, labelled, RECIPE, 0)
    assert not module.training


@pytest.mark.parametrize("label", [-1, -100, 4, 10**12])
def test_labels_without_a_logit_are_refused_with_the_row(labelled: LabelledImages, label: int) -> None:
    labels = labelled.labels.copy()
    labels[11] = label
    with pytest.raises(DataError, match=rf"within 0\.\.3, .* row 11 holds: {label}"):
        trained(LabelledImages(labelled.images, labels), RECIPE, 0)


def test_no_images_are_refused(labelled: LabelledImages) -> None:
    with pytest.raises(DataError, match="no images to train on"):
        trained(labelled.take(slice(0)), RECIPE, 0)
    with pytest.raises(DataError, match="no images to measure"):
        accuracy(ConstantNetwork(np.zeros(4, np.float32)), labelled.take(slice(0)))


def test_read_only_arrays_are_taken(labelled: LabelledImages) -> None:
    labelled.images.setflags(write=False)
    labelled.labels.setflags(write=False)
    trained(labelled, TrainingRecipe(epochs=1), 0)


def test_training_a_metered_network_is_paid_for(labelled: LabelledImages) -> None:
    meter = Meter(Budget(200))
    module = Metered(build("six-conv[width=4]", (3, 16, 16), 4, 0), meter)
    train(module, labelled, TrainingRecipe(epochs=1, batch_size=16), 0)
    assert (meter.forward, meter.backward) == (40, 40)
    with pytest.raises(BudgetError):
        train(module, labelled, TrainingRecipe(epochs=9, batch_size=16), 0)
    assert not module.training


def test_accuracy_is_the_share_that_is_right() -> None:
    labels = np.array([0] * 3 + [1] * 997)
    images = LabelledImages(np.zeros((1000, 1, 2, 2), np.uint8), labels)
    assert accuracy(ConstantNetwork(np.array([1, 0], np.float32)), images) == 0.003


@pytest.mark.parametrize(
    "fields",
    [
        {"epochs": 0},
        {"epochs": 2.5},
        {"epochs": 1, "batch_size": 0},
        {"epochs": 1, "peak_learning_rate": 0},
        {"epochs": 1, "peak_learning_rate": float("nan")},
        {"epochs": 1, "weight_decay": -1},
        {"epochs": 1, "crop_padding": -1},
    ],
)
def test_recipes_out_of_range_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(SpecError, match="of a training recipe must be"):
        TrainingRecipe(**fields)  # type: ignore[arg-type]


def test_an_unknown_precision_or_optimiser_is_refused_by_name() -> None:
    with pytest.raises(SpecError, match="no precision is called: float16"):
        TrainingRecipe(1, precision="float16")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="no optimiser is called: lion"):
        TrainingRecipe(1, optimiser="lion")  # type: ignore[arg-type]


@given(total=st.integers(1, 400))
@settings(deadline=None, derandomize=True)
def test_the_learning_rate_rises_to_the_peak_once_and_falls_towards_nothing(total: int) -> None:
    rates = [one_cycle(step, total) for step in range(total)]
    peak = int(np.argmax(rates))
    assert max(rates) == pytest.approx(1)
    assert all(0 < rate < 1 + 1e-9 for rate in rates)
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert total < 8 or rates[-1] < 0.2


def test_shifts_are_at_most_the_padding_and_repeat_the_edge() -> None:
    columns = torch.arange(16, dtype=torch.uint8).expand(200, 1, 16, 16)
    moved = augmented(columns, TrainingRecipe(1, crop_padding=2), torch.Generator().manual_seed(0))
    shifts = {int(row[8]) - 8 for row in moved[:, 0, 0]}
    assert shifts == {-2, -1, 0, 1, 2}
    assert moved.max() == 15
    assert moved.min() == 0


def test_about_half_are_mirrored_and_nothing_is_by_default() -> None:
    columns = torch.arange(16, dtype=torch.uint8).expand(400, 1, 16, 16)
    mirrored = augmented(columns, TrainingRecipe(1, flip=True), torch.Generator().manual_seed(0))[:, 0, 0, 0].eq(15).float().mean()
    assert 0.4 < mirrored < 0.6
    assert torch.equal(augmented(columns, TrainingRecipe(1), torch.Generator()), columns)
