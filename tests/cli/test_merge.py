"""`onecurve merge` ends with 2 and writes nothing where runs contradict each other."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from many_runs import another_run
from small_run import small_run

from onecurve.cli.main import main


def merged(*arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["onecurve", "merge", *arguments])
    try:
        main()
    except SystemExit as end:
        return (int(end.code or 0), *capsys.readouterr())
    return (0, *capsys.readouterr())


def test_parts_are_merged_and_a_contradiction_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = small_run(tmp_path / "run")
    one, other = another_run(base, tmp_path / "one"), another_run(base, tmp_path / "other", networks="b")
    changed = another_run(base, tmp_path / "changed", rows=lambda row: replace(row, answer="f" * 32) if row.answer else row)
    whole = tmp_path / "whole"
    code, out, err = merged(str(one), str(other), "--out", str(whole), monkeypatch=monkeypatch, capsys=capsys)
    assert (code, out.strip()) == (0, str(whole))
    assert "2 runs" in err
    before = (whole / "results.sqlite").read_bytes()
    code, out, err = merged(str(changed), "--out", str(whole), monkeypatch=monkeypatch, capsys=capsys)
    assert (code, out) == (2, "")
    assert "answer" in err
    assert "nothing was written" in err
    assert (whole / "results.sqlite").read_bytes() == before
