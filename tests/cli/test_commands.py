"""The command line as a person meets it: what it prints, where, and with which exit code."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from example_tool import EXAMPLE

from onecurve.cli.main import main
from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
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
    for command in ("run", "results", "report", "grade", "list", "check", "plant"):
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


@pytest.mark.parametrize("kind", ["flaws", "tools", "solvers", "readers", "tasks", "suites", "data", "models"])
def test_lists_are_arrays_of_objects(onecurve: Onecurve, kind: str) -> None:
    entries = json.loads(onecurve("list", kind, "--json").stdout)
    assert len(entries) >= 1
    for entry in entries:
        assert {"name", "version", "summary", "source", "needs", "tasks"} <= set(entry)
        assert entry["name"]
        assert entry["summary"]
    assert entries == sorted(entries, key=lambda entry: entry["name"])


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
    "suite with a misspelt field": (("run", "misspelt.yaml"), "solvrs: Extra inputs"),
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
    "an unknown command": (("plan",), "No such command"),
    "an out folder that is a file": (("run", "--out", "list.yaml"), "cannot write to"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_one_message_with_exit_code_2_and_changes_nothing(onecurve: Onecurve, name: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: [unclosed")
    (tmp_path / "list.yaml").write_text("- a\n- b")
    (tmp_path / "misspelt.yaml").write_text("name: x\nnetworks: [{}]\nsolvrs: [edges]\n")
    (tmp_path / "empty.yaml").write_text("name: x\nnetworks: []\nsolvers: [edges]\n")
    (tmp_path / "task.yaml").write_text("name: x\nnetworks: [{}]\nsolvers: [edges]\ntasks: [detecct]\n")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    arguments, message = BAD[name]
    shown = onecurve(*arguments)
    assert shown.returncode == 2, shown.stderr
    assert message in shown.stderr
    assert "Traceback" not in shown.stderr
    assert not list((tmp_path / "out").rglob("*.html"))
    assert (tmp_path / "full" / "file").read_text() == "mine"
    assert sorted(path.name for path in (tmp_path / "full").iterdir()) == ["file"]


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
