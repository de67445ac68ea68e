"""The phases of a run: planting is gone on with and shared, one failure costs its own network, a look that fails costs its readers."""

import json
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file
from tiny_world import RECIPE, named, suite_of

from onecurve.core.case import Population
from onecurve.core.errors import DataError, SpecError, UsageError
from onecurve.core.grade import Status
from onecurve.core.row import Role
from onecurve.runner.commands.harden import hardened
from onecurve.runner.commands.sample import sampled_cases
from onecurve.runner.engine.jobs import Job
from onecurve.runner.handlers.trusted import planting_facts
from onecurve.runner.networks import wanted_networks
from onecurve.runner.phases.plant import RECORD, PlantedNetwork, _keep
from onecurve.runner.run import Place, plant_suite, regrade, run_suite
from onecurve.store.store import Store
from onecurve.tasks.detect import prior_worth

TOO_MUCH = "patch[poison_rate=0.3,sources=2]"
"""More images than two classes of ten have: a flaw that cannot be planted."""


class Told:
    """A display that keeps what it is told."""

    def __init__(self) -> None:
        self.phases: list[tuple[str, int]] = []
        self.said: list[str] = []
        self.steps = 0
        self.failed = 0

    def phase(self, words: str, total: int) -> None:
        self.phases.append((words, total))

    def done(self, steps: int, failed: bool) -> None:
        self.steps += steps
        self.failed += failed

    def running(self, jobs: Iterable[tuple[Job, float]]) -> None:
        assert all(seconds >= 0 for _, seconds in jobs)

    def say(self, words: str) -> None:
        self.said.append(words)


def inodes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_ino for path in folder.rglob("*.safetensors")}


def test_a_run_goes_on_from_what_was_planted_before(cache: Path, tmp_path: Path) -> None:
    suite, place = suite_of(*named("Uniform")), Place(tmp_path / "out", cache, 2)
    records, unplanted = plant_suite(suite, place)
    assert unplanted == {}
    assert sorted((record.flaw, record.admitted) for record in records) == [("clean", True), ("patch", True)]
    before = inodes(tmp_path / "out" / "networks")
    told = Told()
    run_suite(suite, place, told)
    assert inodes(tmp_path / "out" / "networks") == before
    assert "plant" not in [words for words, _ in told.phases]


def test_networks_are_planted_once_for_all_runs_that_share_a_cache(tmp_path: Path) -> None:
    suite = suite_of(*named("Uniform"))
    first, second = Told(), Told()
    plant_suite(suite, Place(tmp_path / "one", tmp_path / "cache", 2), first)
    plant_suite(suite, Place(tmp_path / "two", tmp_path / "cache", 2), second)
    assert ("plant", 2) in first.phases
    assert "plant" not in [words for words, _ in second.phases]
    for file in (tmp_path / "one" / "networks").rglob("*.safetensors"):
        other = tmp_path / "two" / file.relative_to(tmp_path / "one")
        assert other.read_bytes() == file.read_bytes()
    assert list((tmp_path / "cache" / "building").iterdir()) == []


def test_no_two_networks_of_a_run_share_their_training_flawed_clean_or_reference(cache: Path, tmp_path: Path) -> None:
    suite = suite_of(*named("Uniform")).changed({"networks": [{"flaws": ["patch"], "count": 2}, {"flaws": ["decoy"]}, {"count": 2}]})
    plant_suite(suite, Place(tmp_path / "out", cache, 2))
    twins = sorted((tmp_path / "out" / "networks").rglob("twin.safetensors"))
    networks = sorted((tmp_path / "out" / "networks").rglob("network.safetensors"))
    assert len(twins) == len(networks) == 6
    states = [load_file(path) for path in twins]
    for one, other in combinations(states, 2):
        assert not any(np.array_equal(one[name], other[name]) for name in one if name.endswith("weight") and one[name].ndim > 1)


def test_a_reason_that_concerns_many_networks_is_told_once(cache: Path, tmp_path: Path) -> None:
    suite = suite_of(*named("Uniform")).changed({"networks": [{"flaws": ["patch"]}, {"flaws": [TOO_MUCH], "count": 2}]})
    told = Told()
    _, unplanted = plant_suite(suite, Place(tmp_path / "out", cache, 2), told)
    assert len(unplanted) == 2
    assert len([words for words in told.said if "could not be planted" in words]) == len(set(unplanted.values()))


def test_each_repeat_asks_the_solver_with_another_seed(cache: Path, tmp_path: Path) -> None:
    suite = suite_of(*named("Random")).changed({"repeats": 3})
    run_suite(suite, Place(tmp_path / "out", cache, 2))
    run_suite(suite, Place(tmp_path / "again", cache, 2))
    answers = []
    for folder in ("out", "again"):
        with Store.read(tmp_path / folder) as store:
            answers.append({row.repeat: row.answer for row in store.rows() if row.tool == "random"})
    assert answers[0] == answers[1]
    assert sorted(answers[0]) == [0, 1, 2]
    assert len(set(answers[0].values())) == 3


@pytest.mark.parametrize("when", ["before", "in between"])
def test_a_network_that_another_process_kept_first_is_taken_as_it_is(when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = SimpleNamespace(cache=tmp_path / "cache", out=tmp_path / "out", network_folder=lambda name: tmp_path / "out" / name)
    session.store = SimpleNamespace(note=lambda name, value, *, anew: None, is_shared=False, holdings=SimpleNamespace(remote=None))
    session.display = SimpleNamespace(say=lambda words: None)
    kept, built = tmp_path / "cache" / "networks" / "key", tmp_path / "built"
    for folder in (tmp_path / "out", built):
        folder.mkdir()
    rename = Path.rename

    def keep_theirs() -> None:
        kept.mkdir(parents=True)
        (kept / RECORD).write_text(json.dumps({"cases": ["theirs"], "records": []}))

    def renamed(path: Path, target: Path) -> Path:
        if path == built and when == "in between":
            keep_theirs()
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", renamed)
    if when == "before":
        keep_theirs()
    else:
        kept.parent.mkdir(parents=True)
    _keep(session, SimpleNamespace(key="key", name="net-1"), {"cases": ["ours"], "records": []}, built)
    assert json.loads((tmp_path / "out" / "net-1" / RECORD).read_text())["cases"] == ["theirs"]
    assert not built.exists()


def test_a_network_that_cannot_be_planted_costs_itself_alone(cache: Path, tmp_path: Path) -> None:
    suite = suite_of(*named("Uniform")).changed({"networks": [{"flaws": ["patch"]}, {"flaws": [TOO_MUCH]}]})
    told = Told()
    records, unplanted = plant_suite(suite, Place(tmp_path / "out", cache, 2), told)
    assert len(records) == 2
    (reason,) = unplanted.values()
    assert "training images can carry this flaw, wanted: 60" in reason
    assert any(reason in words for words in told.said)
    assert told.failed == 1
    run_suite(suite, Place(tmp_path / "out", cache, 2), told)
    with Store.read(tmp_path / "out") as store:
        rows = store.rows()
    assert len({row.subject for row in rows}) == 1
    assert {row.status for row in rows} == {Status.GRADED}


def test_a_run_whose_every_network_fails_says_why(cache: Path, tmp_path: Path) -> None:
    suite = suite_of(*named("Uniform")).changed({"networks": [{"flaws": [TOO_MUCH]}], "references": 0})
    with pytest.raises(
        UsageError, match=r"no network could be planted: net-1 could not be planted: only \d+ training images can carry this flaw"
    ) as caught:
        plant_suite(suite, Place(tmp_path / "out", cache, 2))
    assert caught.value.hint == "lower the rates or draw more images"


def test_refused_flaws_are_counted_with_the_reason_and_a_run_of_them_alone_ends(cache: Path, tmp_path: Path) -> None:
    told = Told()
    strict = {"recipe": {**RECIPE, "gate": {"clean_drop": 1.0, "above_chance": -1.0}}}
    both = suite_of(*named("Uniform")).changed({"networks": [{}, {"flaws": ["patch"]}], **strict})
    plant_suite(both, Place(tmp_path / "out", cache, 2), told)
    (words,) = told.said
    assert words.startswith("1 of 3 plants were refused:\n  patch in net-")
    alone = suite_of(*named("Uniform")).changed({"networks": [{"flaws": ["patch"]}], **strict})
    with pytest.raises(UsageError, match="no network could be planted: 1 of 2 plants were refused"):
        plant_suite(alone, Place(tmp_path / "alone", cache, 2))


def test_a_planted_network_is_named_by_its_kinds_without_their_settings() -> None:
    suite = suite_of("edges").changed({"networks": [{"flaws": ["style[texture=0.2]", "patch[poison_rate=0.2]", "patch"]}, {}]})
    kinds = {PlantedNetwork(network, "", ()).kinds for network in wanted_networks(suite, (), "cpu")}
    assert kinds == {"patch+style", "clean"}


def test_a_failed_look_costs_everyone_who_waited_for_it_and_is_paid_for_once_each(cache: Path, tmp_path: Path) -> None:
    (tool,) = named("ShowsNonsense")
    suite = suite_of(f"{tool}@outlier", *named("Uniform"))
    ending = run_suite(suite, Place(tmp_path / "out", cache, 2))
    with Store.read(tmp_path / "out") as store:
        rows = [row for row in store.rows() if row.role is not Role.REFERENCE_POINT]
        looks = store.looks()
    failed = [row for row in rows if row.status is Status.FAILED]
    assert {row.solver for row in failed} == {"shows-nonsense@outlier"}
    assert all(row.reason.startswith("the look failed: ClassScores must be finite") for row in failed)
    assert all("ClassScores" in row.traceback and row.answer == row.evidence == "" for row in failed)
    assert {row.status for row in rows if row not in failed} == {Status.GRADED}
    assert {look.evidence for look in looks.values() if look.reason} == {""}
    assert ending.failed == len(failed) > 0


def test_steps_that_are_told_add_up_to_the_phases(cache: Path, tmp_path: Path) -> None:
    suite, place = suite_of(*named("Uniform", "Raises", "Abstains", "NeedsMore")), Place(tmp_path / "out", cache, 2)
    plant_suite(suite, place)
    for _ in range(2):
        told = Told()
        run_suite(suite, place, told)
        phases = dict(told.phases)
        assert phases["answer and grade"] == 4
        assert told.steps == sum(phases.values())


def test_grading_again_before_anything_was_planted_says_so(cache: Path, tmp_path: Path) -> None:
    Store.create(tmp_path / "out").close()
    with pytest.raises(DataError, match="no finished planting in"):
        regrade(Place(tmp_path / "out", cache, 1))
    with pytest.raises(DataError, match="no finished planting in"):
        hardened(tmp_path / "out", 1)


def test_a_run_without_any_look_cannot_be_hardened(cache: Path, tmp_path: Path) -> None:
    plant_suite(suite_of(*named("Uniform")), Place(tmp_path / "out", cache, 2))
    with pytest.raises(UsageError, match="no solver has looked at any network"):
        hardened(tmp_path / "out", 1)


def test_a_mistake_found_before_planting_leaves_no_folder_behind(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        run_suite(suite_of("edges[size=3]"), Place(tmp_path / "out", cache, 1))
    assert not (tmp_path / "out").exists()
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError):
        run_suite(suite_of("edges[size=3]"), Place(tmp_path / "kept", cache, 1))
    assert (tmp_path / "kept" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("other", ["another file", "another class"])
def test_two_solvers_of_one_name_are_refused_before_their_rows_mix(cache: Path, tmp_path: Path, other: str) -> None:
    text = Path(named("Uniform")[0].partition(":")[0]).read_text()
    mine, yours = tmp_path / "mine.py", tmp_path / "yours.py"
    mine.write_text(text.replace('"random"', '"uniform"'))
    yours.write_text(text)
    second = f"{yours}:Uniform" if other == "another file" else f"{mine}:Random"
    with pytest.raises(SpecError, match="two different solvers are called: uniform"):
        run_suite(suite_of(f"{mine}:Uniform", second), Place(tmp_path / "out", cache, 1))


@pytest.mark.parametrize(
    ("solvers", "message"),
    [
        (("finetune@outlier",), "hands back a network by itself and takes no reader"),
        (("noise",), "write noise@unlearn"),
        (("oracle@edges",), "`edges` is a tool, wanted: a reader"),
    ],
)
def test_a_solver_put_together_wrongly_is_told_how(cache: Path, tmp_path: Path, solvers: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        run_suite(suite_of(*solvers), Place(tmp_path / "out", cache, 1))
    assert message in f"{caught.value} {caught.value.hint}"


def test_an_edited_solver_is_another_one(cache: Path, tmp_path: Path) -> None:
    """The facts of a solver are asked again when its file has changed."""
    file = tmp_path / "mine.py"
    text = Path(named("Uniform")[0].partition(":")[0]).read_text()
    keys = []
    for version in (1, 2):
        file.write_text(text.replace("version: ClassVar[int] = 1", f"version: ClassVar[int] = {version}"))
        run_suite(suite_of(f"{file}:Uniform"), Place(tmp_path / "out", cache, 2))
        with Store.read(tmp_path / "out") as store:
            keys.append({row.key for row in store.rows() if row.role is Role.OWN_READER})
    assert keys[0] < keys[1]
    assert len(keys[1]) == 2 * len(keys[0])


def test_what_a_suite_would_plant_is_sampled_without_planting() -> None:
    suite = suite_of("edges").changed({"networks": [{"flaws": ["patch", "style"]}, {}]})
    cases = sampled_cases(suite, 5)
    assert [case["kind"] for case in cases] == ["patch", "style", "clean", "patch", "style"]
    assert [case["flaws_in_network"] for case in cases] == [2, 2, 1, 2, 2]
    assert cases[0]["words"] != cases[3]["words"], "another turn, another seed"
    assert cases == sampled_cases(suite, 5)
    assert {(case["insertion"], case["epochs"]) for case in cases} == {("joint", 1)}


def test_the_floor_of_detect_follows_the_admitted_networks_whatever_the_cache_holds(tmp_path: Path) -> None:
    two, four = [{"flaws": ["patch"]}, {}], [{"flaws": ["patch"]}, {}, {}, {"flaws": [TOO_MUCH]}]

    def floors(networks: list[dict[str, list[str]]], out: str, cache: str) -> list[float]:
        suite = suite_of(*named("Uniform")).changed({"networks": networks, "references": 0})
        run_suite(suite, Place(tmp_path / out, tmp_path / cache, 2))
        with Store.read(tmp_path / out) as store:
            return [row.floor for row in store.rows()]

    # Two are clean and one is flawed; the fourth cannot be planted. The announced share of clean ones is the design's, one half.
    assert floors(four, "four", "one") == pytest.approx([prior_worth(Population(2 / 3, 1, 10, announced=1 / 2))] * 9)
    assert floors(two, "two", "one") == pytest.approx([prior_worth(Population(1 / 2, 1, 10))] * 6)
    assert floors(two, "fresh", "fresh") == floors(two, "again", "one")


def test_a_policy_that_never_looks_earns_nothing_over_the_admitted_networks(tmp_path: Path, cache: Path) -> None:
    networks = [{"flaws": ["patch"]}, {}, {"flaws": [TOO_MUCH]}]
    suite = suite_of(*named("AlwaysNone")).changed({"networks": networks, "references": 0})
    run_suite(suite, Place(tmp_path / "out", cache, 2))
    with Store.read(tmp_path / "out") as store:
        skills = [row.skill for row in store.rows() if row.tool == "always-none"]
    assert len(skills) == 2
    assert sum(skills) < 0


def test_what_is_odd_about_a_persons_own_images_and_network_is_told_before_anything_runs(tmp_path: Path) -> None:
    for label in range(2):
        (tmp_path / "set" / str(label)).mkdir(parents=True)
        for index in range(12):
            pixels = np.random.default_rng(100 * label + index).integers(0, 256, (16, 16, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "set" / str(label) / f"{index}.png")
    (tmp_path / "net.py").write_text(
        "from torch import nn\ndef make(shape, classes):\n    return nn.Sequential(nn.Flatten(), nn.Linear(768, classes), nn.Softmax(1))\n"
    )
    recipe = {"data": f"folder:{tmp_path / 'set'}", "model": f"{tmp_path / 'net.py'}:make", "training": {"epochs": 1}}
    told = planting_facts([recipe, recipe], [])["told"]
    assert "24 images of 2 classes (12 to 12 each), 16 x 16 pixels" in told[0]
    assert told[1].endswith("net.py:make: left out the softmax or sigmoid at its end")
    assert planting_facts([{"data": "digits", "model": "six-conv"}], [])["told"] == []


def test_the_clean_images_of_a_look_are_carried_to_the_rows_of_all_who_read_it(cache: Path, tmp_path: Path) -> None:
    (whole,) = named("ShowsScores")
    suite = suite_of("mm-bd@outlier", f"{whole}@outlier", "test-set@outlier", *named("Raises")).changed({"look_budgets": [20]})
    run_suite(suite, Place(tmp_path / "out", cache, 2))
    with Store.read(tmp_path / "out") as store:
        rows = [row for row in store.rows() if row.role is not Role.REFERENCE_POINT]
        looks = store.looks()
    images = {row.subject: load_file(tmp_path / "out" / "networks" / row.subject / "subject" / "clean.safetensors") for row in rows}
    held = {subject: len(arrays["labels"]) for subject, arrays in images.items()}
    counts = {(row.solver, row.subject): row.clean_images for row in rows}
    assert set(counts) == {
        (solver, subject) for solver in ("mm-bd@outlier", "shows-scores@outlier", "test-set@outlier", "raises@raises") for subject in held
    }
    for (solver, subject), count in counts.items():
        assert count == {"mm-bd@outlier": 0, "shows-scores@outlier": held[subject], "test-set@outlier": 20, "raises@raises": None}[solver]
    assert {look.cost.clean_images for look in looks.values()} == {0, 20, *held.values()}
