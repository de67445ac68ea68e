import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_model
from torch import nn
from torch.nn.utils import parametrizations, prune

from onecurve.core.errors import ModelError
from onecurve.models import weights
from onecurve.models.weight_files import read_safetensors
from onecurve.models.weights import load_weights, write_state


class Harmful:
    """Would make a file if it were ever unpickled with code."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.mark, "w")


@pytest.fixture
def file(tmp_path: Path, tiny: nn.Module) -> Path:
    path = tmp_path / "net.safetensors"
    write_state(path, tiny.state_dict())
    return path


def emptied(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for values in module.state_dict().values():
            values.zero_()
    return module


@pytest.mark.parametrize("wrapping", ["plain", "state_dict", "module.", "net"])
def test_weights_come_back_from_torch_files_as_training_scripts_leave_them(tmp_path: Path, tiny: nn.Module, wrapping: str) -> None:
    state = {key: values.clone() for key, values in tiny.state_dict().items()}
    stored: object = {f"module.{key}": values for key, values in state.items()} if wrapping == "module." else state
    torch.save({wrapping: stored, "epoch": 3} if wrapping in ("state_dict", "net") else stored, tmp_path / "net.pt")
    load_weights(emptied(tiny), tmp_path / "net.pt")
    assert all(torch.equal(values, state[key]) for key, values in tiny.state_dict().items())


def test_safetensors_come_back_with_the_statistics_of_normalisation(file: Path, tiny: nn.Module) -> None:
    tiny.norm3.running_mean.fill_(2.5)
    write_state(file, tiny.state_dict())
    load_weights(emptied(tiny), file)
    assert tiny.norm3.running_mean.eq(2.5).all()


def test_half_precision_is_taken_and_the_network_stays_single(tmp_path: Path, tiny: nn.Module) -> None:
    write_state(tmp_path / "half.safetensors", {key: v.half() if v.is_floating_point() else v for key, v in tiny.state_dict().items()})
    load_weights(tiny, tmp_path / "half.safetensors")
    assert tiny.conv1.weight.dtype == torch.float32


def test_a_missing_batch_counter_is_forgiven(tmp_path: Path, tiny: nn.Module) -> None:
    write_state(tmp_path / "old.safetensors", {key: v for key, v in tiny.state_dict().items() if "num_batches" not in key})
    load_weights(tiny, tmp_path / "old.safetensors")


def test_every_problem_is_listed_and_the_network_is_left_as_it_was(tmp_path: Path, tiny: nn.Module) -> None:
    state = {key: values.clone() for key, values in tiny.state_dict().items()}
    del state["conv1.weight"]
    state["extra.weight"] = torch.zeros(2)
    state["conv2.weight"] = torch.zeros(1, 2, 3)
    state["norm1.bias"] = torch.full((4,), float("nan"))
    state["norm2.bias"] = torch.zeros(8, dtype=torch.int64)
    state["head.bias"] = torch.full((4,), 3.0)
    write_state(tmp_path / "bad.safetensors", state)
    before = {key: values.clone() for key, values in tiny.state_dict().items()}
    with pytest.raises(ModelError) as caught:
        load_weights(tiny, tmp_path / "bad.safetensors")
    for words in ("missing: conv1.weight", "unexpected: extra.weight", "conv2.weight must be (8, 4, 3, 3), got: (1, 2, 3)"):
        assert words in str(caught.value)
    assert "norm1.bias holds NaN" in str(caught.value)
    assert "wrong type: norm2.bias" in str(caught.value)
    assert all(torch.equal(values, before[key]) for key, values in tiny.state_dict().items())


def test_a_long_list_of_problems_is_cut_and_counted(tmp_path: Path, tiny: nn.Module) -> None:
    write_state(tmp_path / "other.safetensors", {"head.bias": torch.zeros(4), **{f"layer{number}": torch.zeros(1) for number in range(30)}})
    with pytest.raises(ModelError, match=r"and \d+ more"):
        load_weights(tiny, tmp_path / "other.safetensors")
    write_state(tmp_path / "other.safetensors", {f"layer{number}": torch.zeros(1) for number in range(30)})
    with pytest.raises(ModelError, match="none of its 30 names is one of the network's"):
        load_weights(tiny, tmp_path / "other.safetensors")


@pytest.mark.parametrize("protocol", ["zip", "legacy"])
def test_a_pickle_that_needs_code_is_refused_and_never_run(tmp_path: Path, tiny: nn.Module, protocol: str) -> None:
    mark = tmp_path / "ran"
    content = {"conv1.weight": torch.zeros(1), "evil": Harmful(str(mark))}
    torch.save(content, tmp_path / "evil.pt", _use_new_zipfile_serialization=protocol == "zip")
    with pytest.raises(ModelError, match="needs code to be loaded") as caught:
        load_weights(tiny, tmp_path / "evil.pt")
    assert "safetensors" in caught.value.hint
    assert not mark.exists()


def test_a_whole_pickled_module_and_a_bare_pickle_are_refused(tmp_path: Path, tiny: nn.Module) -> None:
    torch.save(tiny, tmp_path / "module.pth")
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(Harmful(str(tmp_path / "ran"))))
    for name in ("module.pth", "bare.pt"):
        with pytest.raises(ModelError):
            load_weights(tiny, tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("keep", [0, 3, 9, 200, -5])
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_truncated_file_is_refused(tmp_path: Path, tiny: nn.Module, suffix: str, keep: int) -> None:
    path = tmp_path / f"cut{suffix}"
    if suffix == ".pt":
        torch.save(tiny.state_dict(), path)
    else:
        write_state(path, tiny.state_dict())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelError, match="not a complete"):
        load_weights(tiny, path)


def test_a_header_that_claims_the_world_is_refused(tmp_path: Path, tiny: nn.Module) -> None:
    (tmp_path / "huge.safetensors").write_bytes(struct.pack("<Q", 2**60) + b"{}")
    with pytest.raises(ModelError, match="not a complete safetensors file"):
        load_weights(tiny, tmp_path / "huge.safetensors")


def test_a_file_far_too_large_is_refused_before_it_is_read(tmp_path: Path, tiny: nn.Module) -> None:
    path = tmp_path / "large.safetensors"
    with path.open("wb") as file:
        file.truncate(2**31)  # sparse: takes no room
    with pytest.raises(ModelError, match="far too large for this network: 2,147,483,648 bytes"):
        load_weights(tiny, path)


def test_a_small_file_that_unpacks_to_far_too_much_is_refused(tmp_path: Path, tiny: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "limit_for", lambda module: 2**16)
    torch.save(tiny.state_dict(), buffer := io.BytesIO())
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/99", b"\0" * 2**20)
    (tmp_path / "bomb.pt").write_bytes(buffer.getvalue())
    assert (tmp_path / "bomb.pt").stat().st_size < 2**16
    with pytest.raises(ModelError, match="unpacks to far too much"):
        load_weights(tiny, tmp_path / "bomb.pt")


def test_a_missing_file_another_kind_and_things_that_are_no_tensors_are_refused(tmp_path: Path, tiny: nn.Module) -> None:
    with pytest.raises(ModelError, match="no such weight file"):
        load_weights(tiny, tmp_path / "absent.pt")
    torch.save([torch.zeros(1)], tmp_path / "list.pt")
    with pytest.raises(ModelError, match="must hold a dictionary of tensors, got: list"):
        load_weights(tiny, tmp_path / "list.pt")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"1", "safetensors, torch and numpy files"),
        (b"version https://git-lfs.github.com/spec/v1\noid 1", "Git LFS pointer"),
        (b"<!DOCTYPE html>", "page of the web"),
        (b"\x89HDF\r\n", "HDF5"),
    ],
)
def test_what_only_looks_like_weights_is_named(tmp_path: Path, tiny: nn.Module, content: bytes, words: str) -> None:
    (tmp_path / "weights.bin").write_bytes(content)
    with pytest.raises(ModelError, match=words) as caught:
        load_weights(tiny, tmp_path / "weights.bin")
    assert caught.value.hint


def test_torchscript_is_told_from_weights(tmp_path: Path, tiny: nn.Module) -> None:
    with zipfile.ZipFile(tmp_path / "net.pt", "w") as archive:
        archive.writestr("net/code/__torch__.py", "")
    with pytest.raises(ModelError, match="TorchScript") as caught:
        load_weights(tiny, tmp_path / "net.pt")
    assert "state_dict" in caught.value.hint


State = dict[str, torch.Tensor]


def under(prefix: str, state: State) -> State:
    return {f"{prefix}{key}": values for key, values in state.items()}


@pytest.mark.parametrize("name", ["net.ckpt", "net.pth.tar", "pytorch_model.bin", "net"])
@pytest.mark.parametrize(
    ("wrap", "words"),
    [
        (lambda state: state, []),
        (lambda state: under("_orig_mod.module.", state), ["_orig_mod.", "`module.`"]),
        (lambda state: {"state_dict": {**under("model.", state), "loss.weight": torch.ones(4)}}, ["state_dict", "model.", "loss.weight"]),
        (lambda state: {"netC": state, "epoch": 3, "optimiser": {"state": {0: {"step": torch.ones(())}}}}, ["netC"]),
        (lambda state: {"state_dict": state, "state_dict_ema": {key: 0 * values for key, values in state.items()}}, ["state_dict"]),
        (lambda state: {key.replace("conv1", "conv1._orig_mod"): values for key, values in state.items()}, ["_orig_mod."]),
    ],
)
def test_what_a_file_holds_counts_and_not_its_ending(
    tmp_path: Path, tiny: nn.Module, name: str, wrap: Callable[[State], object], words: list[str]
) -> None:
    state = {key: values.clone() for key, values in tiny.state_dict().items()}
    torch.save(wrap(state), tmp_path / name)
    notes = load_weights(emptied(tiny), tmp_path / name)
    assert all(torch.equal(values, state[key]) for key, values in tiny.state_dict().items())
    assert len(notes) == len(words)
    assert all(word in note for word, note in zip(words, notes, strict=True))


def test_a_prefix_that_the_file_lacks_and_arrays_of_numpy_fit_too(tmp_path: Path, tiny: nn.Module) -> None:
    state = {key: values.clone() for key, values in tiny.state_dict().items()}
    write_state(tmp_path / "net.safetensors", state)
    np.savez(tmp_path / "net.npz", **{key: values.numpy() for key, values in state.items()})
    inner = nn.ModuleDict({"body": emptied(tiny)})
    for name in ("net.safetensors", "net.npz"):
        assert load_weights(emptied(inner), tmp_path / name) == ("added the prefix `body.`",)
        assert all(torch.equal(values, state[key]) for key, values in tiny.state_dict().items())


def test_two_sets_that_fit_are_refused_unless_one_has_the_usual_name(tmp_path: Path, tiny: nn.Module) -> None:
    state = {key: values.clone() for key, values in tiny.state_dict().items()}
    torch.save({"netA": state, "netB": state}, tmp_path / "two.pt")
    with pytest.raises(ModelError, match="several sets of weights that fit: netA, netB"):
        load_weights(tiny, tmp_path / "two.pt")


def test_a_layer_that_the_network_lacks_is_refused_although_all_its_names_are_there(tmp_path: Path, tiny: nn.Module) -> None:
    write_state(tmp_path / "deep.safetensors", {**tiny.state_dict(), "conv7.weight": torch.zeros(1)})
    with pytest.raises(ModelError, match=r"unexpected: conv7\.weight"):
        load_weights(tiny, tmp_path / "deep.safetensors")


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(3, 3), nn.Linear(3, 3)
        self.other.weight = self.one.weight


def test_a_tied_tensor_may_be_there_once_and_must_not_be_there_twice_with_two_values(tmp_path: Path) -> None:
    net = Tied()
    expected = net.one.weight.detach().clone()
    save_model(net, str(tmp_path / "tied.safetensors"))
    assert load_weights(emptied(net), tmp_path / "tied.safetensors") == ("tied tensors are in the file once",)
    assert torch.equal(net.other.weight, expected)
    write_state(tmp_path / "tied.safetensors", {**net.state_dict(), "other.weight": expected + 1})
    with pytest.raises(ModelError, match="tied in the network and different in the file"):
        load_weights(net, tmp_path / "tied.safetensors")


@pytest.mark.parametrize("split", ["masks", "parametrisation"])
def test_weights_that_a_tool_split_are_put_together(tmp_path: Path, split: str) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(4, 2))
    if split == "masks":
        prune.l1_unstructured(net[0], "weight", 0.5)
    else:
        parametrizations.weight_norm(net[0])
        net[0].parametrizations.weight.original0.data *= 2
    torch.save({"model": under("model.", net.state_dict())}, tmp_path / "net.pt")
    other = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(4, 2))
    assert "folded" in load_weights(other, tmp_path / "net.pt")[1]
    assert torch.allclose(other[0].weight, net[0].weight)


def test_lazy_layers_are_told_to_run_first(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "net.pt")
    with pytest.raises(ModelError, match="lazy layers") as caught:
        load_weights(nn.LazyLinear(3), tmp_path / "net.pt")
    assert "run it once" in caught.value.hint


def test_tensors_that_share_memory_are_written_apart(tmp_path: Path) -> None:
    shared = torch.rand(3)
    write_state(tmp_path / "tied.safetensors", {"a": shared, "b": shared})
    state = read_safetensors(tmp_path / "tied.safetensors", 2**20)
    assert torch.equal(state["a"], shared)
    assert torch.equal(state["b"], shared)
    assert [path.name for path in tmp_path.iterdir()] == ["tied.safetensors"]
