"""A run without a seed draws one, keeps it to itself, and tells it at the end."""

import json
from pathlib import Path

import pytest
from tiny_world import RECIPE, draw_always, learnt, named, seedless, suite_of

from onecurve.bench.planting import Setting, plant_together
from onecurve.bench.running import Run
from onecurve.core.errors import DataError, SpecError, UsageError
from onecurve.flaws.catalog import FLAWS
from onecurve.models.steps import no_progress
from onecurve.report.rows.loading import load_results
from onecurve.runner.commands import plant as commands
from onecurve.runner.engine.jobs import Trust
from onecurve.runner.networks import wanted_networks
from onecurve.runner.run import Place, plant_suite, run_suite
from onecurve.runner.sealed import drawn_seed, given_seed, kept_seed, sealed_file, settled
from onecurve.runner.session import Session, Silent
from onecurve.runner.suite import Suite
from onecurve.store.store import Store


def seedless_suite(*solvers: str) -> Suite:
    return seedless(suite_of(*(solvers or named("Random"))))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without a seed."""
    out = tmp_path_factory.mktemp("seeds")
    with pytest.MonkeyPatch.context() as patch:
        draw_always(3_141_592_653_589_793, patch)
        run_suite(seedless_suite(), Place(out / "run", out / "cache", 2))
    return out


def test_the_seed_stands_in_the_sealed_part_alone(drawn: Path) -> None:
    seed = kept_seed(drawn / "run")
    assert seed is not None
    assert seed >= 2**20, "as good as never so small"
    assert sealed_file(drawn / "run", "seed.json").stat().st_mode & 0o077 == 0
    assert sealed_file(drawn / "run", "seed.json").parent.stat().st_mode & 0o077 == 0
    for path in (drawn / "run").rglob("*"):
        if path.is_file() and "sealed" not in path.parts:
            content = path.read_bytes()
            assert not any(form in content for form in (str(seed).encode(), seed.to_bytes(8, "little"), seed.to_bytes(8, "big"))), path


def test_no_cell_is_told_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed, told, plain = 7_654_321_098_765_432, [], Session.run

    def heard(jobs):
        for job in jobs:
            told.extend([(job.do, job.arguments)] if job.trust is Trust.UNTRUSTED else [])
            yield job

    monkeypatch.setattr(
        Session, "run", lambda session, jobs, done: plain(session, heard(jobs), lambda job, outcome: heard(done(job, outcome)))
    )
    suite = suite_of(*named("Random"), "top-images", "finetune", "sparse-head").changed(
        {"seed": seed, "lineups": 2, "tasks": ("detect", "discover", "repair", "replace")}
    )
    run_suite(learnt(suite), Place(tmp_path / "out", tmp_path / "cache", 2))
    assert {job for job, _ in told} >= {"look", "answer", "read", "read_lineups"}
    assert str(seed) not in repr(told)


def test_started_again_the_run_goes_on_with_its_seed(drawn: Path) -> None:
    seed, before = kept_seed(drawn / "run"), Run(drawn / "run").rows()
    run_suite(seedless_suite(), Place(drawn / "run", drawn / "cache", 2))
    assert (kept_seed(drawn / "run"), Run(drawn / "run").rows()) == (seed, before)


def test_the_end_tells_the_seed_and_the_report_does_not(drawn: Path) -> None:
    run = Run(drawn / "run")
    assert Run(str(drawn / "run")) == run  # type: ignore[arg-type]
    assert run.seed_in_words() == f"planted with seed {run.seed}, drawn for this run; `--seed {run.seed}` plants the same networks again"
    facts = load_results(drawn / "run").run
    assert (facts.seed, facts.secrecy) == (None, "drawn, secret during the run")
    assert str(run.seed) not in run.write_report().read_text()


def test_no_two_runs_draw_the_same_networks() -> None:
    suites = [seedless_suite().changed({"seed": drawn_seed()}) for _ in range(2)]
    assert len({network.seed for suite in suites for network in wanted_networks(suite, (), "cpu")}) == 4
    with pytest.raises(SpecError, match="has no seed yet"):
        wanted_networks(seedless_suite(), (), "cpu")


def test_the_seed_told_at_the_end_plants_the_same_again(drawn: Path, tmp_path: Path) -> None:
    seed = Run(drawn / "run").seed
    plant_suite(suite_of(*named("Random")).changed({"seed": seed}), Place(tmp_path / "again", drawn / "cache", 2))
    facts = load_results(tmp_path / "again").run
    assert facts.secrecy == f"{seed}, given beforehand: whoever knows the suite and the seed can compute every truth"
    for network in (drawn / "run" / "networks").iterdir():
        weights = (place / network.name / "subject" / "network.safetensors" for place in (network.parent, tmp_path / "again" / "networks"))
        assert len({path.read_bytes() for path in weights}) == 1
    assert kept_seed(tmp_path / "again") is None


def test_a_given_seed_is_kept_by_the_run_and_no_other_is_taken(cache: Path, tmp_path: Path) -> None:
    place = Place(tmp_path / "out", cache, 2)
    plant_suite(seedless_suite().changed({"seed": 0}), place)
    plant_suite(seedless_suite(), place)
    assert (Run(place.out).seed, kept_seed(place.out)) == (0, None)
    assert Run(place.out).seed_in_words() == "planted with seed 0; `--seed 0` plants the same networks again"
    with pytest.raises(UsageError, match="other networks"):
        plant_suite(seedless_suite().changed({"seed": 5}), place)


def test_a_seed_that_is_gone_or_damaged_is_told(tmp_path: Path) -> None:
    with Store.create(tmp_path / "out") as store:
        suite = settled(seedless_suite(), store)
        assert settled(seedless_suite(), store) == suite
        store.note("planting", suite.planting_key)
        path = sealed_file(tmp_path / "out", "seed.json")
        for text in ("", "{}", '{"seed": "7"}', json.dumps({"seed": 2**60})):
            path.write_text(text)
            with pytest.raises(DataError, match=r"seed\.json"):
                settled(seedless_suite(), store)
        path.unlink()
        with pytest.raises(UsageError, match="the seed of this run is gone"):
            settled(seedless_suite(), store)
        assert settled(seedless_suite().changed({"seed": suite.seed}), store) == suite


def test_a_suite_that_names_the_seeds_of_its_networks_says_so(cache: Path, tmp_path: Path) -> None:
    suite = seedless_suite().changed({"networks": [{"flaws": ["patch"], "recipe": {"seed": 0}, "seed": 3}], "references": 0})
    plant_suite(suite, Place(tmp_path / "out", cache, 2))
    assert "the suite names seeds of networks" in load_results(tmp_path / "out").run.secrecy


def test_every_kind_is_planted_by_the_seed_of_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = []

    def plant(suite: Suite, place: Place, display: object) -> tuple[tuple[object, ...], dict[str, str]]:
        with Store.create(place.out) as store:
            planted.append(settled(suite, store).seed)
            given = given_seed(store) if suite.seed is None else suite.seed
            store.note("suite", suite.changed({"seed": given}).model_dump_json(), anew=True)
        return (), {}

    monkeypatch.setattr(commands, "plant_suite", plant)
    for out, seeds in (("drawn", (None, None)), ("given", (5, None))):
        for seed in seeds:
            order = commands.CatalogueOrder("digits", "six-conv", seed, 1, "joint")
            found = commands.plant_catalogue(order, Place(tmp_path / out, tmp_path / "cache", 1), Silent())
            assert [record["flaw"] for record in found] == sorted(FLAWS.names())
    assert planted == [kept_seed(tmp_path / "drawn")] * 2 + [5, 5]


def test_a_network_is_planted_by_a_drawn_seed_that_stands_with_its_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONECURVE_CACHE", str(tmp_path / "cache"))
    draw_always(2_718_281_828_459_045, monkeypatch)
    recipe = {**RECIPE, "train_images": 100}
    drawn = plant_together(["patch"], Setting(seed=None, recipe=recipe), out=tmp_path / "net", progress=no_progress)
    stored = json.loads((tmp_path / "net" / "sealed" / "records.json").read_text())
    assert stored["seed"] == stored["recipe_seed"] == drawn.seed > 2**20
    assert "recipe_seed" not in drawn.records[0].facts
    again = plant_together(["patch"], Setting(seed=drawn.seed, recipe=recipe), out=tmp_path / "again" / "net", progress=no_progress)
    assert again.records[0].words == drawn.records[0].words
    files = [tmp_path / place / "subject" / "network.safetensors" for place in ("net", "again/net")]
    assert files[0].read_bytes() == files[1].read_bytes()
    for path in (tmp_path / "net" / "subject").iterdir():
        assert str(drawn.seed).encode() not in path.read_bytes()
