"""Jobs on other machines: what travels with them, and the loop that gives them out and takes in what comes of them."""

import io
import os
import random
import signal
import tarfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecurve.core.errors import DataError, MissingExtraError, OneCurveError, SpecError, UnknownNameError, UsageError
from onecurve.core.evidence import Evidence, Text
from onecurve.core.question import Brief
from onecurve.runner.engine.choosing import EngineChoice, Workplace, engine_of
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.engine.pool import Pool
from onecurve.runner.engine.remote import dispatch
from onecurve.runner.engine.remote.archives import key_of, packed, unpack
from onecurve.runner.engine.remote.dispatch import TRIES, Loss, RemoteEngine
from onecurve.runner.engine.remote.parcels import Packing, Reply, made_blobs, packing, unpacked
from onecurve.runner.engine.remote.pool_process import PoolGoneError, PoolProcess, PoolSettings
from onecurve.runner.engine.remote.shipments import Shipments
from onecurve.runner.engine.remote.site import Greeting, Site, SiteSettings, require_fit, versions
from onecurve.runner.isolation.walls import NONE, Isolation
from onecurve.store.blobs import Blobs

SETTINGS = SiteSettings("tried", 400.0, isolated=False)


def folder_of(place: Path, **files: str) -> Path:
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?\.txt", fullmatch=True), st.text(max_size=20), max_size=4))
def test_a_folder_comes_out_as_it_went_in(files: dict[str, str]) -> None:
    import tempfile  # noqa: PLC0415 - hypothesis wants a folder per example

    with tempfile.TemporaryDirectory() as place:
        before = folder_of(Path(place) / "before", **files)
        before.mkdir(exist_ok=True)
        unpack(packed(before), Path(place) / "after")
        found = {path.relative_to(Path(place) / "after").as_posix(): path.read_bytes() for path in (Path(place) / "after").rglob("*.txt")}
        assert found == {name: (before / name).read_bytes() for name in files}


def test_an_archive_depends_on_names_and_contents_alone(tmp_path: Path) -> None:
    one, two = folder_of(tmp_path / "one", a="1", b="2"), folder_of(tmp_path / "two", b="2", a="1")
    os.utime(two / "a", (0, 0))
    (two / "b").chmod(0o600)
    assert packed(one) == packed(two)
    assert key_of(packed(one)) != key_of(packed(folder_of(tmp_path / "three", a="1", b="3")))


def test_an_archive_that_leads_out_of_its_folder_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../outside"), io.BytesIO())
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpack(content.getvalue(), tmp_path / "in" / "side")
    assert list((tmp_path / "in").iterdir()) == []
    assert not (tmp_path / "outside").exists()


@pytest.fixture
def reading(tmp_path: Path) -> Job:
    """A job that reads a network, a question and evidence that lies among the sealed blobs."""
    here = folder_of(tmp_path / "driver" / "networks" / "net" / "subject", weights="1").parents[2]
    kept, sealed = Blobs(here / "blobs"), Blobs(here / "sealed" / "blobs")
    place = {"subject": str(here / "networks" / "net" / "subject"), "blobs": str(kept.folder), "device": "cpu", "network": False}
    arguments = {
        "place": place,
        "reader": "matcher",
        "question": kept.put(Brief(3)),
        "evidence": sealed.put(Brief(4)),
        "references": [kept.put(Brief(5))],
        "evidence_in": str(sealed.folder),
        "budget": 1.0,
        "seed": 7,
    }
    return Job(Trust.UNTRUSTED, "read", arguments, "reads", key="cell", seconds=5.0)


def packing_of(job: Job) -> Packing:
    shipped = Shipments(lambda archive: archive).of(job)
    return packing(job, {path: key for path, (key, _) in shipped.items()})


def test_a_job_finds_elsewhere_what_it_reads(reading: Job, tmp_path: Path) -> None:
    parcel = packing_of(reading).parcel()
    assert str(tmp_path) not in repr(parcel), "a place of the driver's machine was sent"
    job = unpacked(parcel, tmp_path / "node" / "folders", tmp_path / "node" / "job", tmp_path / "node" / "cache")
    assert (job.do, job.trust, job.key, job.seconds) == (reading.do, reading.trust, reading.key, reading.seconds)
    arguments = job.arguments
    assert Blobs(Path(arguments["place"]["blobs"])).get(arguments["question"]) == Brief(3)
    assert Blobs(Path(arguments["place"]["blobs"])).get(arguments["references"][0]) == Brief(5)
    assert Blobs(Path(arguments["evidence_in"])).get(arguments["evidence"]) == Brief(4)
    assert arguments["place"]["subject"] == str(tmp_path / "node" / "folders" / parcel.folders[0])
    assert (arguments["budget"], arguments["seed"], arguments["place"]["network"]) == (1.0, 7, False)


def test_what_a_job_makes_elsewhere_is_kept_here(reading: Job, tmp_path: Path) -> None:
    pack = packing_of(reading)
    parcel, node = pack.parcel(), tmp_path / "node"
    job = unpacked(parcel, node / "folders", node / "job", node / "cache")
    made = Evidence((Text("seen"),))
    key = Blobs(Path(job.arguments["place"]["blobs"])).put(made)
    value = {"answer": key, "forward": 1.0}
    came = made_blobs(parcel, {**value, "note": job.arguments["question"]}, node / "job")
    assert len(came) == 1, "what was sent along does not come back"
    outcome = pack.taken_in(Reply({"value": value, "seconds": 2.0}, came))
    assert (outcome.value, outcome.seconds) == (value, 2.0)
    assert Blobs(Path(reading.arguments["place"]["blobs"])).get(key) == made


@pytest.mark.parametrize("name", ["0/ab/" + "ab" * 16 + ".safetensors", "../x.safetensors", "7/ab/" + "ab" * 16 + ".safetensors"])
def test_a_blob_that_is_not_what_its_name_says_is_not_kept(reading: Job, name: str) -> None:
    pack = packing_of(reading)
    before = sorted(Path(reading.arguments["place"]["blobs"]).rglob("*"))
    with pytest.raises(DataError, match=r"damaged blob|strange name"):
        pack.taken_in(Reply({"value": {}}, {name: b"something else"}))
    kept = [path for path in Path(reading.arguments["place"]["blobs"]).rglob("*") if path.is_file()]
    assert sorted(kept) == [path for path in before if path.is_file()]


def test_a_job_whose_records_are_gone_is_told_before_it_is_sent(reading: Job) -> None:
    Blobs(Path(reading.arguments["place"]["blobs"])).path(reading.arguments["question"]).unlink()
    with pytest.raises(DataError, match="a blob is missing"):
        packing_of(reading).parcel()


def test_a_folder_that_a_job_fills_comes_back_whole(tmp_path: Path) -> None:
    (tmp_path / "building").mkdir()
    job = Job(Trust.TRUSTED, "plant_network", {"folder": str(tmp_path / "building"), "cache": str(tmp_path / "cache"), "seed": 1}, "plants")
    pack = packing(job, {})
    there = unpacked(pack.parcel(), tmp_path / "folders", tmp_path / "job", tmp_path / "node-cache")
    assert there.arguments["cache"] == str(tmp_path / "node-cache")
    folder_of(Path(there.arguments["folder"]), network="weights")
    pack.taken_in(Reply({"value": {"cases": []}}, {}, packed(Path(there.arguments["folder"]))))
    assert (tmp_path / "building" / "network").read_text() == "weights"


def test_a_network_is_put_once_and_makes_room_for_others(reading: Job) -> None:
    put: list[bytes] = []

    def keep(archive: bytes) -> int:
        put.append(archive)
        return len(put)

    shipments = Shipments(keep, most_bytes=1)
    first = shipments.of(reading)
    assert shipments.of(reading) == first
    assert len(put) == 1
    other = folder_of(Path(reading.arguments["place"]["subject"]).parent / "other", weights="2")
    shipments.of(Job(Trust.UNTRUSTED, "look", {"place": {"subject": str(other)}}, "looks"))
    shipments.of(reading)
    assert len(put) == 3, "what others needed the room of was not put again"


class Crew:
    """Workers that lose each job so often as they are told to, and then do it."""

    def __init__(self, losses: dict[str, int], slots: int = 3, seed: int = 0) -> None:
        self.slots = slots
        self.losses = dict(losses)
        self.has: dict[int, Job] = {}
        self.begun: list[str] = []
        self.chance = random.Random(seed)
        self.closed = False

    def room(self) -> int:
        return self.slots - len(self.has)

    def present(self) -> int:
        return self.slots

    def isolation(self) -> Isolation:
        return NONE

    def give(self, ticket: int, job: Job) -> None:
        if job.key == "unreadable":
            raise DataError("a blob is missing: x")
        self.has[ticket] = job
        self.begun.append(job.key)

    def collect(self, seconds: float) -> list[tuple[int, Outcome | Loss]]:
        ended: list[tuple[int, Outcome | Loss]] = []
        for ticket, job in self.chance.sample(sorted(self.has.items()), k=min(2, len(self.has))):
            del self.has[ticket]
            left = self.losses.get(job.key, 0)
            self.losses[job.key] = left - 1
            ended.append((ticket, Loss.BEGUN if left > 0 else Outcome({"key": job.key})))
        return ended

    def close(self) -> None:
        self.closed = True


def time_job(key: str) -> Job:
    return Job(Trust.TRUSTED, "time_pass", {"folder": key}, key, key=key)


def remote(crew: Crew, tmp_path: Path) -> RemoteEngine:
    return RemoteEngine(lambda: crew, Pool(1, tmp_path / "logs", 400.0))


@given(losses=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, TRIES - 1)), seed=st.integers(0, 99))
def test_every_job_has_one_outcome_whatever_workers_are_lost(losses: dict[str, int], seed: int) -> None:
    crew, ended = Crew(losses, seed=seed), []

    def done(job: Job, outcome: Outcome) -> Iterable[Job]:
        ended.append((job.key, outcome.failed))
        return [time_job(f"{job.key}-follows")] if len(job.key) == 1 else ()

    with remote(crew, Path(os.devnull)) as engine:
        engine.run([time_job(key) for key in "abcdefgh"], done)
    wanted = [name for key in "abcdefgh" for name in (key, f"{key}-follows")]
    assert sorted(ended) == sorted((name, False) for name in wanted)
    assert crew.closed
    assert all(crew.begun.count(key) == 1 + losses.get(key, 0) for key in wanted)


def test_a_job_that_is_lost_again_and_again_or_cannot_be_sent_is_told_as_lost(tmp_path: Path) -> None:
    found: dict[str, Outcome] = {}

    def done(job: Job, outcome: Outcome) -> Iterable[Job]:
        found[job.key] = outcome
        return ()

    with remote(Crew({"bad": 99}), tmp_path) as engine:
        engine.run([time_job("bad"), time_job("unreadable"), time_job("fine")], done)
    assert (found["bad"].lost, found["bad"].reason) == (True, f"its worker was lost {TRIES} times")
    assert (found["unreadable"].lost, found["unreadable"].reason) == (True, "a blob is missing: x")
    assert not found["fine"].failed


def test_ctrl_c_lets_jobs_under_way_end_and_gives_out_no_more(tmp_path: Path) -> None:
    crew, ended = Crew({}), []

    def done(job: Job, outcome: Outcome) -> Iterable[Job]:
        ended.append(job.key)
        if len(ended) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return [time_job("follows")] if len(ended) < 60 else ()

    with remote(crew, tmp_path) as engine, pytest.raises(KeyboardInterrupt):
        engine.run([time_job(str(number)) for number in range(20)], done)
    assert sorted(ended) == sorted(crew.begun), "a job was given out or broken off after Ctrl-C"
    assert len(ended) < 10
    assert crew.closed


def test_a_run_without_workers_ends_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crew = Crew({}, slots=0)
    monkeypatch.setattr(dispatch, "NOBODY", 0.05)
    monkeypatch.setattr(crew, "collect", lambda seconds: time.sleep(0.02) or [])
    with remote(crew, tmp_path) as engine, pytest.raises(OneCurveError, match="no worker has been there"):
        engine.run([time_job("a")], lambda job, outcome: ())


def test_a_pool_of_its_own_does_jobs_and_its_end_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "empty.py"
    file.write_text("class Tool: ...")
    pool = PoolProcess(PoolSettings(str(tmp_path / "logs"), 400.0), {"OMP_NUM_THREADS": "1"}, str(tmp_path))
    job = Job(Trust.UNTRUSTED, "describe", {"address": "empty.py:Tool"}, "describes")
    assert "has none of `look`" in pool.do(job).reason
    pool._process.kill()
    with pytest.raises(PoolGoneError):
        pool.do(job)
    pool.close()


def test_a_site_removes_what_was_sent_when_the_last_one_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = folder_of(tmp_path / f"onecurve-site-dead-{os.getuid()}" / "alive", **{"999999-1": ""}).parent
    one, two = Site(SETTINGS), Site(SETTINGS)
    assert not dead.exists(), "what a dead worker left stays for ever"
    one.receive("k" * 32, packed(folder_of(tmp_path / "sent", a="1")))
    assert two.lacking(["k" * 32, "other"]) == ["other"]
    assert one.root == two.root
    two.close()
    require_fit(one.greeting())
    one.close()
    assert not one.root.exists()


def test_a_worker_with_other_versions_is_refused() -> None:
    other = Greeting("node-7", {**versions(), "torch": "1.0"}, NONE)
    with pytest.raises(UsageError, match=r"node-7 has torch 1\.0 in place of"):
        require_fit(other)


def test_a_worker_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings = replace(SETTINGS, run="lacking", files=(str(tmp_path / "tool.py"), str(tmp_path)), device="cuda:99", whole=True)
    site = Site(settings)
    lacks = site.greeting().lacks
    site.close()
    assert lacks[0] == f"cannot read {tmp_path / 'tool.py'}"
    assert [words.partition(" (")[0] for words in lacks[1:]] == ["cannot isolate cells as is required", "has no device cuda:99"]
    with pytest.raises(UsageError, match=r"node-7 cannot read"):
        require_fit(Greeting("node-7", versions(), NONE, lacks))


def test_a_choice_of_engine_that_cannot_be_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="no engine is called: rya"):
        EngineChoice("rya")
    with pytest.raises(UnknownNameError, match="option of the engine `ray`"):
        EngineChoice("ray", options={"cpu": "2"})
    with pytest.raises(UsageError, match="takes no address"):
        EngineChoice(address="auto")
    place = Workplace(1, tmp_path / "logs", 400.0, None, required=False, device="cpu", files=())
    for option in ("cpus=many", "cpus=0", "gpus=-1", "memory_mb=inf"):
        name, _, value = option.partition("=")
        with pytest.raises(SpecError, match=f"{name} is a number of"):
            EngineChoice("ray", options={name: value})
    with pytest.raises(SpecError, match="whole numbers"):
        EngineChoice("slurm", jobs=1, options={"gpus": "0.5"})
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtraError, match="needs the extra: ray"), engine_of(EngineChoice("ray"), place):
        pass


def test_numbers_survive_the_way(reading: Job) -> None:
    value = {"shares": [0.1 + 0.2, float(np.float32(1 / 3))]}
    assert packing_of(reading).taken_in(Reply({"value": value})).value == value
