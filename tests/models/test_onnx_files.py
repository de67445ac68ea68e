"""A network in an ONNX file goes through the same door; the converter itself is an optional package."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from onecurve.core.errors import MissingExtraError, ModelError
from onecurve.models.building import build_with_notes, identity, is_file_address
from onecurve.models.storage import Architecture, _settled

SHAPE = (3, 16, 16)


def convert(path: str) -> nn.Module:
    """Stands for the converter: a network that ends in a softmax, for a file that says so."""
    if Path(path).read_text() != "softmax":
        raise NotImplementedError("no converter for: Loop")
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(784, 4), nn.Softmax(1))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(sys.modules, "onnx2torch", SimpleNamespace(convert=convert))
    path = tmp_path / "net.onnx"
    path.write_text("softmax")
    return path


def test_it_is_converted_and_admitted(file: Path) -> None:
    found = build_with_notes(str(file), SHAPE, 4, 0)
    images = torch.rand(2, *SHAPE)
    assert torch.allclose(found.module(images).softmax(1), convert(str(file))(images), atol=1e-6)
    assert "softmax" in found.notes[0]


def test_its_address_is_that_of_a_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_file_address(str(file))
    before = identity(str(file))
    monkeypatch.chdir(file.parent)
    assert _settled(Architecture("./net.onnx", SHAPE, 4)).address == str(file.resolve())
    file.write_text("other")
    assert identity(str(file)) != before


def test_what_cannot_be_converted_is_refused_with_what_to_do(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("loop")
    with pytest.raises(ModelError, match="NotImplementedError: no converter for: Loop") as caught:
        build_with_notes(str(file), SHAPE, 4, 0)
    assert "dynamic_axes" in caught.value.hint
    with pytest.raises(ModelError, match="no such file"):
        build_with_notes(str(file.with_name("absent.onnx")), SHAPE, 4, 0)
    monkeypatch.setitem(sys.modules, "onnx2torch", None)
    with pytest.raises(MissingExtraError) as missing:
        build_with_notes(str(file), SHAPE, 4, 0)
    assert missing.value.hint == "pip install 'onecurve[onnx]'"
