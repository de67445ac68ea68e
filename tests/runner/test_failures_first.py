"""A named solver that failed everywhere ends the run with its reason, its place and exit code 1."""

import sys
from pathlib import Path

import pytest
import yaml
from tiny_world import suite_of

from onecurve.bench.running import run
from onecurve.cli.main import main

BROKEN = '''"""A solver that cannot work."""

from dataclasses import dataclass
from typing import ClassVar

from onecurve.core.access import Access
from onecurve.core.evidence import ClassScores, Evidence
from onecurve.core.question import Form


@dataclass(frozen=True)
class Broken:
    name: ClassVar[str] = "broken-one"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "fails"
    source: ClassVar[str] = "a test"
    needs: ClassVar[Access] = Access.NONE
    shows: ClassVar[tuple[type, ...]] = (ClassScores,)
    reads: ClassVar[tuple[type, ...]] = (ClassScores,)
    answers: ClassVar[tuple[Form, ...]] = (Form.CLASSES,)

    def look(self, brief, workbench):
        return Evidence()

    def read(self, question, evidence, workbench):
        return self.weights["none"]
'''


@pytest.fixture
def declared(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A suite file beside a broken solver, in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONECURVE_CACHE", str(cache))
    (tmp_path / "mine.py").write_text(BROKEN)
    values = suite_of("test-set").model_dump(mode="json", exclude_defaults=True)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({**values, "solvers": ["random-patches"]}))
    return tmp_path / "tiny.yaml"


def ended(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["onecurve", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_a_named_solver_that_failed_everywhere_ends_the_run(
    declared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = ended(monkeypatch, "run", str(declared), "--out", "out", "--only", "--solver", "mine.py:Broken")
    told = capsys.readouterr()
    assert code == 1
    assert "`mine.py:Broken` failed in the 1 cell that it attempted" in told.err
    assert "AttributeError" in told.err
    line = next(at for at, text in enumerate(BROKEN.splitlines(), 1) if "self.weights" in text)
    assert f"mine.py, line {line}" in told.err
    assert "index.html" in told.out
    page = Path("out/index.html").read_text(encoding="utf-8")
    assert "1 solver failed everywhere" in page


def test_one_that_the_suite_names_is_told_in_the_report_and_the_run_ends_well(declared: Path, tmp_path: Path) -> None:
    suite = suite_of("mine.py:Broken")
    done = run(suite, tmp_path / "out")
    assert done.failed_everywhere(()) == {}
    assert list(done.failed_everywhere(["mine.py:Broken", "oracle@outlier"])) == ["mine.py:Broken"]
    assert "1 solver failed everywhere" in done.page.read_text(encoding="utf-8")
