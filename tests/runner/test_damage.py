"""A flipped byte anywhere in a run is noticed or changes nothing: never another number."""

import json
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
from small_run import old_run, small_run

from onecurve.core.codec import digest
from onecurve.core.digests import FILE as DIGESTS
from onecurve.core.errors import DataError, OneCurveError
from onecurve.flaws.planting.storage import case_names, load_case
from onecurve.models.network import torch_module
from onecurve.runner.phases.plant import network_faults
from onecurve.runner.run import Place, regrade, run_suite
from onecurve.runner.session import NETWORKS
from onecurve.runner.soundness import check_run
from onecurve.runner.suite import parse_suite
from onecurve.store.store import FILE, Store

FLIPS = {"database": 150, "blobs": 60, "networks": 40, "twins": 40, "arrays": 40, "words": 40, "digests": 20}
"""Bytes that are flipped in each kind of file."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.mktemp("whole") / "run")


def files_of(run: Path, kind: str) -> list[Path]:
    patterns = {
        "database": [FILE],
        "blobs": ["blobs/??/*.safetensors"],
        "networks": ["networks/*/subject/network.safetensors"],
        "twins": ["networks/*/sealed/twin.safetensors"],
        "arrays": ["networks/*/subject/clean.safetensors", "networks/*/sealed/heldout.safetensors", "networks/*/sealed/*-*.safetensors"],
        "words": ["networks/*/subject/subject.json", "networks/*/sealed/*.json", "networks/*/planted.json"],
        "digests": [f"networks/*/{DIGESTS}"],
    }
    return sorted(path for pattern in patterns[kind] for path in run.glob(pattern))


def database_of(run: Path) -> str:
    with Store.read(run) as store:
        noted = [store.noted(name) for name in ("suite", "started", "finished", "command", "versions", "machine", "secret", "calibrations")]
        return repr((store.rows(), store.looks(), store.prepared(), store.plants(), noted))


def blob_of(run: Path, path: Path) -> str:
    with Store.read(run) as store:
        key = path.name[:32]
        return store.blobs.checked_file(key).read_bytes().hex() if ".file." in path.name else digest(store.blobs.get(key))


def network_of(run: Path, path: Path) -> str:
    place = run / NETWORKS / path.relative_to(run / NETWORKS).parts[0]
    with Store.read(run) as store:
        for fault in network_faults(store, place.name, place):
            raise DataError(fault)
    found = []
    for name in case_names(place):
        case = load_case(place, name)
        nets = [torch_module(case.subject).state_dict(), case.truth.twin.module.state_dict()]  # type: ignore[attr-defined]
        arrays = [values.numpy().tobytes() for state in nets for values in state.values()]
        arrays += [case.truth.heldout.images.tobytes(), case.truth.heldout.labels.tobytes()]
        found.append((case.truth.words, case.truth.strength, case.truth.facts, hash(tuple(arrays))))
    return repr((found, (place / "planted.json").read_text()))


def read(run: Path, path: Path, kind: str) -> str:
    if kind == "database":
        return database_of(run)
    return blob_of(run, path) if kind == "blobs" else network_of(run, path)


@pytest.mark.parametrize("kind", FLIPS)
def test_a_flipped_byte_is_noticed_or_harmless(whole: Path, kind: str) -> None:
    files, drawn, seen = files_of(whole, kind), random.Random(kind), Counter[str]()
    assert files
    before = {path: read(whole, path, kind) for path in files}
    for _ in range(FLIPS[kind]):
        path = drawn.choice(files)
        content = path.read_bytes()
        place, bit = drawn.randrange(len(content)), 1 << drawn.randrange(8)
        path.write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
        try:
            assert read(whole, path, kind) == before[path], f"bit {bit} of byte {place} of {path} changed what is read"
            seen["harmless"] += 1
        except OneCurveError as error:
            seen["noticed"] += 1
            seen["unnamed"] += str(path) not in str(error) and path.parent.name not in str(error)
            assert not check_run(whole).sound
        finally:
            path.write_bytes(content)
    assert seen["unnamed"] == 0
    assert seen["noticed"] > FLIPS[kind] / 5, "too few of the flips hit what is used"
    assert check_run(whole).sound


def test_grading_again_refuses_a_damaged_answer_and_changes_no_row(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    with Store.read(run) as store:
        before = store.rows()
        key = next(row.answer for row in before if row.answer and not row.answer.startswith("network:"))
    path = run / "blobs" / key[:2] / f"{key}.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged blob") as caught:
        regrade(Place(run, tmp_path / "cache", 1))
    assert str(path) in str(caught.value)
    with Store.read(run) as store:
        assert store.rows() == before


def test_grading_again_refuses_a_damaged_network(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    path = run / "networks" / "net-2" / "sealed" / "twin.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged") as caught:
        regrade(Place(run, tmp_path / "cache", 1))
    assert str(path) in str(caught.value)


def test_a_run_of_an_earlier_version_is_sound_and_said_to_be_unchecked(tmp_path: Path) -> None:
    found = check_run(old_run(tmp_path / "run"))
    assert found.sound
    assert [words.split(" ", 1)[1] for words in found.unchecked] == ["database entries", "networks"]


def test_what_is_gone_is_a_fault(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    blob = files_of(run, "blobs")[0]
    blob.unlink()
    shutil.rmtree(run / "networks" / "net-1")
    (run / "networks" / "net-2" / DIGESTS).unlink()
    faults = "\n".join(check_run(run).faults)
    for path in (run / "networks" / "net-1", run / "networks" / "net-2" / DIGESTS):
        assert f"missing: {path}" in faults


def test_an_earlier_run_goes_on_and_says_that_its_networks_are_unchecked(tmp_path: Path) -> None:
    run, said = old_run(tmp_path / "run"), list[str]()

    class Heard:
        def phase(self, words: str, total: int) -> None: ...
        def done(self, steps: int, failed: bool) -> None: ...
        def running(self, jobs: object) -> None: ...
        def say(self, words: str) -> None:
            said.append(words)

    with Store.read(run) as store:
        suite = parse_suite(store.noted("suite"), "the suite of this run")
    run_suite(suite, Place(run, tmp_path / "cache", 1), Heard())
    assert any("3 of 3 networks were planted before digests were kept" in words for words in said)
    assert json.loads(suite.model_dump_json())["name"]
