"""Blobs beyond this machine: the same layout there, whole or absent, checked when they come back."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from small_run import A_ROW

from onecurve.core.answer import Abstain, Weights
from onecurve.core.errors import DataError, MissingExtraError, OneCurveError, UsageError
from onecurve.core.grade import Cost, Grade, Status
from onecurve.store import remote as remotes
from onecurve.store.blobs import MissingBlobError
from onecurve.store.holdings import Holdings
from onecurve.store.remote import Remote, local_folder, opened_remote
from onecurve.store.store import Look, Store

ANSWER = Weights(np.arange(6, dtype=np.float32).reshape(2, 3))


@pytest.fixture(params=["file", "memory", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return f"{request.getfixturevalue('bucket')}/{tmp_path.name}"
    return f"file://{tmp_path}/shared" if request.param == "file" else f"memory://{tmp_path.name}"


def network_file(folder: Path) -> Path:
    file = folder / "network"
    file.write_bytes(b"weights")
    return file


def test_what_one_machine_sends_another_fetches_and_checks(url: str, tmp_path: Path) -> None:
    here, there = (Holdings(tmp_path / name, opened_remote(url)) for name in ("here", "there"))
    answer, why, network = here.open.put(ANSWER), here.sealed.put(Abstain("why")), here.open.adopt(network_file(tmp_path))
    here.send([answer, why, f"network:{network}", "", "0" * 32])
    assert not there.is_here(answer)
    np.testing.assert_array_equal(there.get(answer).values, ANSWER.values)
    assert there.get(why) == Abstain("why")
    assert there.holder(why) is there.sealed
    there.bring([answer, f"network:{network}"])
    assert there.open.file(network).read_bytes() == b"weights"
    below = [path.relative_to(tmp_path / "here") for path in sorted((tmp_path / "here").rglob("*.safetensors"))]
    assert below == [path.relative_to(tmp_path / "there") for path in sorted((tmp_path / "there").rglob("*.safetensors"))]
    assert all(opened_remote(url).has(path.as_posix()) for path in below)
    with pytest.raises(MissingBlobError):
        there.get("0" * 32)
    with pytest.raises(DataError, match="a blob is missing"):
        there.bring(["network:" + "0" * 32])


def test_what_is_kept_is_copied_before_its_row_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"file://{tmp_path}/shared"
    with Store.create(tmp_path / "run", blobs=url) as store:
        evidence = store.blobs.put(ANSWER)
        sent: list[object] = []
        write = type(store.database).write
        monkeypatch.setattr(
            type(store.database), "write", lambda *given: (sent.append(opened_remote(f"{url}/blobs").has(name)), write(*given))[1]
        )
        name = store.blobs.path(evidence).relative_to(store.blobs.folder).as_posix()
        store.add_look(Look("l", evidence, Cost()))
        assert list(store.looks()) == ["l"]
        assert sent == [True]
    store.blobs.path(evidence).unlink()
    with Store.read(tmp_path / "run") as store:
        assert store.record(evidence).values.shape == (2, 3)


def test_rows_are_written_in_their_order_though_blobs_arrive_in_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.create(tmp_path / "run", blobs=f"file://{tmp_path}/shared")
    slow, quick, later = (store.blobs.put(Abstain(word)) for word in ("slow", "quick", "later"))
    put, arrived = Remote._put, Event()

    def slowly(remote: Remote, file: Path, name: str) -> None:
        time.sleep(0.1 if slow in name else 0.0)
        if later in name:
            arrived.wait(60)
        put(remote, file, name)

    monkeypatch.setattr(Remote, "_put", slowly)
    store.add_cell(replace(A_ROW, key="1", answer=slow))
    store.add_grade("1", Grade(Status.GRADED, raw=0.5, floor=0.0, ceiling=1.0, skill=0.5))
    store.add_cell(replace(A_ROW, key="2", answer=quick))
    assert [(row.key, row.status) for row in store.rows()] == [("1", Status.GRADED), ("2", Status.PENDING)]
    store.add_cell(replace(A_ROW, key="3", answer=later))
    store.close(whole=False)  # as after an error: nobody waits for what is on its way
    with Store.read(tmp_path / "run") as reader:
        assert reader.cell_keys() == {"1", "2"}
    arrived.set()


def test_a_row_whose_blobs_cannot_be_copied_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remotes, "PATIENCE", 0.0)

    def refuse(*given: object) -> None:
        raise ConnectionError("gone")

    store = Store.create(tmp_path / "run", blobs=f"file://{tmp_path}/shared")
    store.add_cell(replace(A_ROW, key="before"))
    assert store.count() == 1
    monkeypatch.setattr(Remote, "_put", refuse)

    def keep() -> None:
        """It is told with this row, or with whatever comes after it."""
        try:
            store.add_cell(replace(A_ROW, answer=store.blobs.put(ANSWER)))
        finally:
            store.close()

    with pytest.raises(OneCurveError, match="could not be reached"):
        keep()
    with Store.create(tmp_path / "run") as store:
        assert store.cell_keys() == {"before"}


def test_a_run_that_gets_a_remote_place_later_sends_all_that_it_has(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/shared"
    with Store.create(tmp_path / "run") as store:
        keys = [store.blobs.put(Abstain(str(number))) for number in range(3)]
        store.add_cell(A_ROW)
    Store.create(tmp_path / "run", blobs=url).close()
    Store.create(tmp_path / "run", blobs=f"{url}/").close()
    other = Holdings(tmp_path / "other", opened_remote(url))
    assert [other.get(key).reason for key in keys] == ["0", "1", "2"]
    with pytest.raises(UsageError, match=r"the blobs of .* are in file://"):
        Store.create(tmp_path / "run", blobs=f"file://{tmp_path}/elsewhere")


def test_damage_is_told_wherever_it_is_and_mended_from_the_other_side(tmp_path: Path) -> None:
    holdings = Holdings(tmp_path / "run", opened_remote(f"file://{tmp_path}/shared"))
    key = holdings.open.put(ANSWER)
    holdings.send([key])
    path = holdings.open.path(key)
    path.write_bytes(b"damaged")
    assert "damaged blob" in holdings.open.fault(key)
    holdings.mend(key)
    assert holdings.open.fault(key) == ""
    copy = tmp_path / "shared" / "blobs" / key[:2] / path.name
    copy.write_bytes(b"damaged")
    path.unlink()
    with pytest.raises(DataError, match="damaged blob"):
        holdings.bring([key])


@pytest.mark.parametrize("failures", [2, 99])
def test_a_place_that_cannot_be_reached_is_tried_again(failures: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remotes, "PATIENCE", 0.1)
    monkeypatch.setattr(remotes, "PAUSES", (0.01, 0.02))
    holdings = Holdings(tmp_path / "run", opened_remote(f"file://{tmp_path}/shared"))
    key, tried = holdings.open.put(ANSWER), list[int]()
    files = holdings.remote.files  # type: ignore[union-attr]
    put = type(files).put_file

    def refusing(*given: Any, **more: Any) -> None:
        tried.append(1)
        if len(tried) <= failures:
            raise ConnectionError("slow down")
        put(*given, **more)

    monkeypatch.setattr(type(files), "put_file", refusing)
    if failures == 2:
        holdings.send([key])
        assert len(tried) == 3
    else:
        with pytest.raises(OneCurveError, match=r"could not be reached for 0\.1 s: ConnectionError: slow down") as told:
            holdings.send([key])
        assert "the same command goes on" in told.value.hint
    assert not list(tmp_path.glob("shared/**/*.part"))


def test_a_bucket_that_is_not_there_is_told_before_anything_is_planted(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write to s3://nobodys/x"):
        Store.create(tmp_path, blobs="s3://nobodys/x")
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_urls_and_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    assert local_folder("file:///shared/x") == Path("/shared/x")
    assert local_folder("s3://bucket/x") is None
    for wrong in ("no-url", "nothing://x/y", "ftp://me:secret@host/x"):
        with pytest.raises(UsageError) as told:
            opened_remote(wrong)
        assert "secret" not in str(told.value)
    with pytest.raises(MissingExtraError, match="gcsfs"):
        opened_remote("gs://bucket/x")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(MissingExtraError, match="s3fs") as told:
        opened_remote("s3://bucket/x")
    assert "onecurve[remote]" in told.value.hint
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match="remote"):
        opened_remote("memory://x")
