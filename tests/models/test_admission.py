"""The door for any network: what is made plain, what is read, and what is refused in a sentence."""

import warnings
from collections import OrderedDict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

from onecurve.core.errors import ModelError
from onecurve.core.workbench import Budget, Meter
from onecurve.models.admission import Admitted, admit, outputs_of
from onecurve.models.metering import Metered

SHAPE, CLASSES = (3, 16, 16), 4
IMAGES = torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(1))


def plain(outputs: int = CLASSES) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, outputs)).eval()


class Through(nn.Module):
    """The plain network with something done around it."""

    def __init__(self, after: Callable[[Tensor], Any] = lambda logits: logits, before: Callable[[Tensor], Tensor] = lambda x: x) -> None:
        super().__init__()
        self.body, self.after, self.before = plain(), after, before

    def forward(self, x: Tensor) -> Any:
        return self.after(self.body(self.before(x)))


def admitted(module: nn.Module, classes: int = CLASSES) -> Admitted:
    return admit(module, SHAPE, classes)


def pruned() -> nn.Module:
    net = plain()
    prune.l1_unstructured(net[0], "weight", 0.5)
    net(IMAGES)
    return net


def normed() -> nn.Module:
    net = plain()
    net[0] = parametrizations.weight_norm(net[0])
    return net


def spectral() -> nn.Module:
    net = plain()
    net[4] = nn.utils.spectral_norm(net[4])
    return net.eval()


def old_norm() -> nn.Module:
    net = plain()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net[0] = nn.utils.weight_norm(net[0])
    return net


def frozen() -> nn.Module:
    return plain().requires_grad_(False)


def compiled() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.compile(plain())


def parallel() -> nn.Module:
    return nn.DataParallel(plain())


def inside() -> nn.Module:
    return nn.Sequential(OrderedDict(body=nn.DataParallel(plain())))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (plain, ()),
        (pruned, ("masks",)),
        (normed, ("computed",)),
        (spectral, ("computed",)),
        (old_norm, ("computed",)),
        (frozen, ("frozen",)),
        (compiled, ("torch.compile",)),
        (parallel, ("DataParallel",)),
        (inside, ("DataParallel",)),
        (lambda: Through(lambda z: {"loss": z.sum(), "logits": z}), ("'logits'",)),
        (lambda: Through(lambda z: (z.mean(), z)), ("output 1",)),
        (lambda: Through(lambda z: SimpleNamespace(hidden=z.mean(), logits=z)), ("'logits'",)),
        (lambda: Through(lambda z: z.squeeze()), ("N x 4",)),
        (lambda: Through(lambda z: z[..., None, None]), ("N x 4",)),
        (lambda: Through(before=lambda x: x.sub_(0.5).div_(0.25)), ("copy of the images",)),
        (lambda: nn.Sequential(nn.Hardtanh(0.0, 1.0, inplace=True), plain()), ("copy of the images",)),
    ],
)
def test_the_logits_stay_what_they_were_and_a_line_says_what_was_done(make: Callable[[], nn.Module], words: tuple[str, ...]) -> None:
    module = make().eval()
    known = Through() if isinstance(module, Through) else plain()
    if isinstance(module, Through):
        known.before = module.before
    expected = module(IMAGES) if not words or words[0] in ("masks", "computed") else known(IMAGES.clone())
    found = admitted(module)
    assert torch.allclose(found.module(IMAGES), expected, atol=1e-5)
    assert len(found.notes) == len(words)
    assert all(word in note for word, note in zip(words, found.notes, strict=True))
    assert found.outputs == CLASSES


@pytest.mark.parametrize("make", [pruned, normed, frozen, parallel, lambda: Through(before=lambda x: x.sub_(0.5))])
def test_what_was_given_is_not_changed_and_the_copy_can_be_metered_copied_and_trained(make: Callable[[], nn.Module]) -> None:
    module = make().train()
    before = {name: values.clone() for name, values in module.state_dict().items()}
    copy = admitted(module).module
    assert module.training
    assert not copy.training
    assert list(module.state_dict()) == list(before)
    assert all(torch.equal(values, before[name]) for name, values in module.state_dict().items())
    meter = Meter(Budget(100))
    leaf = IMAGES.clone().requires_grad_()
    torch.autograd.backward(Metered(copy, meter, SHAPE)(leaf).sum())
    assert (meter.forward, meter.backward) == (5, 5)
    assert leaf.grad is not None
    assert all(values.grad is not None for values in copy.parameters())


@pytest.mark.parametrize(
    ("last", "word"),
    [
        (lambda z: z.softmax(-1), "probabilities"),
        (lambda z: (z.softmax(-1) + (2 * z).softmax(-1)) / 2, "probabilities"),
        (lambda z: torch.sigmoid(z).squeeze(), "sigmoid"),
    ],
)
def test_probabilities_are_told_and_turned_into_logits(last: Callable[[Tensor], Tensor], word: str) -> None:
    module = Through(last).eval()
    found = admitted(module)
    given = found.module(IMAGES)
    again = given.softmax(1) if word == "probabilities" else given.sigmoid()
    assert torch.allclose(again, module(IMAGES), atol=1e-5)
    assert word in found.notes[-1]


@pytest.mark.parametrize("last", [nn.Softmax(1), nn.Sigmoid()])
def test_a_module_of_probabilities_at_the_end_is_left_out(last: nn.Module) -> None:
    found = admitted(Through(last))
    assert torch.equal(found.module(IMAGES), plain()(IMAGES))
    assert found.notes == ("left out the softmax or sigmoid at its end",)

    class Twice(Through):
        def forward(self, x: Tensor) -> Tensor:
            return self.after(self.body(self.after(x)))

    twice = Twice(last)
    found = admitted(twice)
    assert torch.allclose(last(found.module(IMAGES)), twice(IMAGES), atol=1e-5)
    assert "used" in found.notes[0]


def test_small_positive_logits_that_come_from_no_sigmoid_stay_logits() -> None:
    module = Through(lambda z: torch.relu(z) / 100).eval()
    assert torch.equal(admitted(module).module(IMAGES), module(IMAGES))


@pytest.mark.parametrize("after", [lambda z: z, lambda z: z[:, 0], torch.sigmoid])
def test_one_number_per_image_stands_for_two_classes(after: Callable[[Tensor], Tensor]) -> None:
    module = Through(lambda z: after(z[:, :1]))
    expected = torch.sigmoid(module.body(IMAGES))[:, 0]
    found = admitted(module.eval(), 2)
    assert torch.allclose(found.module(IMAGES).softmax(1)[:, 1], expected, atol=1e-5)
    assert found.outputs == 1


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_single(kind: torch.dtype) -> None:
    found = admitted(plain().to(kind))
    assert torch.allclose(found.module(IMAGES), plain()(IMAGES), atol=1e-2)
    assert str(kind).removeprefix("torch.") in found.notes[0]
    assert {values.dtype for values in found.module.parameters()} == {torch.float32}


def test_lazy_layers_take_their_sizes_and_more_outputs_in_training_are_read_too() -> None:
    lazy = admitted(nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(CLASSES)))
    assert lazy.module(IMAGES).shape == (5, CLASSES)

    class Auxiliary(Through):
        def forward(self, x: Tensor) -> Any:
            logits = self.body(x)
            return (logits, 2 * logits) if self.training else logits

    assert torch.equal(admitted(Auxiliary()).module.train()(IMAGES), plain()(IMAGES))


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (plain, 4),
        (lambda: plain(7).half(), 7),
        (lambda: plain(1), 2),
        (lambda: Through(lambda z: {"maps": z[:, :, None, None].expand(-1, -1, 5, 5), "hidden": z[:, :2], "logits": z}), 4),
        (lambda: Through(lambda z: (z.sum(), z)), 4),
        (pruned, 4),
    ],
)
def test_the_number_of_classes_is_told_before_a_network_is_admitted(make: Callable[[], nn.Module], count: int) -> None:
    assert outputs_of(make().eval(), SHAPE) == count
    with pytest.raises(ModelError, match="gives no logits"):
        outputs_of(Through(lambda z: "cat"), SHAPE)


class Bare(nn.Module):
    """Layers that a copy does not own."""

    def __init__(self) -> None:
        super().__init__()
        self.body = body = plain()
        self.forward = lambda x: 1 * body(x)


class Shuffled(Through):
    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) - self.body(x).mean(0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6, track_running_stats=False), plain()[1:4], nn.Linear(6, 4)),
            "other batch",
        ),
        (Shuffled, "other logits in another batch"),
        (lambda: Through(lambda z: z.detach()), "no gradient"),
        (lambda: Through(lambda z: (1000 * z).round()), "no gradient"),
        (lambda: torch.jit.script(plain()), "TorchScript"),
        (Bare, "own weights"),
        (lambda: Through(lambda z: {"a": z, "b": z}), "several outputs.*a, b"),
        (lambda: Through(lambda z: "cat"), "got: str"),
        (lambda: plain(5), r"\(3, 4\) for 3 images, got: \(3, 5\)"),
        (lambda: Through(lambda z: z + torch.rand(4)), "different logits"),
    ],
)
def test_what_no_method_could_work_with_is_refused_with_what_to_do(make: Callable[[], nn.Module], words: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = make()
    with pytest.raises(ModelError, match=words) as caught:
        admitted(module.eval())
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_quantised_layers_are_refused_by_name() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.ao.quantization.quantize_dynamic(plain(), {nn.Linear})
    with pytest.raises(ModelError, match="quantised"):
        admitted(module)


def test_the_global_random_numbers_are_left_alone() -> None:
    module = plain()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    admitted(module)
    assert torch.equal(torch.rand(3), expected)
