import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.errors import BudgetError, ModelError, SchemaError
from onecurve.core.image.images import Floats, LabelledImages
from onecurve.core.network import ConstantNetwork
from onecurve.core.workbench import Budget, Meter
from onecurve.models.building import build
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork
from onecurve.models.steps import TrainingRecipe
from onecurve.models.storage import Architecture, load_subject, save_subject
from onecurve.models.training import train

SHAPE = (3, 16, 16)
ARCHITECTURE = Architecture("six-conv[width=4]", SHAPE, 4)
OWN = """
from torch import nn

def load():
    return nn.Sequential(nn.Flatten(), nn.Linear(768, 4))
"""


@pytest.fixture
def subject(tiny: nn.Module, labelled: LabelledImages) -> Subject:
    train(tiny, labelled, TrainingRecipe(epochs=2, batch_size=16), 0)
    access = Access.QUERIES | Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    return Subject("net-7", TorchNetwork(tiny), ("a", "b", "c", "d"), SHAPE, access, labelled)


@pytest.fixture
def folder(tmp_path: Path, subject: Subject) -> Path:
    save_subject(tmp_path / "subject", subject, ARCHITECTURE)
    return tmp_path / "subject"


def test_a_subject_comes_back_to_the_last_bit(folder: Path, subject: Subject, floats: Floats) -> None:
    loaded = load_subject(folder)
    assert replace(loaded, network=None, clean=None) == replace(subject, network=None, clean=None)
    np.testing.assert_array_equal(loaded.granted_network().logits(floats), subject.granted_network().logits(floats))
    np.testing.assert_array_equal(loaded.granted_clean().images, subject.granted_clean().images)
    np.testing.assert_array_equal(loaded.granted_clean().labels, subject.granted_clean().labels)


def test_the_folder_holds_these_files_and_facts_and_nothing_else(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["clean.safetensors", "network.safetensors", "subject.json"]
    record = json.loads((folder / "subject.json").read_text())
    assert sorted(record) == ["access", "architecture", "class_names", "id", "schema", "shape"]
    assert sorted(record["architecture"]) == ["address", "classes", "code", "shape"]
    assert record["access"] == ["queries", "weights", "clean-images", "clean-labels"]


def test_features_of_the_clean_set_come_back(tmp_path: Path, subject: Subject, labelled: LabelledImages) -> None:
    masks = np.zeros((40, 16, 16), bool)
    masks[3, 2:5] = True
    clean = LabelledImages(labelled.images, labelled.labels, np.arange(40) - 1, masks)
    save_subject(tmp_path, replace(subject, clean=clean), ARCHITECTURE)
    loaded = load_subject(tmp_path).granted_clean()
    assert loaded.features is not None
    assert loaded.feature_masks is not None
    np.testing.assert_array_equal(loaded.features, clean.features)
    np.testing.assert_array_equal(loaded.feature_masks, masks)
    load_subject(tmp_path).granted_clean().floats()


def test_no_clean_set_is_no_file(tmp_path: Path, subject: Subject) -> None:
    save_subject(tmp_path, replace(subject, clean=None), ARCHITECTURE)
    assert not (tmp_path / "clean.safetensors").exists()
    assert load_subject(tmp_path).clean is None


def test_a_subject_loaded_with_a_meter_is_counted(folder: Path, floats: Floats) -> None:
    meter = Meter(Budget(9))
    network = load_subject(folder, meter=meter).granted_network()
    network.logits(floats)
    assert meter.forward == 6
    with pytest.raises(BudgetError):
        network.logits(floats)


def test_a_metered_subject_is_stored_bare(tmp_path: Path, subject: Subject, floats: Floats) -> None:
    meter = Meter(Budget(1e9))
    network = subject.granted_network()
    assert isinstance(network, TorchNetwork)
    expected = network.logits(floats)
    save_subject(tmp_path, replace(subject, network=TorchNetwork(Metered(network.module, meter))), ARCHITECTURE)
    assert meter.forward == 0
    np.testing.assert_array_equal(load_subject(tmp_path).granted_network().logits(floats), expected)


def test_a_subject_loaded_with_a_trained_layout_trains_on_the_same(folder: Path, subject: Subject, labelled: LabelledImages) -> None:
    modules = []
    for one in (subject, load_subject(folder)):
        network = one.granted_network()
        assert isinstance(network, TorchNetwork)
        train(network.module, labelled, TrainingRecipe(epochs=1, batch_size=16), 4)
        modules.append(network.module.state_dict())
    assert all(torch.equal(modules[0][key], modules[1][key]) for key in modules[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: replace(s, network=None), "is not granted here"),
        (lambda s: replace(s, network=ConstantNetwork(np.zeros(4, np.float32))), "not a torch module"),
        (lambda s: replace(s, network=TorchNetwork(build("resnet20", SHAPE, 4, 0))), "does not fit the network"),
        (lambda s: replace(s, network=TorchNetwork(build("six-conv[width=4]", SHAPE, 5, 0))), "wrong shape: head.weight"),
    ],
)
def test_subjects_that_cannot_be_stored_are_refused(
    tmp_path: Path, subject: Subject, change: Callable[[Subject], Subject], words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        save_subject(tmp_path, change(subject), ARCHITECTURE)
    assert not (tmp_path / "subject.json").exists()


def broken(folder: Path, name: str, content: str | int | None) -> None:
    path = folder / name
    if content is None:
        path.unlink()
    elif isinstance(content, int):
        path.write_bytes(path.read_bytes()[:content])
    else:
        path.write_text(content)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("subject.json", None, "no subject in"),
        ("subject.json", 40, "cannot be read"),
        ("subject.json", "[1]", "is not a subject"),
        ("subject.json", '{"schema": 1}', "is not complete: KeyError"),
        ("subject.json", '{"schema": 1, "architecture": 3}', "is not complete: TypeError"),
        ("network.safetensors", None, "no such weight file"),
        ("network.safetensors", 300, "not a complete safetensors file"),
        ("clean.safetensors", 300, "not a complete clean set"),
        ("clean.safetensors", "", "not a complete clean set"),
    ],
)
def test_a_damaged_folder_is_refused_in_words(folder: Path, name: str, content: str | int | None, words: str) -> None:
    broken(folder, name, content)
    with pytest.raises(ModelError, match=words):
        load_subject(folder)


def test_an_unknown_version_and_an_unknown_grant_are_refused(folder: Path) -> None:
    record = json.loads((folder / "subject.json").read_text())
    (folder / "subject.json").write_text(json.dumps({**record, "schema": 99}))
    with pytest.raises(SchemaError, match="has schema 99, this version reads 1"):
        load_subject(folder)
    (folder / "subject.json").write_text(json.dumps({**record, "access": ["everything"]}))
    with pytest.raises(ModelError, match="is not complete"):
        load_subject(folder)


@pytest.fixture
def own(tmp_path: Path, subject: Subject, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    module = build("own.py:load", SHAPE, 4, 3)
    save_subject(tmp_path / "subject", replace(subject, network=TorchNetwork(module)), Architecture("own.py:load", SHAPE, 4))
    return tmp_path


def test_a_subject_of_a_persons_own_file_is_read_from_anywhere(own: Path, floats: Floats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    expected = TorchNetwork(build(f"{own / 'own.py'}:load", SHAPE, 4, 3)).logits(floats)
    np.testing.assert_array_equal(load_subject(own / "subject").granted_network().logits(floats), expected)


def test_a_file_that_has_changed_since_is_not_run(own: Path) -> None:
    (own / "own.py").write_text(f"{OWN}\nopen({str(own / 'ran')!r}, 'w')\n")
    with pytest.raises(ModelError, match="gone or has changed"):
        load_subject(own / "subject")
    (own / "own.py").unlink()
    with pytest.raises(ModelError, match="gone or has changed"):
        load_subject(own / "subject")
    assert not (own / "ran").exists()


@pytest.mark.parametrize("relative", [True, False])
def test_a_subject_may_not_bring_its_own_code(own: Path, relative: bool) -> None:
    folder = own / "subject"
    (folder / "evil.py").write_text(f"open({str(own / 'ran')!r}, 'w')\n{OWN}")
    record = json.loads((folder / "subject.json").read_text())
    record["architecture"]["address"] = "subject/evil.py:load" if relative else f"{folder}/evil.py:load"
    (folder / "subject.json").write_text(json.dumps(record))
    with pytest.raises(ModelError, match="may not bring its own code"):
        load_subject(folder)
    assert not (own / "ran").exists()
