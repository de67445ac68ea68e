"""The command line as a person meets it: what it prints, where, and with which exit code."""

import csv
import importlib.util
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from example_tool import EXAMPLE
from PIL import Image

from onecurve.cli.main import cli, main
from onecurve.core.errors import DataError, UsageError
from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.flaws.planting.sealing import seal
from onecurve.runner.commands.examples import specimen
from onecurve.store.store import Store

ROW = Row(
    key="k", case="c.1", subject="c", flaw="patch", data="digits", model="six-conv", task="discover", solver="cppn@matcher", tool="cppn",
    reader="matcher", role=Role.METHOD, budget=100.0, retrain_budget=0.0, repeat=0, status=Status.GRADED, raw=0.5, floor=0.125, ceiling=1.0,
    skill=0.4, forward=10.0, backward=5.0, seconds=0.5, peak_mb=1.0, figures={"top1": 1.0}, facts={"insertion": "finetune"},
)  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """What a command left on the terminal."""

    returncode: int
    stdout: str
    stderr: str


Onecurve = Callable[..., Shown]


@pytest.fixture
def onecurve(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Onecurve:
    """Run a command line in this process, in the test's folder, with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONECURVE_CACHE", str(tmp_path.parent / "onecurve-cache"))

    def run(*arguments: str) -> Shown:
        monkeypatch.setattr(sys, "argv", ["onecurve", *arguments])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return Shown(code, *capsys.readouterr())

    return run


@pytest.fixture
def results(tmp_path: Path) -> Path:
    with Store.create(tmp_path / "out") as store:
        store.add_cell(ROW)
    return tmp_path / "out"


def test_help_names_every_command_and_loads_no_torch(onecurve: Onecurve) -> None:
    shown = onecurve("--help")
    assert shown.returncode == 0
    for command in ("run", "results", "report", "grade", "list", "check", "plant", "seal", "unseal"):
        assert f"\n  {command}" in shown.stdout
        assert onecurve(command, "--help").returncode == 0
    program = (
        "import sys; sys.argv = ['onecurve', '--help']\nfrom onecurve.cli.main import main\n"
        "try: main()\nexcept SystemExit: print('torch' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.endswith("False\n")


def test_results_as_json_hold_the_promised_fields(onecurve: Onecurve, results: Path) -> None:
    (row,) = json.loads(onecurve("results", str(results), "--json").stdout)
    promised = (
        *("case", "flaw", "data", "model", "task", "solver", "budget", "repeat", "status", "reason", "raw", "floor", "ceiling", "skill"),
        *("forward", "backward", "seconds", "peak_mb", "figures"),
    )
    assert set(promised) <= set(row)
    assert (row["skill"], row["figures"], row["status"]) == (0.4, {"top1": 1.0}, "graded")


def test_results_as_csv_and_parquet(onecurve: Onecurve, results: Path) -> None:
    (row,) = csv.DictReader(io.StringIO(onecurve("results", str(results), "--csv").stdout))
    assert (row["skill"], row["figures.top1"], row["facts.insertion"]) == ("0.4", "1.0", "finetune")
    pq = pytest.importorskip("pyarrow.parquet", reason="the extra `export` is not installed")
    shown = onecurve("results", str(results), "--parquet")
    assert shown.stdout.strip() == str(results / "results.parquet")
    assert pq.read_table(results / "results.parquet").to_pylist()[0]["skill"] == 0.4


@pytest.mark.parametrize("kind", ["flaws", "tools", "solvers", "readers", "tasks", "suites", "zoos", "data", "models"])
def test_lists_are_arrays_of_objects(onecurve: Onecurve, kind: str) -> None:
    entries = json.loads(onecurve("list", kind, "--json").stdout)
    assert len(entries) >= 1
    for entry in entries:
        assert {"name", "version", "summary", "source", "needs", "tasks"} <= set(entry)
        assert entry["name"]
        assert entry["summary"]
    assert entries == sorted(entries, key=lambda entry: entry["name"])


def test_flaws_say_how_they_are_planted_and_admitted(onecurve: Onecurve) -> None:
    entries = {entry["name"]: entry for entry in json.loads(onecurve("list", "flaws", "--json").stdout)}
    for entry in entries.values():
        assert {"control", "alone", "dial", "forms", "insertion", "gate", "admitted"} <= set(entry)
        assert ("success" in entry["gate"]) is not entry["control"]
        assert set(entry["dial"]) | set(entry["forms"]) <= set(entry["parameters"])
        assert not {"name", "summary", "dial"} & set(entry["parameters"])
        assert all(len(values) >= 3 for values in entry["dial"].values())
    clean, patch = entries["clean"], entries["patch"]
    assert (clean["control"], clean["alone"], clean["gate"]) == (True, True, {"clean_drop": 0.03, "above_chance": 0.1})
    assert (patch["control"], patch["alone"]) == (False, False)
    assert patch["gate"] == {"clean_drop": 0.03, "above_chance": 0.1, "success": 0.9, "lead": 0.0, "near_miss": 0.2}
    assert patch["admitted"].startswith(
        "clean accuracy at most 0.03 below the twin's, whose own is at least 0.1 above chance; attack success rate (ASR)"
    )
    shown = onecurve("list", "flaws").stdout
    assert all(name in shown for name in entries)


def test_a_kind_that_no_set_of_ours_carries_is_listed_with_the_reason(onecurve: Onecurve, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise DataError("it needs pictures of cats")

    monkeypatch.setattr("onecurve.flaws.kinds.natural_feature.require_features", refuse)
    specimen.cache_clear()
    entries = {entry["name"]: entry for entry in json.loads(onecurve("list", "flaws", "--json").stdout)}
    specimen.cache_clear()
    refused = entries["natural-feature"]
    assert (refused["insertion"], refused["gate"]) == ([], {})
    assert "needs pictures of cats" in refused["admitted"]
    assert entries["patch"]["gate"]


def test_a_dry_run_prints_the_plan_and_writes_nothing(onecurve: Onecurve, tmp_path: Path) -> None:
    shown = onecurve("run", "--dry-run", "--seed", "7")
    assert shown.returncode == 0
    assert "suite: quick, seed 7" in shown.stdout
    assert "neural-cleanse" in shown.stdout
    assert not any(tmp_path.iterdir())


BAD = {
    "unknown suite": (("run", "quickk"), "did you mean `quick`?"),
    "missing suite file": (("run", "none.yaml"), "no such suite file: none.yaml"),
    "suite that is not YAML": (("run", "bad.yaml"), "bad.yaml is not YAML"),
    "suite that is a list": (("run", "list.yaml"), "must hold a mapping"),
    "suite with a misspelt field": (("run", "misspelt.yaml"), "solvrs: there is no such field"),
    "suite with no network": (("run", "empty.yaml"), "name at least one entry under `networks`"),
    "unknown solver": (("run", "--only", "--solver", "cppnn", "--out", "out"), "did you mean `cppn`?"),
    "missing solver file": (("run", "--only", "--solver", "none.py:Tool", "--out", "out"), "no such file: none.py"),
    "unknown task in a suite": (("run", "task.yaml", "--out", "out"), "no task is called: detecct"),
    "unknown data": (("plant", "patch", "--data", "digitss", "--out", "out"), "did you mean `digits`?"),
    "missing data folder": (("plant", "patch", "--data", "folder:none", "--out", "out"), "none"),
    "missing npz": (("plant", "patch", "--data", "npz:none.npz", "--out", "out"), "none.npz"),
    "unknown flaw": (("plant", "pach", "--out", "out"), "did you mean `patch`?"),
    "unknown model": (("plant", "clean", "--model", "resnet200", "--out", "out"), "did you mean `resnet20`?"),
    "plant into a full folder": (("plant", "patch", "--out", "full"), "not an empty folder: full"),
    "results of nothing": (("results", "full"), "no results in: full"),
    "report of nothing": (("report", "full"), "no results in: full"),
    "grade nothing": (("grade", "full"), "no results in: full"),
    "check nothing": (("check", "none.py:Tool"), "no such file: none.py"),
    "check an unknown name": (("check", "edgess"), "did you mean `edges`?"),
    "a device that is not there": (("run", "--device", "cuda:99", "--out", "out"), "no such device here: cuda:99"),
    "a negative budget": (("run", "--budget", "-1"), "--budget"),
    "an unknown command": (("plan",), "did you mean `plant`?"),
    "an unknown list": (("list", "tool"), "did you mean `tools`?"),
    "an out folder that is a file": (("run", "--out", "list.yaml"), "cannot write to"),
    "seal nothing": (("seal", "full", "--out", "out", "--key", "new"), "no sealed truth of an admitted flaw in: full"),
    "seal into a full folder": (("seal", "planted", "--out", "full", "--key", "new"), "not an empty folder: full"),
    "seal with the key inside": (("seal", "planted", "--out", "out", "--key", "out/key"), "out/key lies inside out"),
    "seal with no key": (("seal", "planted", "--out", "out", "--key", "list.yaml"), "not a key file: list.yaml"),
    "unseal nothing": (("unseal", "full", "--key", "key", "--out", "out"), "no such file: full/commitment.json"),
    "unseal without a key": (("unseal", "sealed", "--key", "new", "--out", "out"), "no such key file: new"),
    "unseal with another key": (("unseal", "sealed", "--key", "wrong", "--out", "out"), "sealed with another key than: wrong"),
    "unseal a changed truth": (("unseal", "forged-truth", "--key", "key", "--out", "out"), "has changed since it was sealed"),
    "unseal a changed subject": (
        ("unseal", "forged-subject", "--key", "key", "--out", "out"),
        "is not the one that was sealed",
    ),
    "unseal into a full folder": (("unseal", "sealed", "--key", "key", "--out", "full"), "not an empty folder: full"),
}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a planted network in `planted`, sealed with `key`, another key, and two forgeries."""
    place = tmp_path_factory.mktemp("sealed")
    for folder, file in (("subject", "subject.json"), ("sealed", "network.json")):
        (place / "planted" / folder).mkdir(parents=True)
        (place / "planted" / folder / file).write_text("{}")
    if importlib.util.find_spec("cryptography"):
        seal(place / "planted", place / "sealed", place / "key", least=1)
        for name in ("forged-truth", "forged-subject"):
            shutil.copytree(place / "sealed", place / name)
        truth = place / "forged-truth" / "truth.sealed"
        truth.write_bytes(truth.read_bytes()[:-1] + b"?")
        (place / "forged-subject" / "subject" / "subject.json").write_text("[]")
    (place / "wrong").write_text("0" * 64)
    return place


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_one_message_with_exit_code_2_and_changes_nothing(onecurve: Onecurve, name: str, sealed: Path, tmp_path: Path) -> None:
    arguments, message = BAD[name]
    if "seal" in arguments[0]:
        pytest.importorskip("cryptography", reason="the extra `seal` is not installed")
        shutil.copytree(sealed, tmp_path, dirs_exist_ok=True)
    (tmp_path / "bad.yaml").write_text("name: [unclosed")
    (tmp_path / "list.yaml").write_text("- a\n- b")
    (tmp_path / "misspelt.yaml").write_text("name: x\nnetworks: [{}]\nsolvrs: [edges]\n")
    (tmp_path / "empty.yaml").write_text("name: x\nnetworks: []\nsolvers: [edges]\n")
    (tmp_path / "task.yaml").write_text("name: x\nnetworks: [{}]\nsolvers: [edges]\ntasks: [detecct]\n")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    before = tree(tmp_path)
    shown = onecurve(*arguments)
    assert shown.returncode == 2, shown.stderr
    assert message in shown.stderr
    assert "Traceback" not in shown.stderr
    assert not (tmp_path / "out").exists()
    assert tree(tmp_path) == before


def test_a_sealed_network_is_published_with_its_commitment_and_opened_again(onecurve: Onecurve, sealed: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="the extra `seal` is not installed")
    shown = onecurve("seal", str(sealed / "planted"), "--out", "public", "--key", "key", "--pad", "1")
    record = json.loads((tmp_path / "public" / "commitment.json").read_text())
    assert (shown.returncode, shown.stdout.strip()) == (0, record["truth"])
    assert 2**20 < (tmp_path / "public" / "truth.sealed").stat().st_size < 2**20 + 100
    shown = onecurve("unseal", "public", "--key", "key", "--out", "opened")
    assert (shown.returncode, shown.stdout.strip()) == (0, record["truth"])
    opened = tree(tmp_path / "opened")
    assert opened.pop("digests.json")
    assert opened == tree(sealed / "planted")


def test_check_passes_the_readmes_example_and_fails_a_liar(onecurve: Onecurve, tmp_path: Path) -> None:
    (tmp_path / "my_tool.py").write_text(EXAMPLE)
    shown = onecurve("check", "my_tool.py:MeanLogits", "--json")
    findings = json.loads(shown.stdout)
    assert shown.returncode == 0, [finding for finding in findings if not finding["passed"]]
    assert len(findings) > 8
    liar = EXAMPLE.replace("return Evidence", "return None or (lambda pieces: 'evidence')").replace("MeanLogits", "Liar")
    (tmp_path / "liar.py").write_text(liar)
    shown = onecurve("check", "liar.py:Liar")
    assert shown.returncode == 1
    assert "must return Evidence, got: str" in shown.stdout


def test_a_few_images_of_ones_own_will_do_and_refusals_are_told(onecurve: Onecurve, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(40):
            Image.fromarray(rng.integers(0, 256, (16, 16, 3)).astype(np.uint8)).save(tmp_path / "images" / name / f"{number}.png")
    (tmp_path / "few.yaml").write_text(
        "name: few\ndata: folder:images\nnetworks: [{flaws: [patch]}]\nreferences: 0\nsolvers: [edges]\n"
        "recipe: {pretraining: null, training: {epochs: 1}}\n"
    )
    shown = onecurve("run", "few.yaml", "--out", "out")
    assert shown.returncode == 2
    assert "1 of 1 plants were refused:\n  patch in net-1: " in shown.stderr
    assert "hint: bring more images, or train longer" in shown.stderr


def test_ctrl_c_says_that_the_same_command_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def pressed(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["onecurve", "run"])
    monkeypatch.setattr(cli.commands["run"], "callback", pressed)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "stopped; finished work is kept, and the same command continues from there\n"


@pytest.mark.parametrize("words", [["--store", ""], ["--blobs", " "], ["--engine", "ray", "--engine-option", "cpus=0", "--dry-run"]])
def test_an_address_or_option_that_cannot_be_is_refused_before_anything_runs(words: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is empty|cpus is a number"):
        cli.main(["run", "--out", str(tmp_path / "out"), *words], standalone_mode=False)
    assert not (tmp_path / "out").exists()
