"""The reader that borrows a network: what it asks for where a part is missing, and that it reads what the network sees."""

import numpy as np
import pytest

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Weights, checked
from onecurve.core.case import Subject
from onecurve.core.errors import MissingExtraError, ModelError, SpecError
from onecurve.core.evidence import Evidence, Picture, Text
from onecurve.core.question import Brief, Option, Weigh
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.readers.machinery import pretrained as machinery
from onecurve.readers.pictures.pretrained import Pretrained

COLOURS = np.array([(0.9, 0.1, 0.1), (0.1, 0.9, 0.1), (0.1, 0.1, 0.9), (0.9, 0.9, 0.1)], np.float32)


def coloured(colour, seed):
    noise = np.random.default_rng(seed).normal(0, 0.1, (2, 3, 32, 32))
    return np.clip(colour[:, None, None] + noise, 0, 1).astype(np.float32)


def read(reader, right=2):
    options = tuple(Option(str(at), str(at), coloured(colour, at)) for at, colour in enumerate(COLOURS))
    question = Weigh(Brief(), 1, tuple(option.name for option in options), options)
    bench = Workbench(Subject("s", None, ("a", "b"), (3, 32, 32), Access.NONE), Budget(0), Meter(Budget(0)), 0)
    assert isinstance(reader.read(question, Evidence((Text("blue"),)), bench), Abstain)
    shown = Evidence(tuple(Picture(image) for image in coloured(COLOURS[right], 9)))
    answer = checked(question, reader.read(question, shown, bench))
    assert isinstance(answer, Weights)
    return answer.values[0]


def test_without_the_extra_it_is_named(monkeypatch):
    monkeypatch.setattr(machinery, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"onecurve\[pretrained\]"):
        Pretrained()
    with pytest.raises(MissingExtraError, match="pip install transformers"):
        Pretrained(weights="somewhere")


def test_a_folder_without_a_model_and_a_wrong_sharpness_are_said(monkeypatch, tmp_path):
    monkeypatch.setattr(machinery, "find_spec", lambda name: object())
    with pytest.raises(ModelError, match="no CLIP model lies in this folder"):
        Pretrained(weights=str(tmp_path))
    with pytest.raises(SpecError, match="sharpness"):
        Pretrained(sharpness=0)


def test_it_reads_what_the_network_sees(monkeypatch):
    monkeypatch.setattr(machinery, "find_spec", lambda name: object())
    monkeypatch.setattr(machinery, "_seeing", lambda weights: lambda pictures: [pictures.mean((2, 3)), pictures.amax((2, 3))])
    for right in range(len(COLOURS)):
        assert read(Pretrained(), right).argmax() == right


def test_efficientnet_reads_colours():
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra `pretrained` is not installed")
    assert read(Pretrained()).argmax() == 2


def test_a_clip_model_from_a_folder_is_used(tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "projection_dim": 16}
    config = transformers.CLIPVisionConfig(image_size=32, patch_size=8, **sizes)
    transformers.CLIPVisionModelWithProjection(config).save_pretrained(tmp_path)
    weights = read(Pretrained(weights=str(tmp_path)))
    assert weights.shape == (4,)
    assert weights.sum() == pytest.approx(1, abs=1e-5)
