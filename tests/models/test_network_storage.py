"""Networks handed back: what is stored computes the same, and no file is ever run."""

import json
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from onecurve.core.errors import AnswerError
from onecurve.core.image.images import Floats
from onecurve.core.workbench import Budget, Meter
from onecurve.models.building import build
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork
from onecurve.models.program import Program, _operation
from onecurve.models.storage import Architecture, load_network, save_network
from onecurve.models.weights import write_state

SHAPE = (3, 16, 16)
ADDRESS = "six-conv[width=4]"


def kind(path: Path) -> str:
    with safe_open(path, "pt") as file:
        return (file.metadata() or {})["kind"]


def changed(module: nn.Module) -> nn.Module:
    other = deepcopy(module)
    with torch.no_grad():
        for values in other.parameters():
            values.mul_(1.1)
    for part in other.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean = torch.full_like(part.running_mean, 0.1)  # type: ignore[arg-type]
    return other


class Masked(nn.Module):
    """A network around a network, with a mask, a constant, an in-place step and dropout."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.register_buffer("mask", torch.tensor([1.0, 0.0, 1.0, 1.0]))
        self.bias = torch.tensor([0.1, 0.2, 0.3, 0.4])
        self.dropout = nn.Dropout(0.5)

    def forward(self, images: Tensor) -> Tensor:
        logits = self.dropout(self.inner(images)) * self.mask + self.bias
        logits[:, 0] += images.flatten(1).median(1).values
        return logits.view(images.shape[0], -1).clamp_(-50, 50)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 8, 8, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 4)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.embed(images).flatten(2).transpose(1, 2)
        attended, _ = self.attention(tokens, tokens, tokens)
        return self.head(nn.functional.gelu(self.norm(tokens + attended)).mean(1))


class Branching(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3)) @ torch.ones(3, 4) if images.sum() > 0 else images.sum((2, 3)) @ torch.ones(3, 4)


class Drawing(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3)) @ torch.ones(3, 4) + torch.rand(4)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda module: Metered(module, Meter(Budget(1e9))),
        lambda module: deepcopy(Metered(module, Meter(Budget(1e9)))),
        lambda module: Metered(module, Meter(Budget(1e9))).inner,
        lambda module: module,
    ],
)
def test_the_same_architecture_is_kept_as_weights_however_it_is_wrapped(
    tmp_path: Path, tiny: nn.Module, floats: Floats, wrapped: object
) -> None:
    given = changed(tiny)
    expected = TorchNetwork(deepcopy(given)).logits(floats)
    like = Metered(tiny, meter := Meter(Budget(1e9)))
    save_network(tmp_path / "n.safetensors", TorchNetwork(wrapped(given)), like)  # type: ignore[operator]
    for form in (like, like.inner, Architecture(ADDRESS, SHAPE, 4)):
        loaded = load_network(tmp_path / "n.safetensors", form)
        np.testing.assert_array_equal(loaded.logits(floats), expected)
        assert not isinstance(loaded.module, Metered)
    assert kind(tmp_path / "n.safetensors") == "weights"
    assert (meter.forward, meter.backward) == (0, 0)


@pytest.mark.parametrize("other", [Masked, lambda _: Attention(), lambda _: nn.Sequential(nn.Flatten(), nn.Linear(768, 4))])
def test_any_other_module_is_kept_as_operations_that_compute_the_same(
    tmp_path: Path, tiny: nn.Module, floats: Floats, other: object
) -> None:
    network = TorchNetwork(other(tiny).eval())  # type: ignore[operator]
    save_network(tmp_path / "n.safetensors", network, tiny)
    loaded = load_network(tmp_path / "n.safetensors", tiny)
    assert kind(tmp_path / "n.safetensors") == "program"
    assert isinstance(loaded.module, Program)
    for count in (1, 2, 6):
        np.testing.assert_allclose(loaded.logits(floats[:count]), network.logits(floats[:count]), rtol=1e-3, atol=1e-4)


def test_operations_can_be_relearned_and_counted_and_copied(tmp_path: Path, tiny: nn.Module, floats: Floats) -> None:
    pruned = nn.Sequential(deepcopy(tiny), nn.Identity())
    save_network(tmp_path / "n.safetensors", TorchNetwork(pruned), tiny)
    loaded = load_network(tmp_path / "n.safetensors", tiny)
    assert kind(tmp_path / "n.safetensors") == "program"
    assert TorchNetwork(tiny).size() < loaded.size() < TorchNetwork(tiny).size() + 10_000  # the text of the operations
    labels = np.array([0, 1, 2, 3, 0, 1])
    again, expected = loaded.relearned(floats, labels, 0, 20), TorchNetwork(tiny).relearned(floats, labels, 0, 20)
    np.testing.assert_allclose(again.logits(floats), expected.logits(floats), rtol=0.05, atol=0.05)
    assert not np.allclose(again.logits(floats), loaded.logits(floats))
    assert isinstance(deepcopy(loaded.module), Program)


def test_numbers_hidden_in_a_constant_or_called_statistics_are_counted_once_stored(tmp_path: Path, tiny: nn.Module) -> None:
    class Hiding(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner, self.table = inner, [torch.rand(1000, generator=torch.Generator().manual_seed(0))]

        def forward(self, images: Tensor) -> Tensor:
            return self.inner(images) + self.table[0].sum()

    save_network(tmp_path / "n.safetensors", TorchNetwork(Hiding(tiny).eval()), tiny)
    assert load_network(tmp_path / "n.safetensors", tiny).size() > TorchNetwork(tiny).size() + 20 * 1000


def test_the_same_names_with_another_computation_are_not_taken_for_the_same(tmp_path: Path, tiny: nn.Module, floats: Floats) -> None:
    masked = deepcopy(tiny)
    masked.relu3.register_forward_hook(lambda _, __, output: output * 0.5)
    network = TorchNetwork(masked)
    save_network(tmp_path / "n.safetensors", network, tiny)
    assert kind(tmp_path / "n.safetensors") == "program"
    np.testing.assert_allclose(load_network(tmp_path / "n.safetensors", tiny).logits(floats), network.logits(floats), rtol=1e-3, atol=1e-4)


def test_saving_changes_neither_network(tmp_path: Path, tiny: nn.Module, floats: Floats) -> None:
    given = changed(tiny).train()
    before = [TorchNetwork(module).logits(floats) for module in (tiny, given)]
    save_network(tmp_path / "n.safetensors", TorchNetwork(given), tiny)
    load_network(tmp_path / "n.safetensors", tiny)
    assert given.training
    for module, logits in zip((tiny, given), before, strict=True):
        np.testing.assert_array_equal(TorchNetwork(module).logits(floats), logits)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Branching(), "a Branching cannot be stored as tensor operations"),
        (Drawing(), "does not compute the same after it is stored|not an operation on tensors"),
        (nn.Sequential(nn.Flatten(), nn.Linear(768, 5)), r"must give logits of shape \(8, 4\), got: \(8, 5\)"),
        (nn.Linear(5, 4), "does not run on"),
        (nn.GRU(16, 4), "a GRU"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_reason(tmp_path: Path, tiny: nn.Module, module: nn.Module, words: str) -> None:
    with pytest.raises(AnswerError, match=words):
        save_network(tmp_path / "n.safetensors", TorchNetwork(module.eval()), tiny)
    assert not (tmp_path / "n.safetensors").exists()


def test_weights_that_are_not_finite_are_refused_by_name(tmp_path: Path, tiny: nn.Module) -> None:
    bad = deepcopy(tiny)
    bad.norm3.running_var[1] = float("inf")
    with pytest.raises(AnswerError, match=r"must be finite, these are not: norm3\.running_var"):
        save_network(tmp_path / "n.safetensors", TorchNetwork(bad), tiny)
    write_state(tmp_path / "n.safetensors", bad.state_dict(), {"kind": "weights"})
    with pytest.raises(AnswerError, match=r"not finite: norm3\.running_var"):
        load_network(tmp_path / "n.safetensors", tiny)


def test_logits_that_overflow_are_refused(tmp_path: Path, tiny: nn.Module) -> None:
    bad = deepcopy(tiny)
    with torch.no_grad():
        bad.conv6.weight.mul_(1e38)
        bad.norm6.weight.mul_(1e38)
    with pytest.raises(AnswerError, match="logits that are not finite"):
        save_network(tmp_path / "n.safetensors", TorchNetwork(bad), tiny)


def test_a_hand_made_network_needs_the_shape_of_the_images(tmp_path: Path, floats: Floats) -> None:
    like = nn.Sequential(nn.Flatten(), nn.Linear(768, 4))
    other = nn.Sequential(nn.Flatten(), nn.Linear(768, 4))
    with pytest.raises(AnswerError, match="shape of the images is not known"):
        save_network(tmp_path / "n.safetensors", TorchNetwork(other), like)
    save_network(tmp_path / "n.safetensors", TorchNetwork(other), like, shape=SHAPE)
    np.testing.assert_array_equal(load_network(tmp_path / "n.safetensors", like).logits(floats), TorchNetwork(other).logits(floats))


def test_the_file_may_have_any_name(tmp_path: Path, tiny: nn.Module, floats: Floats) -> None:
    save_network(tmp_path / "network", TorchNetwork(changed(tiny)), tiny)
    np.testing.assert_array_equal(load_network(tmp_path / "network", tiny).logits(floats), TorchNetwork(changed(tiny)).logits(floats))


def test_missing_cut_and_foreign_files_are_refused(tmp_path: Path, tiny: nn.Module) -> None:
    path = tmp_path / "n.safetensors"
    with pytest.raises(AnswerError, match="no such weight file"):
        load_network(path, tiny)
    save_network(path, TorchNetwork(deepcopy(tiny)), tiny)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AnswerError, match="not a complete safetensors file"):
        load_network(path, tiny)
    write_state(path, build("resnet20", SHAPE, 4, 0).state_dict(), {"kind": "weights"})
    with pytest.raises(AnswerError, match=r"missing: conv1\.weight"):
        load_network(path, tiny)


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "operator.attrgetter",
        "operator.methodcaller",
        "operator.__import__",
        "aten.from_file.default",
        "aten.save.default",
        "aten.__class__.default",
        "aten.add.__class__",
        "aten.add.op",
        "aten.rand.default",
        "aten.bernoulli.default",
        "aten._print.default",
        "aten.set_.source_Storage",
        "prim.CallMethod.default",
        "aten.no_such_thing.default",
        "aten.add",
        "",
    ],
)
def test_only_operations_on_tensors_have_names(name: str) -> None:
    with pytest.raises(ValueError, match="not an operation on tensors"):
        _operation(name)


def program(**changes: object) -> str:
    steps = [
        ["y", "aten.mean.dim", [{"value": "images"}, [2, 3]], {}],
        ["z", "aten.linear.default", [{"value": "y"}, {"value": "p_w"}], {}],
    ]
    return json.dumps({"state": {"p_w": "parameter"}, "steps": steps, "output": "z", **changes})


def test_a_program_written_by_hand_runs() -> None:
    weight = torch.rand(4, 3)
    images = torch.rand(2, *SHAPE)
    assert torch.allclose(Program(program(), {"p_w": weight})(images), images.mean((2, 3)) @ weight.T)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        program(steps=[["y", "os.system", ["true"], {}]]),
        program(steps=[["y", "aten.mean.dim"]]),
        program(steps=7),
        program(state={"forward": "parameter"}),
        program(state={"p_absent": "parameter"}),
        program(state={"p_w.x": "parameter"}),
        "[" * 100_000,
    ],
)
def test_a_damaged_or_hostile_program_is_refused(text: str) -> None:
    with pytest.raises(AnswerError, match="not a stored network"):
        Program(text, {"p_w": torch.rand(4, 3), "forward": torch.rand(1), "p_w.x": torch.rand(1)})


def test_special_values_of_a_program_are_looked_up_by_kind_only() -> None:
    for value in ({"dtype": "load"}, {"layout": "float32"}, {"module": "os"}, {}):
        hostile = Program(program(steps=[["z", "aten.mul.Tensor", [{"value": "images"}, value], {}]]), {"p_w": torch.rand(1)})
        with pytest.raises(AnswerError, match="not a value of a stored network"):
            hostile(torch.rand(1, *SHAPE))


def test_a_program_of_endless_length_is_refused() -> None:
    steps = [["y", "operator.neg", [1], {}]] * 20_001
    with pytest.raises(AnswerError, match="at most 20000 operations"):
        Program(program(steps=steps), {"p_w": torch.rand(1)})
