"""What an untrusted worker is given holds no truth, and the truth does not print itself."""

import functools
import json
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import walkers
from tiny_world import named, suite_of
from walkers import reached

from onecurve.core.case import Case, Truth
from onecurve.core.image.images import as_floats
from onecurve.core.image.trigger import Paste
from onecurve.core.row import Row
from onecurve.flaws.planting.storage import load_case
from onecurve.models.network import TorchNetwork
from onecurve.runner.isolation.walls import Wanted
from onecurve.runner.networks import wanted_networks
from onecurve.runner.run import Place, run_suite
from onecurve.runner.suite import Suite
from onecurve.store.store import Store
from onecurve.tasks.catalog import TASKS as TASKS_BY_NAME
from onecurve.tasks.machinery.suspects import suspects_of

Run = Callable[[Suite], dict[str, Row]]
TASKS = ("detect", "discover", "localise", "predict", "repair")
ROLES = {False: ("read", "bench"), True: ("read", "answer", "bench")}
"""What is walked of a task, by whether it wants a network: nobody else answers without a reader."""
LOOKS = ["blind-look", "told-look", "suspects-look"]
NAMES = [*LOOKS, *(f"{TASKS_BY_NAME.make(task).form}-{role}" for task in TASKS for role in ROLES[TASKS_BY_NAME.make(task).form.rebuilds])]
UNSHOWN = [name for name in NAMES if name.endswith("-bench") or name.startswith(("blind", "told", "classes", "repair"))]
TOY = Path(__file__).parents[1] / "flaws" / "toy_set.py"
GRADERS = {"Truth", "Case", "Triggered", "Plan", "Strength", "Population", "Effect", "CaseDisplay", "PlantRecord"}
"""Types that only the grading side has."""
TOLD = {"Brief.target", "Brief.suspects"}
"""What a brief may grant, where a task grants it; every other attribute with such a name would be the truth's."""


def test_no_truth_lives_in_a_workers_process(open_run: Run, tmp_path: Path) -> None:
    seen = tmp_path / "seen.json"
    open_run(suite_of(f"{named('LooksAround')[0]}[out={seen}]"))
    found = json.loads(seen.read_text())
    assert found["truths"] == []
    assert found["rooms"] == []
    assert found["networks"] == []
    assert not any("sealed" in words for words in found["words"])


def test_the_subjects_folder_holds_the_subject_and_nothing_else(run: Run, tmp_path: Path) -> None:
    run(suite_of(*named("Uniform")))
    for network in (tmp_path / "out" / "networks").iterdir():
        files = sorted(path.name for path in (network / "subject").rglob("*"))
        assert files == ["clean.safetensors", "network.safetensors", "subject.json"]
        record = json.loads((network / "subject" / "subject.json").read_text())
        assert set(record) == {"schema", "id", "class_names", "shape", "access", "architecture"}


def test_a_truth_does_not_print_itself(run: Run, tmp_path: Path) -> None:
    (row,) = run(suite_of(*named("Uniform"))).values()
    case = load_case(tmp_path / "out" / "networks" / row.subject, row.case)
    assert repr(case.truth) == "<sealed Truth>"
    assert "targets" not in repr(case)


def test_what_a_network_is_called_says_nothing_of_what_is_in_it() -> None:
    places = set()
    for seed in range(12):
        suite = suite_of("edges").changed({"seed": seed, "networks": [{}, {"flaws": ["patch"]}]})
        names = {network.name: network.flaws for network in wanted_networks(suite, (), "cpu") if not network.reference}
        assert sorted(names) == ["net-1", "net-2"]
        places.add(names["net-1"] == ())
    assert places == {True, False}


@dataclass(frozen=True)
class Walked:
    """What players reached in their workers, by `form-role` or what a look was told, and the case they were asked about."""

    folder: Path
    case: Case

    def words(self, name: str) -> dict[str, list[str]]:
        return json.loads((self.folder / f"{name}.json").read_text())

    def content(self, name: str) -> bytes:
        return (self.folder / f"{name}.bin").read_bytes()

    @property
    def truth(self) -> Truth:
        return self.case.truth


@pytest.fixture(scope="module")
def walked(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """One network with a patch that took, and players that look at everything they can reach."""
    place = tmp_path_factory.mktemp("walked")
    tool, reader, solver = (
        f"{walkers.__file__}:{name}[out={place / 'seen'}]" for name in ("WalkingTool", "WalkingReader", "WalkingSolver")
    )
    suite = suite_of(f"{tool}@{reader}", solver, tasks=TASKS)
    recipe = {
        **suite.recipe,
        "train_images": 2500,
        "training": {"epochs": 10},
        "heldout_images": 120,
        "gate": {"clean_drop": 2.0, "above_chance": -1.0, "strictness": 0.0, "near_miss": 2.0},
    }
    changes = {"data": f"{TOY}:Toy", "model": "six-conv[width=4]", "recipe": recipe, "networks": ({"flaws": ("patch[poison_rate=0.25]",)},)}
    # With a budget that pays for no step, noise repairs nothing, so that the question is asked.
    changes["retrain_budgets"] = (1.0,)
    run_suite(suite.changed({**changes, "references": 1}), Place(place / "out", cache, 2, isolation=Wanted.OFF))
    with Store.read(place / "out") as store:
        row = next(row for row in store.rows() if row.role != "yardstick")
    return Walked(place / "seen" / row.subject, load_case(place / "out" / "networks" / row.subject, row.case))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_the_truth_can_be_reached_from_what_a_worker_is_handed(walked: Walked, name: str) -> None:
    truth, found, content = walked.truth, walked.words(name), walked.content(name)
    assert isinstance(truth.trigger, Paste)
    assert isinstance(truth.twin, TorchNetwork)
    assert GRADERS.isdisjoint(found["types"])
    secret = {"target", "targets", "right", "effect", "sends", "trigger", "poisoned", "twin", "heldout", "triggered", "masks", "suspects"}
    assert {each for each in found["attributes"] if each.partition(".")[2] in secret} <= TOLD
    assert not any(word == truth.flaw or truth.words in word or "sealed" in word or walked.case.id in word for word in found["words"])
    arrays = [truth.trigger.patterns, truth.trigger.alphas, truth.triggered.masks, truth.poisoned, *truth.triggered.masks]
    arrays += [values.cpu().numpy() for values in truth.twin.module.state_dict().values() if values.numel() > 64]
    decoys = suspects_of(truth).decoys
    assert decoys is not None
    for array in (*arrays, *decoys, *(decoy.patterns for decoy in truth.decoys)):
        assert array.tobytes() not in content
    assert truth.triggered.masks.astype(np.float32).tobytes() not in content


def test_the_walk_reaches_what_was_granted(walked: Walked) -> None:
    network, clean = walked.case.subject.network, walked.case.subject.granted_clean()
    assert isinstance(network, TorchNetwork)
    for name in NAMES:
        content = walked.content(name)
        assert clean.images.tobytes() in content
        weights = [values.numpy().tobytes() in content for values in network.module.state_dict().values() if values.numel() > 64]
        assert weights == [name.endswith("look") or name.startswith("repaired")] * len(weights), name
    suspects = walked.content("suspects-look")
    assert any(image.tobytes() in suspects for image in suspects_of(walked.truth).images)


@pytest.mark.parametrize("name", UNSHOWN)
def test_no_image_of_the_grader_s_can_be_reached_where_no_question_shows_it(walked: Walked, name: str) -> None:
    content = walked.content(name)
    for images in (walked.truth.heldout.images, *(each.images for each in (walked.truth.triggered, walked.truth.bystanders))):
        for image in images:
            assert image.tobytes() not in content
            assert (as_floats(image) if image.dtype == np.uint8 else image).tobytes() not in content


def test_a_brief_grants_what_its_task_grants_and_no_more(walked: Walked) -> None:
    granted = {"blind": set(), "told": {"target"}, "suspects": {"target", "suspects"}}
    for told, names in granted.items():
        found = walked.words(f"{told}-look")["attributes"]
        assert {each.removeprefix("Brief.") for each in found if each.startswith("Brief.")} == names


def test_the_options_are_shown_to_readers_alone(walked: Walked) -> None:
    right = walked.truth.options[walked.truth.right]
    for name in NAMES:
        seen = right.words in walked.words(name)["words"] or right.pictures[0].tobytes() in walked.content(name)
        assert seen == (name == "lineup-read"), name


def test_the_walk_goes_wherever_a_truth_could_hide() -> None:
    @dataclass(frozen=True, slots=True)
    class Slotted:
        hidden: object

    class Plain:
        hidden: object = None

    secret, array = "a red star", np.arange(600.0)
    kept = Slotted(secret)
    plain = Plain()
    plain.hidden = secret
    module = torch.nn.Linear(2, 2)
    module.register_forward_hook(lambda *_: secret)
    places = (
        *([secret], (secret,), {secret}, {secret: 0}, {0: [secret]}, Slotted(secret), plain, plain.__repr__, secret.encode()),
        *(lambda: secret, lambda word=secret: word, functools.partial(print, secret), functools.partial(print, end=secret)),
        *((word for word in [secret]), weakref.ref(plain), kept.__repr__, np.array([secret, None], object), module),
    )
    for place in places:
        assert secret in reached(place).words, place
    for view in (array[:3], array.reshape(20, 30)[1], torch.from_numpy(array)[:2]):
        assert any(array.tobytes() in content for content in reached(view).content)
    assert secret not in reached((json, Plain, 3, None, print)).words
    assert "Slotted.hidden" in reached([kept]).attributes
