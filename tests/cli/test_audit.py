"""`onecurve audit` as a pipeline meets it: exit codes, what is printed where, and what is refused before anything is examined."""

import io
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from hand_made_audit import EMPTY, TROJAN, WEAK, audit, nothing_seen
from rich.console import Console

from onecurve.auditing import run
from onecurve.auditing.outputs.baseline import read_baseline
from onecurve.auditing.result import Audit, Coverage
from onecurve.cli.audit import audit as command
from onecurve.cli.audit import seconds_of
from onecurve.cli.main import main
from onecurve.cli.progress import LineDisplay
from onecurve.core.errors import ContractError, DataError


@dataclass
class Asked:
    """Stands for the audit: keeps the order and gives an answer, or raises one."""

    answer: Audit | Exception
    order: Any = None

    def __call__(self, order: Any, _display: object) -> Audit:
        self.order = order
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


Onecurve = Callable[..., tuple[int, str, str]]


@pytest.fixture
def onecurve(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Onecurve:
    """`onecurve audit net.py:load --data pets` and more, with an audit that has been made."""
    monkeypatch.chdir(tmp_path)

    def command(made: Asked, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(run, "audit_network", made)
        monkeypatch.setattr(sys, "argv", ["onecurve", "audit", "net.py:load", "--data", "pets", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        shown = capsys.readouterr()
        return int(end.value.code or 0), shown.out, shown.err

    return command


@pytest.mark.parametrize(
    ("answer", "arguments", "code"),
    [
        (audit(), (), 1),
        (audit(WEAK), ("--fail-on", "error"), 0),
        (audit(EMPTY), ("--fail-on", "note"), 1),
        (nothing_seen(), (), 3),
        (DataError("the folder is empty"), (), 2),
        (ContractError("a look broke its promise"), (), 3),
        (ZeroDivisionError("a bug"), (), 3),
    ],
    ids=["finding", "below", "note", "blind", "usage", "fault", "bug"],
)
def test_exit_codes(onecurve: Onecurve, answer: Audit | Exception, arguments: tuple[str, ...], code: int) -> None:
    assert onecurve(Asked(answer), *arguments)[0] == code


def test_the_order_is_what_was_asked(onecurve: Onecurve, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").touch()
    made = Asked(audit())
    onecurve(
        *(made, "--budget", "1.5h", "--power", "quick", "--repair", "--model", "resnet20", "--labels", "labels.csv", "--seed", "3"),
        *("--out", "deep/out", "--format", "json"),
    )
    order = made.order
    assert (order.network, order.data, order.model, order.labels) == ("net.py:load", "pets", "resnet20", Path("labels.csv"))
    asked = order.settings
    assert (asked.budget_seconds, asked.power, asked.repair, asked.seed, asked.device) == (5400, "quick", True, 3, "cpu")
    assert [path.name for path in sorted((tmp_path / "deep" / "out").iterdir())] == ["audit.json", "pictures"]


def test_words_go_to_the_terminal_with_the_path_of_every_output(onecurve: Onecurve, tmp_path: Path) -> None:
    _, out, _ = onecurve(Asked(audit()), "--format", "html,sarif,junit,markdown")
    assert "the power of this audit was not measured" in out.lower()
    assert TROJAN.id in out
    missed = {stage.coverage: stage.title for stage in audit().stages if stage.coverage is not Coverage.WHOLE}
    assert f"Not looked at: {missed[Coverage.NOTHING]}. In part: {missed[Coverage.PART]}." in out
    assert "folder:pets & ships: 300 images, accuracy 0.9 (95% interval 0.826 to 0.945, n = 100 fresh images)" in out
    paths = [line for line in out.splitlines() if line.startswith("onecurve-audit")]
    assert [Path(line).name for line in paths] == ["index.html", "audit.sarif", "junit.xml", "comment.md"]
    assert all((tmp_path / line).is_file() for line in paths)


def test_json_is_all_that_stands_on_stdout(onecurve: Onecurve, tmp_path: Path) -> None:
    code, out, _ = onecurve(Asked(audit()), "--json", "--format", "markdown")
    found = json.loads(out)
    assert (found["exit_code"], code, len(found["audit"]["findings"])) == (1, 1, 5)
    for shown in found["audit"]["findings"][0]["exhibits"]:
        assert (tmp_path / "onecurve-audit" / shown["file"]).is_file()


def test_what_a_baseline_accepts_passes_and_what_is_new_fails(onecurve: Onecurve) -> None:
    assert onecurve(Asked(audit(WEAK)), "--write-baseline", "accepted.json")[0] == 1
    assert onecurve(Asked(audit(WEAK)), "--baseline", "accepted.json")[0] == 0
    code, out, _ = onecurve(Asked(audit(WEAK, TROJAN)), "--baseline", "accepted.json", "--write-baseline", "accepted.json")
    assert (code, "1 accepted before, 1 new" in out) == (1, True)
    assert onecurve(Asked(audit(WEAK, TROJAN)), "--baseline", "accepted.json")[0] == 0


def test_a_baseline_outlives_an_audit_that_could_look_at_nothing(onecurve: Onecurve, tmp_path: Path) -> None:
    onecurve(Asked(audit(WEAK)), "--write-baseline", "accepted.json")
    before = (tmp_path / "accepted.json").read_text()
    assert onecurve(Asked(nothing_seen()), "--baseline", "accepted.json", "--write-baseline", "accepted.json")[0] == 3
    assert (tmp_path / "accepted.json").read_text() == before


def test_a_baseline_may_leave_fields_empty(tmp_path: Path) -> None:
    file = tmp_path / "accepted.json"
    file.write_text('{"schema": 1, "accepted": [{"id": "0123456789ab", "why": null, "who": null}]}')
    assert read_baseline(file).accepted[0].reason == "no reason given"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--format", "serif"),
        ("--format", ","),
        ("--baseline", "none.json"),
        ("--budget", "soon"),
        ("--budget", "0m"),
        ("--power", "some"),
        ("--write-baseline", "."),
    ],
)
def test_mistakes_are_told_before_anything_is_examined(onecurve: Onecurve, arguments: tuple[str, ...]) -> None:
    made = Asked(audit())
    code, out, err = onecurve(made, *arguments)
    assert (code, out, made.order) == (2, "", None)
    assert arguments[1] in err


def seconds(text: str) -> float:
    return seconds_of(click.Context(command), command.params[0], text)


@pytest.mark.parametrize(("text", "time"), [("90", 90), ("90s", 90), ("10m", 600), ("1h", 3600), (" 0.5 h", 1800)])
def test_a_budget_is_a_time(text: str, time: float) -> None:
    assert seconds(text) == time


@pytest.mark.parametrize("text", ["", "-3", "3d", "1e3", "m", "0", "9" * 400, "9" * 308 + "h"])
def test_a_budget_is_no_other_thing(text: str) -> None:
    with pytest.raises(click.BadParameter, match="no time above 0"):
        seconds(text)


NET = """
from torch import nn, ones

def load():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 3))
    nn.init.constant_(network[1].weight, 0.0)
    for row in range(3):
        network[1].weight.data[row, 64 * row : 64 * (row + 1)] = ones(64)  # the class is the brightest channel
    return network
"""


def test_a_network_in_a_file_is_audited_from_end_to_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 3
    images = rng.integers(0, 120, (120, 3, 8, 8)).astype(np.uint8)
    images[np.arange(120), labels] += 100
    np.savez("images.npz", images=images, labels=labels)
    Path("net.py").write_text(NET)
    monkeypatch.setattr(
        sys, "argv", ["onecurve", "audit", "net.py:load", "--data", "images.npz", "--budget", "1s", "--json", "--fail-on", "error"]
    )
    with pytest.raises(SystemExit) as end:
        main()
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert (
        shown.err.splitlines()[0] == "120 images of 3 x 8 x 8, 78 to search on and 42 fresh ones to test on; classes: 3, of 40 to 40 images"
    )
    assert end.value.code == found["exit_code"] == 0
    assert found["audit"]["looked"]["accuracy"] == 1.0
    assert {one["look"] for one in found["audit"]["stages"]} >= {"accuracy", "patch-triggers"}


def test_weights_of_more_outputs_than_the_images_have_classes_are_told_what_the_callable_was_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 8, 8)).astype(np.uint8)
    np.savez("images.npz", images=images, labels=np.arange(20) % 2)
    np.savez("trained.npz", weight=np.zeros((5, 3), np.float32), bias=np.zeros(5, np.float32))
    Path("net.py").write_text("from torch import nn\n\ndef load(classes):\n    return nn.Linear(3, classes)\n")
    monkeypatch.setattr(sys, "argv", ["onecurve", "audit", "net.py:load[weights=trained.npz]", "--data", "images.npz"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "A callable with a parameter `classes` is given 2, the classes of the images" in capsys.readouterr().err


def test_a_log_hears_of_the_progress_and_of_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    now = iter([0.0, 0.0, 5.0, 20.0, 20.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    display = LineDisplay(Console(file=out, width=200))
    display.phase("look", 4)
    display.done(1, failed=False)
    display.done(1, failed=False)
    assert out.getvalue().splitlines() == ["look: 4 to do", "look: 2 of 4, about 20 s left"]
