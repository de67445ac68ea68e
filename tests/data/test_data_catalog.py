"""Addresses of sets: what they build, and what is said of those that say nothing."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from onecurve.core.errors import DataError, SpecError, UnknownNameError
from onecurve.data.catalog import DATA, open_data
from onecurve.data.dataset import Part


def test_listing_the_catalog_imports_nothing_heavy() -> None:
    code = (
        "import sys; from onecurve.data.catalog import DATA; DATA.names(); print({'torch', 'PIL', 'sklearn', 'scipy'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"


@pytest.mark.parametrize("name", ["digits", "shapes", "folder", "npz"])
def test_every_entry_states_its_facts(name: str) -> None:
    kind = DATA.load(name)
    assert kind.name == name
    assert kind.version >= 1
    assert kind.summary
    assert kind.source


def test_a_path_alone_is_told_how_to_write_it_and_a_folder_named_like_a_set_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("photographs", "digits"):
        (tmp_path / name).mkdir()
    (tmp_path / "photographs.npz").touch()
    with pytest.raises(SpecError, match=r"write folder:photographs$"):
        open_data("photographs")
    with pytest.raises(SpecError, match=r"write npz:photographs\.npz$"):
        open_data("photographs.npz")
    assert open_data("digits").name == "digits"


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("digit", UnknownNameError, "did you mean `digits`"),
        ("digits[size=64]", SpecError, "has no parameter: size"),
        ("folder", SpecError, "`folder` needs a path"),
        ("npz", SpecError, "write npz:PATH"),
        ("folder:/nowhere/at/all", DataError, "no such folder: /nowhere/at/all"),
        ("npz:/nowhere/at/all.npz", DataError, "no such file: /nowhere/at/all.npz"),
        ("npz:/nowhere.npz[colour=3]", SpecError, "has no parameter: colour"),
        ("folder:/nowhere[path=3]", SpecError, "has no parameter: path"),
        ("folder:/nowhere[size=4]", SpecError, "within 8..1024, got: 4"),
        ("folder:/nowhere[size=big]", SpecError, "within 8..1024, got: big"),
    ],
)
def test_addresses_that_cannot_be_opened(address: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match="(?s)" + message.replace("[", r"\[")):
        open_data(address)


def test_paths_may_hold_brackets_and_parameters_follow_them(tmp_path: Path) -> None:
    path = tmp_path / "set[a=1].npz"
    np.savez(path, images=np.random.default_rng(0).integers(0, 255, (40, 16, 16, 3)).astype(np.uint8), labels=np.arange(40) % 2)
    assert open_data(f"npz:{path}").shape == (3, 16, 16)
    assert open_data(f"npz:{path}[size=32]").shape == (3, 32, 32)
    plain = tmp_path / "plain.npz"
    plain.write_bytes(path.read_bytes())
    assert open_data(f"npz:{plain}[size=8]").draw(Part.TRAIN, 4, 0).images.shape == (4, 3, 8, 8)


def test_a_set_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from onecurve.data.digits import Digits as Mine\n")
    assert open_data(f"{file}:Mine").class_names == tuple("0123456789")
