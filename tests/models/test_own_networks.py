"""A person's own FILE.py:CALLABLE, good and bad."""

from pathlib import Path

import pytest
import torch
from torch import nn

from onecurve.core.errors import ModelError
from onecurve.models.building import build, build_with_notes, identity
from onecurve.models.weights import write_state

SHAPE = (3, 16, 16)
GOOD = """
import torch
from torch import nn
from torch.nn import functional

class Flat(nn.Module):
    def __init__(self, inputs=768, outputs=4):
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3, padding=1)
        self.linear = nn.Linear(inputs, outputs)
    def forward(self, x):
        return self.linear(self.convolution(x).view(len(x), -1))

def fits(shape, classes):
    return Flat(shape[0] * shape[1] * shape[2], classes)

def seeded(seed):
    net = Flat()
    net.seed = seed
    return net

instance = Flat()
number = 7

def breaks():
    raise RuntimeError("no such checkpoint: net.bin")

def no_module():
    return {"weights": 1}

def three_logits():
    return Flat(outputs=3)

def grey():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(784, 4))

def tuple_output():
    class Two(nn.Module):
        def forward(self, x):
            return x.mean((2, 3)), x
    return Two()

def not_a_number():
    net = Flat()
    net.linear.weight.data.fill_(float("nan"))
    return net

def random_noise():
    class Noisy(Flat):
        def forward(self, x):
            return super().forward(x) + torch.rand(4)
    return Noisy()

def integers():
    class Whole(Flat):
        def forward(self, x):
            return super().forward(x).long()
    return Whole()

def quits():
    import argparse
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.parse_args()

def needs_something(path):
    return Flat()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my_net.py"
    path.write_text(GOOD)
    return path


@pytest.mark.parametrize("name", ["Flat", "fits", "instance"])
def test_a_class_a_function_and_a_ready_network_are_taken(file: Path, name: str) -> None:
    module = build(f"{file}:{name}", SHAPE, 4, 0)
    assert isinstance(module, nn.Module)
    assert not module.training


def test_shape_classes_and_seed_are_given_to_a_callable_that_names_them(file: Path) -> None:
    assert build(f"{file}:fits", (3, 20, 20), 7, 0)(torch.rand(1, 3, 20, 20)).shape == (1, 7)
    assert build(f"{file}:seeded", SHAPE, 4, 11).seed == 11


def test_own_random_weights_depend_on_the_seed_and_leave_the_global_state_alone(file: Path) -> None:
    torch.manual_seed(3)
    first = build(f"{file}:Flat", SHAPE, 4, 1)
    drawn = torch.rand(2)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(2))
    assert torch.equal(first.linear.weight, build(f"{file}:Flat", SHAPE, 4, 1).linear.weight)
    assert not torch.equal(first.linear.weight, build(f"{file}:Flat", SHAPE, 4, 2).linear.weight)


def test_weights_are_put_in(file: Path, tmp_path: Path) -> None:
    module = build(f"{file}:Flat", SHAPE, 4, 1)
    write_state(tmp_path / "w.safetensors", module.state_dict())
    again = build(f"{file}:Flat[weights={tmp_path / 'w.safetensors'}]", SHAPE, 4, 2)
    assert torch.equal(module.linear.weight, again.linear.weight)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Flatt", "did you mean `Flat`"),
        ("breaks", "raised RuntimeError: no such checkpoint: net.bin"),
        ("no_module", "must return an nn.Module, got: dict"),
        ("number", "must be a callable"),
        ("three_logits", r"must give logits of shape \(3, 4\) for 3 images, got: \(3, 3\)"),
        ("tuple_output", "got: tuple"),
        ("grey", "first convolution takes 1 channels"),
        ("not_a_number", "must give finite floating-point logits"),
        ("integers", "must give finite floating-point logits"),
        ("random_noise", "different logits for the same images"),
        ("quits", "ends the program: .*required: --data"),
        ("needs_something", "raised TypeError"),
    ],
)
def test_what_is_no_network_is_refused_in_words(file: Path, name: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        build(f"{file}:{name}", SHAPE, 4, 0)


def test_a_network_for_other_images_is_refused_with_their_shape(file: Path) -> None:
    with pytest.raises(ModelError, match="does not take images of 3 x 20 x 20"):
        build(f"{file}:Flat", (3, 20, 20), 4, 0)


def test_a_missing_file_a_file_that_does_not_import_and_half_an_address_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        build(f"{tmp_path / 'absent.py'}:load", SHAPE, 4, 0)
    (tmp_path / "broken.py").write_text("import not_a_module_at_all")
    with pytest.raises(ModelError, match=r"broken\.py does not import"):
        build(f"{tmp_path / 'broken.py'}:load", SHAPE, 4, 0)
    with pytest.raises(ModelError, match="not an address"):
        build(f"{tmp_path / 'broken.py'}", SHAPE, 4, 0)


def test_a_ready_network_that_is_trained_does_not_change_the_next_one_built(file: Path) -> None:
    first = build(f"{file}:instance", SHAPE, 4, 0)
    with torch.no_grad():
        first.linear.weight.zero_()
    assert build(f"{file}:instance", SHAPE, 4, 0).linear.weight.any()


def test_weights_fit_a_network_that_is_lazy_or_prunes_itself(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\nfrom torch.nn.utils import prune\n"
        "def lazy():\n    return nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(4))\n"
        "def pruned():\n    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(784, 4))\n"
        "    prune.l1_unstructured(net[0], 'weight', 0.5)\n    return net\n"
    )
    known = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(784, 4))
    write_state(tmp_path / "w.safetensors", known.state_dict())
    images = torch.rand(2, *SHAPE)
    for name in ("lazy", "pruned"):
        found = build_with_notes(f"{tmp_path / 'net.py'}:{name}[weights={tmp_path / 'w.safetensors'}]", SHAPE, 4, 0)
        assert torch.allclose(found.module(images), known(images), atol=1e-5)
    assert "masks" in found.notes[0]


def test_the_identity_of_an_address_changes_with_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("import blocks")
    (tmp_path / "blocks.py").write_text("wide = 1")
    before = identity(f"{tmp_path / 'net.py'}:net")
    assert identity(f"{tmp_path / 'net.py'}:net") == before
    (tmp_path / "blocks.py").write_text("wide = 2")
    assert identity(f"{tmp_path / 'net.py'}:net") != before
