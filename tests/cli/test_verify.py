"""`onecurve verify` says what it checked, and names each fault on a line of its own."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from small_run import old_run, small_run

import onecurve
from onecurve.cli.main import main


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.mktemp("whole") / "run")


def verified(*arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["onecurve", "verify", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return (int(end.value.code or 0), *capsys.readouterr())


def test_a_sound_run(whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = verified(str(whole), monkeypatch=monkeypatch, capsys=capsys)
    assert (code, out) == (0, "")
    found = onecurve.verify(whole)
    for words in (f"{found.blobs} blobs", f"3 networks of {found.files} files", f"{found.rows} rows", "everything is as it was written"):
        assert words in err
    assert "not checked" not in err
    assert found.blobs > 15
    assert found.files == 30


def test_every_fault_is_a_line(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    damaged = [next(run.glob("blobs/??/*.safetensors")), run / "networks" / "net-1" / "subject" / "clean.safetensors"]
    for path in damaged:
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    code, out, err = verified(str(run), monkeypatch=monkeypatch, capsys=capsys)
    assert code == 1
    assert len(out.splitlines()) == 2
    assert all(str(path) in out for path in damaged)
    assert "2 faults" in err
    code, out, _ = verified(str(run), "--json", monkeypatch=monkeypatch, capsys=capsys)
    told = json.loads(out)
    assert (code, told["sound"], len(told["faults"]), told["networks"]) == (1, False, 2, 3)


def test_a_damaged_database_is_a_fault_and_no_run_is_a_mistake(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    (run / "results.sqlite").write_bytes(b"nothing of the kind" * 100)
    code, out, _ = verified(str(run), monkeypatch=monkeypatch, capsys=capsys)
    assert code == 1
    assert "not a results file" in out
    code, _, err = verified(str(tmp_path / "nowhere"), monkeypatch=monkeypatch, capsys=capsys)
    assert code == 2
    assert "no results in" in err


def test_a_run_of_an_earlier_version_says_what_could_not_be_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = verified(str(old_run(tmp_path / "run")), monkeypatch=monkeypatch, capsys=capsys)
    assert code == 0
    assert "without digests: 3 networks" in err
