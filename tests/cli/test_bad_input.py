"""One door for input: whatever is wrong gives one message with what to do, exit code 2, and leaves nothing behind."""

import io
import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_run import small_run

from onecurve.cli.main import main
from onecurve.store.store import Store

SUITE = "name: mine\nsolvers: [edges]\nnetworks: [{flaws: []}]\n"
Shown = tuple[int, str]


@pytest.fixture
def onecurve(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Shown]:
    """Run a command in the test's folder and return its exit code and what it wrote to stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONECURVE_CACHE", str(tmp_path.parent / "onecurve-cache"))

    def run(*arguments: str) -> Shown:
        monkeypatch.setattr(sys, "argv", ["onecurve", *arguments])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return code, capsys.readouterr().err

    return run


def files_in(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


SUITES = {
    "bytes that are no text": (b"\x80\x81\xff", "not a text file"),
    "UTF-16": (SUITE.encode("utf-16"), "not a text file"),
    "an integer of 5000 digits": (SUITE.encode() + b"seed: " + b"1" * 5000, "not YAML that can be read"),
    "20,000 brackets": (SUITE.encode() + b"tasks: " + b"[" * 20_000, "not YAML that can be read"),
    "a thousand million networks": (SUITE.replace("flaws: []", "count: 1000000000").encode(), "1,000,000,000 networks"),
    "a thousand million repeats": (SUITE.encode() + b"repeats: 1000000000", "cells"),
    "a budget without end": (SUITE.encode() + b"look_budgets: [.inf]", "finite"),
    "a budget that is no number": (SUITE.encode() + b"look_budgets: [.nan]", "look_budgets"),
    "a field twice": (SUITE.encode() + b"seed: 1\nseed: 2\n", "named twice: seed"),
}


@pytest.mark.parametrize("kind", SUITES)
def test_a_suite_file_that_cannot_be(onecurve: Callable[..., Shown], tmp_path: Path, kind: str) -> None:
    content, words = SUITES[kind]
    (tmp_path / "suite.yaml").write_bytes(content)
    before = files_in(tmp_path)
    code, err = onecurve("run", "suite.yaml", "--out", "out")
    assert code == 2
    assert words in err
    assert "suite.yaml" in err
    assert err.count("error:") == 1
    assert "Traceback" not in err
    assert "hint:" in err
    assert files_in(tmp_path) == before


def test_options_that_cannot_be(onecurve: Callable[..., Shown], tmp_path: Path) -> None:
    for options, words in (
        (("--budget", "inf"), "finite"),
        (("--device", "meta"), "no such device here: meta"),
        (("--device", "cuda:99"), "no such device"),
    ):
        code, err = onecurve("run", "quick", "--out", "out", *options)
        assert code == 2
        assert words in err
    assert files_in(tmp_path) == []


def test_an_archive_that_claims_more_than_it_holds(onecurve: Callable[..., Shown], tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (12_000_000, 32, 32, 3)})
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as archive:
        archive.writestr("images.npy", header.getvalue() + b"\0" * 100)
        labels = io.BytesIO()
        np.save(labels, np.zeros(12_000_000, np.int8))
        archive.writestr("labels.npy", labels.getvalue(), zipfile.ZIP_DEFLATED)
    code, err = onecurve("plant", "patch", "--data", "npz:set.npz", "--out", "out")
    assert code == 2
    assert "claims 36,864,000,000 bytes" in err
    assert [path.name for path in tmp_path.iterdir()] == ["set.npz"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_among_the_images(onecurve: Callable[..., Shown], tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "set" / name).mkdir(parents=True)
        Image.new("RGB", (32, 32)).save(tmp_path / "set" / name / "1.png")
    os.mkfifo(tmp_path / "set" / "a" / "2.png")
    code, err = onecurve("plant", "patch", "--data", "folder:set", "--out", "out")
    assert code == 2
    assert "neither a file nor a folder: set/a/2.png" in err


FILES = {
    "exits": ("import sys\nsys.exit(0)\n", "ends the program when it is imported"),
    "reads the command line": (
        "import argparse\np = argparse.ArgumentParser(prog='mine.py')\np.add_argument('--lr', required=True)\np.parse_args()\n",
        "ends the program when it is imported: mine.py: error: the following arguments are required: --lr",
    ),
    "is no Python": ("def (:\n", "does not import: SyntaxError"),
    "is binary": ("\0\0", "does not import"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_of_ones_own_that_does_not_import(onecurve: Callable[..., Shown], tmp_path: Path, kind: str) -> None:
    content, words = FILES[kind]
    (tmp_path / "mine.py").write_text(content)
    for command in (("check", "mine.py:Mine"), ("plant", "patch", "--model", "mine.py:net", "--out", "out")):
        code, err = onecurve(*command)
        assert code == 2
        assert words in err
        assert "mine.py" in err
        assert "usage:" not in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("schema", [0, 99, "one"])
def test_results_of_an_unknown_schema(onecurve: Callable[..., Shown], tmp_path: Path, schema: object) -> None:
    with Store.create(tmp_path / "run") as store:
        store.note("schema", schema, anew=True)
    for command in ("results", "report", "grade", "harden", "verify"):
        code, err = onecurve(command, "run")
        assert code == 2
        assert "results.sqlite" in err
        assert "hint:" in err


@pytest.mark.parametrize("name", ["floor", "ceiling", "oracle", "noise", "edges", "matcher", "finetune"])
def test_a_reserved_name_is_refused_with_a_sentence(onecurve: Callable[..., Shown], tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.py").write_text(
        textwrap.dedent(f"""
            from dataclasses import dataclass
            from onecurve import Access, Evidence, Picture

            @dataclass(frozen=True)
            class Mine:
                name = {name!r}
                version = 1
                summary = source = ""
                needs = Access.QUERIES
                shows = (Picture,)
                def look(self, brief, workbench):
                    return Evidence()
        """)
    )
    code, err = onecurve("run", "quick", "--out", "out", "--solver", "mine.py:Mine", "--only")
    assert code == 2
    assert f"is called `{name}`" in err
    assert "another `name`" in err
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_trained(onecurve: Callable[..., Shown], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    code, err = onecurve("plant", "patch", "--out", "file/out")
    assert code == 2
    assert "cannot write to" in err
    run = small_run(tmp_path / "run")
    (run / "index.html").mkdir()
    code, err = onecurve("report", str(run))
    assert code == 2
    assert str(run / "index.html") in err
    assert "--out" in err
    code, _ = onecurve("report", str(run), "--out", str(tmp_path / "pages"))
    assert code == 0
    assert (tmp_path / "pages" / "index.html").is_file()


BLOCKED = """
import os, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "resource"):
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Blocked())
if hasattr(os, "sched_getaffinity"):
    del os.sched_getaffinity
from onecurve.cli.main import main
main()
"""


def test_commands_that_read_do_without_what_windows_lacks_and_run_says_what_it_needs(tmp_path: Path) -> None:
    run = str(small_run(tmp_path / "run"))
    reading = (["--help"], ["list", "tools", "--json"], ["results", run], ["report", run])
    for command, code in (*((each, 0) for each in reading), (["run", "quick", "--out", "out"], 2)):
        shown = subprocess.run([sys.executable, "-c", BLOCKED, *command], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert shown.returncode == code, shown.stderr
    assert "needs Linux or macOS" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert not (tmp_path / "out").exists()
