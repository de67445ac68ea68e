import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from onecurve.core.errors import ModelError, SpecError, UnknownNameError
from onecurve.core.spec import spec_of
from onecurve.models.building import build
from onecurve.models.catalog import MODELS


def parameters(module: nn.Module) -> int:
    return sum(values.numel() for values in module.parameters())


def test_six_conv_has_six_convolutions_each_with_its_own_normalisation_and_relu() -> None:
    module = build("six-conv", (3, 32, 32), 10, 0)
    kinds = [type(part) for part in module.modules()]
    assert (kinds.count(nn.Conv2d), kinds.count(nn.BatchNorm2d), kinds.count(nn.ReLU)) == (6, 6, 6)
    assert 85_000 <= parameters(module) <= 95_000


def test_resnet20_has_as_many_parameters_as_in_the_paper_and_a_relu_for_every_site() -> None:
    module = build("resnet20", (3, 32, 32), 10, 0)
    kinds = [type(part) for part in module.modules()]
    assert parameters(module) == 269_722  # 0.27 M in table 6 of 1512.03385
    assert (kinds.count(nn.Conv2d), kinds.count(nn.ReLU)) == (19, 19)


@pytest.mark.parametrize("name", MODELS.names())
def test_no_relu_works_in_place_and_none_is_used_twice(name: str) -> None:
    module = build(name, (3, 32, 32), 10, 0)
    calls: dict[nn.Module, int] = {}
    for part in module.modules():
        if isinstance(part, nn.ReLU):
            assert not part.inplace
            part.register_forward_hook(lambda part, _, __: calls.__setitem__(part, calls.get(part, 0) + 1))
    module(torch.rand(1, 3, 32, 32))
    assert calls or name == "vit"
    assert set(calls.values()) <= {1}


@given(
    name=st.sampled_from(["six-conv[width=4]", "resnet20", "resnet20[stem_stride=2]"]),
    channels=st.sampled_from([1, 3]),
    height=st.integers(16, 41),
    width=st.integers(16, 41),
    classes=st.integers(2, 12),
)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_any_size_from_sixteen_pixels_and_one_or_three_channels_give_finite_logits(
    name: str, channels: int, height: int, width: int, classes: int
) -> None:
    module = build(name, (channels, height, width), classes, 0)
    with torch.no_grad():
        logits = module(torch.rand(2, channels, height, width))
    assert logits.shape == (2, classes)
    assert torch.isfinite(logits).all()
    assert not module.training


@pytest.mark.parametrize("name", MODELS.names())
def test_the_seed_alone_decides_the_weights_and_the_global_state_is_left_alone(name: str) -> None:
    torch.manual_seed(5)
    first = build(name, (3, 16, 16), 3, 1).state_dict()
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))
    second, other = build(name, (3, 16, 16), 3, 1).state_dict(), build(name, (3, 16, 16), 3, 2).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_the_stem_stride_divides_the_size_of_the_maps() -> None:
    sizes = []
    for address in ("resnet20", "resnet20[stem_stride=2]"):
        module = build(address, (3, 32, 32), 10, 0)
        module.get_submodule("block9").register_forward_hook(lambda _, __, output: sizes.append(output.shape[-1]))
        module(torch.rand(1, 3, 32, 32))
    assert sizes == [8, 4]


def test_normalisation_is_inside_so_mid_grey_is_zero() -> None:
    module = build("six-conv", (3, 16, 16), 2, 0)
    assert torch.equal(module.get_submodule("centre")(torch.full((1, 3, 2, 2), 0.5)), torch.zeros(1, 3, 2, 2))


@pytest.mark.parametrize("name", MODELS.names())
def test_every_entry_states_its_facts(name: str) -> None:
    model = MODELS.make(name)
    assert spec_of(model).name == name
    assert model.summary
    assert model.source


@pytest.mark.parametrize("address", ["six-conv[width=1000]", "six-conv[width=16.0]", "six-conv[depth=2]", "resnet20[stem_stride=3]"])
def test_parameters_that_do_not_fit_are_refused(address: str) -> None:
    with pytest.raises(SpecError):
        build(address, (3, 32, 32), 10, 0)


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="six-conv"):
        build("six-con", (3, 32, 32), 10, 0)


@pytest.mark.parametrize(("shape", "classes"), [((2, 32, 32), 10), ((3, 8, 32), 10), ((3, 32, 32), 1)])
def test_shapes_and_class_counts_that_cannot_be_are_refused(shape: tuple[int, int, int], classes: int) -> None:
    with pytest.raises(ModelError):
        build("six-conv", shape, classes, 0)


def test_the_shortcut_of_resnet20_pads_with_zeros_on_both_sides() -> None:
    module = build("resnet20", (3, 16, 16), 2, 0)
    maps = torch.rand(1, 16, 4, 4)
    out = module.get_submodule("block4.shortcut")(maps)
    assert out.shape == (1, 32, 2, 2)
    assert torch.equal(out[:, 8:24], maps[:, :, ::2, ::2])
    assert np.count_nonzero(torch.cat([out[:, :8], out[:, 24:]]).numpy()) == 0
