"""A clean reference network is handed to those who need one and to nobody else, and what goes through it is paid for."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from tiny_world import learnt, named, suite_of

from onecurve.core.access import Access
from onecurve.core.answer import Answer, Rebuilt
from onecurve.core.evidence import ClassScores, Evidence, Pieces
from onecurve.core.grade import Status
from onecurve.core.question import Brief, Form, Forms, Question
from onecurve.core.row import Row
from onecurve.core.workbench import Workbench
from onecurve.flaws.planting.storage import load_case
from onecurve.models.network import TorchNetwork
from onecurve.models.storage import load_subject
from onecurve.runner.handlers.untrusted import describe
from onecurve.runner.plan import AskedCase, Facts, Grid, PlannedCell, PlannedSolver, Reference, plan_cells
from onecurve.runner.run import Place, run_suite
from onecurve.runner.suite import Suite
from onecurve.store.store import Store
from onecurve.tasks.catalog import TASKS

Run = Callable[[Suite], dict[str, Row]]

TOY = Path(__file__).parents[1] / "flaws" / "toy_set.py"
IMAGES = 5
GROUP = ("digits", "six-conv")


@dataclass(frozen=True)
class Compares:
    """Asks the clean network about a few images, and writes down whether it is the network under study; then reads nothing of it."""

    name: ClassVar[str] = "compares"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "for tests"
    source: ClassVar[str] = "tests"
    needs: ClassVar[Access] = Access.QUERIES | Access.REFERENCE_NETWORK
    shows: ClassVar[Pieces] = (ClassScores,)

    out: str = ""

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """The same score for every class."""
        subject = workbench.subject
        images = subject.granted_clean().floats()[:IMAGES]
        clean = subject.of_reference().granted_network().logits(images)
        spent = workbench.cost()
        own = subject.granted_network().logits(images)
        Path(self.out).write_text(json.dumps({"same": bool(np.allclose(own, clean)), "spent": spent.forward}))
        return Evidence((ClassScores(np.zeros(subject.classes, np.float32)),))


@dataclass(frozen=True)
class LooksAtBoth:
    """Tells the two networks' logits apart, class by class."""

    name: ClassVar[str] = "looks-at-both"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "for tests"
    source: ClassVar[str] = "tests"
    needs: ClassVar[Access] = Access.QUERIES | Access.REFERENCE_NETWORK
    shows: ClassVar[Pieces] = (ClassScores,)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """How much higher each class's mean logit is than the clean network's."""
        subject = workbench.subject
        images = subject.granted_clean().floats()[:IMAGES]
        both = [each.granted_network().logits(images).mean(axis=0) for each in (subject, subject.of_reference())]
        return Evidence((ClassScores((both[0] - both[1]).astype(np.float32)),))


def test_what_goes_through_the_clean_network_is_paid_for(open_run: Run, tmp_path: Path) -> None:
    (row,) = open_run(suite_of(f"{__file__}:Compares[out={tmp_path / 'seen.json'}]")).values()
    assert json.loads((tmp_path / "seen.json").read_text()) == {"same": False, "spent": IMAGES}
    assert row.status is Status.GRADED
    assert row.forward == 2 * IMAGES


def test_without_references_whoever_needs_one_is_skipped_with_the_reason(run: Run, tmp_path: Path) -> None:
    rows = run(suite_of(f"{__file__}:Compares[out={tmp_path / 'seen.json'}]", *named("Uniform")).changed({"references": 0}))
    assert rows["compares@outlier"].status is Status.SKIPPED
    assert "reference-network" in rows["compares@outlier"].reason
    assert "no clean reference of this set and architecture" in rows["compares@outlier"].reason
    assert rows["uniform"].status is Status.GRADED


def test_a_reference_is_compared_with_another_reference(run: Run) -> None:
    suite = suite_of(f"{__file__}:LooksAtBoth@outlier").changed({"references": 2})
    (row,) = run(suite).values()
    assert row.status is Status.GRADED, row.reason


@pytest.fixture(scope="module")
def localised(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with a patch that took, where the clean network's attributions were taken off."""
    out = tmp_path_factory.mktemp("localised") / "out"
    suite = suite_of("reference-difference@verbatim", tasks=("localise[suspects=4]",))
    recipe = {
        **suite.recipe,
        "train_images": 1200,
        "training": {"epochs": 6},
        "heldout_images": 120,
        "gate": {"clean_drop": 2.0, "above_chance": -1.0, "strictness": 0.0, "near_miss": 2.0},
    }
    changes = {"data": f"{TOY}:Toy", "model": "six-conv[width=4]", "recipe": recipe, "networks": ({"flaws": ("patch[poison_rate=0.25]",)},)}
    run_suite(suite.changed(changes), Place(out, cache, 2))
    return out


def test_reference_difference_localises_in_a_run(localised: Path) -> None:
    with Store.read(localised) as store:
        row = next(row for row in store.rows() if row.role != "yardstick")
    assert row.status is Status.GRADED, row.reason
    assert row.skill is not None
    assert row.forward > 0
    assert row.backward > 0


def test_the_reference_is_neither_the_clean_twin_nor_the_network(localised: Path) -> None:
    (folder,) = (localised / "networks").glob("net-*")
    case = load_case(folder, f"{folder.name}.1")
    reference = load_subject(localised / "networks" / "reference-1" / "subject").network
    images = case.truth.heldout.floats()[:IMAGES]
    assert isinstance(reference, TorchNetwork)
    for other in (case.truth.twin, case.truth.network):
        assert np.abs(other.logits(images) - reference.logits(images)).max() > 1e-3


def planned(address: str, *references: Reference) -> PlannedCell:
    """The one cell of a tool on one localised case."""
    solver = PlannedSolver(Facts(**describe(address)), Facts(**describe("verbatim")))
    granted = (Access.QUERIES | Access.WEIGHTS | Access.SUSPECTS | Access.TARGET).value
    asked = {"blind": False, "rebuilds": False, "brief": "brief", "brief_digest": "digest", "granted": granted}
    case = AskedCase("net-1.1", "net-1", GROUP, "key", "patch", "patch", {"localise": asked}, {})
    (cell,) = plan_cells([case], Grid({"localise": TASKS.make("localise")}, [solver], (500.0,), (500.0,), 1, references, 0, "empty"))
    return cell


def test_keys_hold_the_reference_of_those_alone_who_need_it() -> None:
    one = Reference("reference-1", "one", GROUP)
    other = replace(one, key="other")
    for address, differ in (("reference-difference", True), ("integrated-gradients", False)):
        cells = [planned(address, reference) for reference in (one, other)]
        assert (cells[0].look.key != cells[1].look.key) == differ
        assert (cells[0].row.key != cells[1].row.key) == differ
        assert [cell.look.reference for cell in cells] == ["reference-1" if differ else ""] * 2
        assert not any(cell.missing for cell in cells)


def test_a_reference_of_another_architecture_does_not_serve() -> None:
    cell = planned("reference-difference", Reference("reference-1", "one", ("digits", "vit")))
    assert "reference-network" in cell.missing
    assert cell.look.reference == ""


def test_no_reference_is_compared_with_itself() -> None:
    solver = PlannedSolver(Facts(**describe(f"{__file__}:LooksAtBoth")), Facts(**describe("outlier")))
    asked = {"blind": True, "rebuilds": False, "brief": "brief", "brief_digest": "digest", "granted": Access.QUERIES.value}
    case = AskedCase("net-1.1", "net-1", GROUP, "key", "patch", "patch", {"detect": asked}, {})
    first, second = (Reference(f"reference-{number}", str(number), GROUP) for number in (1, 2))

    def compared(*references: Reference) -> dict[str, str]:
        grid = Grid({"detect": TASKS.make("detect")}, [solver], (500.0,), (500.0,), 1, references, 0, "empty")
        (cell,) = plan_cells([case], grid)
        return {look.network: look.reference for look in cell.references}

    assert compared(first, second) == {"reference-1": "reference-2", "reference-2": "reference-1"}
    assert compared(first) == {}


@dataclass(frozen=True)
class HandReference:
    """Hands the clean reference network back."""

    name: ClassVar[str] = "hand-reference"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "for tests"
    source: ClassVar[str] = "tests"
    needs: ClassVar[Access] = Access.REFERENCE_NETWORK
    answers: ClassVar[Forms] = (Form.REPAIR,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        """The very network that the task asks for, from the suite instead of from work."""
        clean = workbench.subject.of_reference().granted_network()
        assert isinstance(clean, TorchNetwork)
        return Rebuilt(clean)


def test_nobody_who_hands_back_a_network_without_the_flaw_is_given_a_clean_one(run: Run, tmp_path: Path) -> None:
    suite = suite_of(f"{__file__}:HandReference", "finetune", tasks=("repair",))
    rows = run(learnt(suite))
    assert rows["hand-reference"].status is Status.SKIPPED
    assert rows["hand-reference"].reason == (
        "hand-reference needs reference-network, which is not granted: a clean network would be the answer itself"
    )
    assert "reference-network" not in rows["finetune"].reason
    granted = load_subject(tmp_path / "out" / "networks" / rows["finetune"].subject / "subject").granted_clean()
    assert rows["finetune"].clean_images == len(granted) > 0
