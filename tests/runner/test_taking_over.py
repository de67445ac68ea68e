"""What a cell hands over is judged by a process in which no tool's code ran: what the cell's own process said of it counts for nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from onecurve.core.access import Access
from onecurve.core.answer import Weights
from onecurve.core.case import Subject
from onecurve.core.codec import digest_of_encoded, encode
from onecurve.core.errors import OneCurveError
from onecurve.core.evidence import Evidence, Picture, Text
from onecurve.core.question import Brief
from onecurve.runner.handlers import untrusted
from onecurve.store.blobs import Blobs

SUBJECT = Subject("net", None, ("a", "b"), (3, 8, 8), Access.NONE)
FINE = Evidence((Text("nothing"),))
DEEP = '{"tuple": [' * 5000 + "1" + "]}" * 5000


@pytest.fixture(autouse=True)
def known_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrusted, "_subject", lambda folder: SUBJECT)


def raw(folder: Path, text: str, arrays: dict[str, np.ndarray] | None = None) -> str:
    """A file under its right key with whatever text."""
    kept = arrays or {"a0": np.zeros(1, np.float32)}
    key = digest_of_encoded(text, kept)
    Blobs(folder).path(key).parent.mkdir(parents=True, exist_ok=True)
    save_file(kept, Blobs(folder).path(key), {"record": text})
    return key


def taken(place: Path, name: str, key: str) -> bool:
    kept = Blobs(place / "kept")
    arguments = {"place": {"subject": "net", "blobs": str(kept.folder)}, "brief": kept.put(Brief())}
    untrusted.take_over(arguments, {name: key}, place / "made")
    return not kept.fault(key)


def test_what_is_as_it_ought_to_be_is_kept(tmp_path: Path) -> None:
    made = Blobs(tmp_path / "made")
    assert taken(tmp_path, "evidence", made.put(FINE))
    assert taken(tmp_path, "answer", made.put(Weights(np.ones((1, 3), np.float32))))


def test_evidence_beyond_its_limits_is_refused_whatever_the_cell_thought_of_it(tmp_path: Path) -> None:
    key = Blobs(tmp_path / "made").put(Evidence((Picture(np.zeros((3, 64, 64), np.float32)),)))
    with pytest.raises(OneCurveError, match="at most 8 x 8"):
        taken(tmp_path, "evidence", key)


def test_a_file_that_is_far_too_large_is_not_even_read(tmp_path: Path) -> None:
    key = raw(tmp_path / "made", "{}", {"a0": np.zeros(5 << 20, np.float32)})
    with pytest.raises(OneCurveError, match="may have at most"):
        taken(tmp_path, "evidence", key)


@pytest.mark.parametrize(
    "text",
    [
        DEEP,
        "1",
        "no json",
        '{"record": "Evidence", "fields": {"pieces": 1, "checks": 2}}',
        '{"record": "Evidence", "fields": 1}',
        '{"record": "Path", "fields": {}}',
        '{"record": ["a"]}',
        '{"array": "b"}',
        json.dumps(json.loads(encode(Brief())[0])),
    ],
    ids=["deep", "number", "no json", "fields", "no fields", "class", "name", "array", "brief"],
)
@pytest.mark.parametrize("name", ["evidence", "answer"])
def test_what_is_no_such_record_is_refused(tmp_path: Path, text: str, name: str) -> None:
    with pytest.raises(OneCurveError):
        taken(tmp_path, name, raw(tmp_path / "made", text))


@pytest.mark.parametrize("level", ["folder", "shelf", "file"])
def test_no_link_is_followed_out_of_the_cells_folder(tmp_path: Path, level: str) -> None:
    other = Blobs(tmp_path / "other")
    key = other.put(FINE)
    made = Blobs(tmp_path / "made")
    link = {"folder": made.folder, "shelf": made.path(key).parent, "file": made.path(key)}[level]
    aim = {"folder": other.folder, "shelf": other.path(key).parent, "file": other.path(key)}[level]
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(aim)
    with pytest.raises(OneCurveError, match="missing"):
        taken(tmp_path, "evidence", key)
