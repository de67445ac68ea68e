"""A run whose rows are in PostgreSQL and whose blobs are in a bucket goes on in an empty folder, as on another machine."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from postgres_server import PostgresServer
from tiny_world import draw_always, named, seedless, suite_of

from onecurve.core.digests import digest_of, write_digests
from onecurve.core.errors import DataError, UsageError
from onecurve.core.row import Row
from onecurve.report.rows.loading import load_results
from onecurve.runner.engine.jobs import Job
from onecurve.runner.phases.network_copies import MARKER, fetch_network, is_network, send_network
from onecurve.runner.run import Place, run_suite
from onecurve.runner.sealed import SEED, sealed_file, seed_of_run, settled
from onecurve.runner.soundness import check_run
from onecurve.store.remote import opened_remote
from onecurve.store.store import Store

CLOCKED = {"seconds": 0.0, "peak_mb": 0.0, "cpu_seconds": 0.0, "passes": 0.0}


class MachineGoneError(Exception):
    """The machine is taken away."""


class Watching:
    """A display that counts what there is to do, and whose machine goes away after so many cells."""

    def __init__(self, cells: int = 99) -> None:
        self.todo: dict[str, int] = {}
        self._left = cells

    def phase(self, words: str, total: int) -> None:
        self.todo[words] = total

    def done(self, steps: int, failed: bool) -> None:
        if "answer and grade" in self.todo:
            self._left -= steps
        if self._left <= 0:
            raise MachineGoneError

    def running(self, jobs: Iterable[tuple[Job, float]]) -> None: ...

    def say(self, words: str) -> None: ...


def rows_in(folder: Path) -> tuple[Row, ...]:
    with Store.read(folder) as store:
        return tuple(replace(row, **CLOCKED) for row in store.rows())


def test_it_goes_on_and_does_nothing_twice(
    cache: Path, tmp_path: Path, postgres: PostgresServer, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_always(1_414_213_562_373_095, monkeypatch)
    suite = seedless(suite_of(*named("Random", "Abstains"))).changed({"references": 0})
    store, blobs = f"{postgres.address}#{tmp_path.name[-20:].strip('_')}", f"{bucket}/{tmp_path.name}"
    first = Place(tmp_path / "first", cache, 1, store=store, blobs=blobs)
    with pytest.raises(MachineGoneError):
        run_suite(suite, first, Watching(cells=1))
    before = rows_in(first.out)

    second, seen = Place(tmp_path / "second", tmp_path / "other-cache", 1, store=store, blobs=blobs), Watching()
    run_suite(suite, second, seen)
    assert "plant" not in seen.todo
    assert not (second.cache / "weights").exists()
    assert seen.todo["ask"] == 0
    after = rows_in(second.out)
    assert 0 < len(before) < len(after)
    assert all(row in after for row in before if row.status != "pending")

    with Store.read(second.out) as there:
        seed = seed_of_run(there)
    run_suite(suite.changed({"seed": seed}), Place(tmp_path / "undisturbed", cache, 1))
    assert after == rows_in(tmp_path / "undisturbed") == rows_in(first.out)
    for out in (first.out, second.out):
        assert check_run(out).faults == ()
    assert load_results(second.out).displays.keys() == load_results(tmp_path / "undisturbed").displays.keys()


def test_without_a_remote_place_it_says_what_is_missing(cache: Path, tmp_path: Path, postgres: PostgresServer) -> None:
    suite = suite_of(*named("Random"))
    store = f"{postgres.address}#without"
    run_suite(suite, Place(tmp_path / "first", cache, 1, store=store))
    with pytest.raises(DataError, match="a blob is missing"):
        run_suite(suite, Place(tmp_path / "second", cache, 1, store=store))
    with pytest.raises(UsageError, match="holds a run with other networks"):
        run_suite(suite.changed({"seed": 5}), Place(tmp_path / "third", cache, 1, store=store))


def test_a_drawn_seed_lies_in_the_sealed_part_of_the_remote_place(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", blobs=f"file://{tmp_path}/shared") as store:
        suite = seedless(suite_of("edges"))
        drawn = settled(suite, store)
        store.note("planting", drawn.planting_key)
        sealed_file(store.folder, SEED).unlink()
        assert settled(suite, store).seed == drawn.seed
        (copy,) = (tmp_path / "shared").rglob("*.json")
        assert copy.relative_to(tmp_path / "shared").parts[0] == "sealed"
        assert sealed_file(store.folder, SEED).parent.stat().st_mode & 0o777 == 0o700


def test_a_network_in_the_remote_place_is_checked_when_it_is_fetched(tmp_path: Path) -> None:
    remote = opened_remote(f"file://{tmp_path}/shared")
    planted = tmp_path / "planted"
    (planted / "subject").mkdir(parents=True)
    (planted / "subject" / "weights").write_bytes(b"weights")
    write_digests(planted)
    (planted / MARKER).write_text("a-key")
    send_network(remote, "a-key", planted)
    assert not fetch_network(remote, "other", tmp_path / "none")
    assert fetch_network(remote, "a-key", tmp_path / "fetched")
    assert sorted(path.name for path in (tmp_path / "fetched").rglob("*")) == ["digests.json", "subject", "weights"]
    assert is_network(tmp_path / "fetched", digest_of(planted / "digests.json"))
    assert not is_network(tmp_path / "fetched", "0" * 64)
    (archive,) = (tmp_path / "shared").rglob("*.tar")
    for damage in (archive.read_bytes().replace(b"weights" + bytes(9), b"WEIGHTS" + bytes(9)), b"no archive"):
        archive.write_bytes(damage)
        with pytest.raises(DataError, match="damaged: file://"):
            fetch_network(remote, "a-key", tmp_path / "again")
        assert not (tmp_path / "again").exists()
