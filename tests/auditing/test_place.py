"""The folder that an audit writes into: apart from the images, for one audit at a time, and left as it was where nothing is written."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from onecurve.auditing.place import alone_in, require_apart
from onecurve.auditing.run import AuditOrder, AuditSettings, audit, audit_network
from onecurve.core.errors import UsageError

HOLD = """
import sys
from pathlib import Path
from onecurve.auditing.place import alone_in
with alone_in(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("out", "images", "apart"),
    [
        ("pets/audit", "pets", False),
        ("pets", "pets", False),
        ("pets/../pets/deep/audit", "pets", False),
        (".", "pictures", False),
        (".", "pictures/train", False),
        ("audit", "pets", True),
        (".", "pets", True),
        ("pets-audit", "pets", True),
        ("audit", "none", True),
    ],
)
def test_outputs_do_not_lie_among_the_images(out: str, images: str, apart: bool, tmp_path: Path) -> None:
    for name in ("pets", "pictures/train"):
        (tmp_path / name).mkdir(parents=True)
    if apart:
        require_apart(tmp_path / out, tmp_path / images)
        return
    with pytest.raises(UsageError, match="among the images"):
        require_apart(tmp_path / out, tmp_path / images)


def test_one_audit_at_a_time_writes_there(tmp_path: Path) -> None:
    out = tmp_path / "audit"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match="another audit"), alone_in(out):
            pytest.fail("two at once")
        other.kill()
        other.wait()
        with alone_in(out):
            (out / "kept").touch()
    assert (out / "kept").is_file()


def test_a_folder_in_which_nothing_was_written_goes_again(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), alone_in(tmp_path / "deep" / "audit"):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_a_place_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write to"), alone_in(tmp_path / "file" / "audit"):
        pytest.fail("there is a file in its place")


def test_an_audit_asks_for_both(tmp_path: Path) -> None:
    (tmp_path / "pets").mkdir()
    with pytest.raises(UsageError, match="among the images"):
        audit_network(AuditOrder("net.py:load", f"folder:{tmp_path / 'pets'}", tmp_path / "pets" / "audit"))
    module, pixels = nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), np.random.default_rng(0).random((30, 3, 4, 4))
    with alone_in(tmp_path / "audit"), pytest.raises(UsageError, match="another audit"):
        audit(module, pixels, out=tmp_path / "audit", settings=AuditSettings(budget_seconds=0.1))
