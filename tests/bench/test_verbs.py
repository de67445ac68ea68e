"""The public verbs in one process: plant, open, ask, look, solve, grade."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import onecurve
from onecurve import Abstain, Access, Brief, Case, Evidence, Form, Given, HeatMap, Picture, Status, Weights, Workbench
from onecurve.core.errors import UnknownNameError, UsageError

TOY = Path(__file__).parents[1] / "flaws" / "toy_set.py"
RECIPE = {
    "train_images": 1200,
    "clean_images": 60,
    "heldout_images": 120,
    "triggered_images": 40,
    "pretraining": None,
    "training": {"epochs": 6},
    "gate": {"clean_drop": 2.0, "above_chance": -1.0, "strictness": 0.0, "near_miss": 2.0},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planted") / "net"


@pytest.fixture(scope="module")
def case(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ONECURVE_CACHE", str(tmp_path_factory.mktemp("cache")))
        shares: list[float] = []
        found = onecurve.plant(
            "patch[poison_rate=0.25]",
            data=f"{TOY}:Toy",
            model="six-conv[width=4]",
            recipe=RECIPE,
            out=folder,
            progress=lambda share, words: shares.append(share),
        )
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1)
        return found


@dataclass(frozen=True)
class Spends:
    """Runs the network on clean images and shows a blank map of each suspect."""

    images: int = 10

    name: ClassVar[str] = "spends"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "for tests"
    source: ClassVar[str] = "tests"
    needs: ClassVar[Access] = Access.QUERIES | Access.SUSPECTS
    shows: ClassVar[onecurve.Pieces] = (HeatMap,)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        workbench.subject.granted_network().logits(workbench.subject.granted_clean().floats()[: self.images])
        assert brief.suspects is not None
        return Evidence(tuple(HeatMap(np.ones(suspect.shape[1:], np.float32), item) for item, suspect in enumerate(brief.suspects)))


@dataclass(frozen=True)
class SeesNoNetwork:
    """Answers evenly; fails where a reader of a Weigh question can reach a network."""

    name: ClassVar[str] = "sees-no-network"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "for tests"
    source: ClassVar[str] = "tests"
    needs: ClassVar[Access] = Access.NONE
    reads: ClassVar[onecurve.Pieces] = (HeatMap,)
    answers: ClassVar[onecurve.Forms] = (Form.PIXELS,)

    def read(self, question: onecurve.Question, evidence: Evidence, workbench: Workbench) -> onecurve.Answer:
        assert isinstance(question, onecurve.Weigh)
        assert workbench.subject.network is None
        assert workbench.subject.reference is None
        return Weights(np.ones((question.items, len(question.options)), np.float32))


def test_a_case_that_was_kept_opens_again_as_it_was(case: Case, folder: Path) -> None:
    opened = onecurve.open_case(folder)
    assert opened.id == case.id
    images = case.truth.heldout.floats()[:8]
    assert np.array_equal(opened.subject.granted_network().logits(images), case.subject.granted_network().logits(images))
    with pytest.raises(UsageError, match="no case is called: other"):
        onecurve.open_case(folder, "other")
    with pytest.raises(UsageError, match="not an empty folder"):
        onecurve.plant("patch", out=folder)


def test_a_look_is_metered_whoever_takes_it_and_leaves_the_case_as_it_was(case: Case) -> None:
    question = onecurve.ask(case, "localise")
    seen = onecurve.look(Spends(7), case, question)
    assert (seen.cost.forward, seen.cost.backward) == (7, 0)
    assert len(seen.evidence.heat_maps()) == question.items
    assert onecurve.solve(Spends(7), case, "localise").cost.forward == 7


def test_a_look_that_is_not_told_what_it_needs_is_refused_before_it_begins(case: Case) -> None:
    with pytest.raises(onecurve.SpecError, match="needs suspects, which is not granted"):
        onecurve.look(Spends(), case, Brief(1))


def test_a_look_beyond_its_budget_is_stopped(case: Case) -> None:
    @dataclass(frozen=True)
    class Goes:
        needs: ClassVar[Access] = Access.QUERIES
        shows: ClassVar[onecurve.Pieces] = (Picture,)
        name: ClassVar[str] = "goes"
        version: ClassVar[int] = 1
        summary: ClassVar[str] = "for tests"
        source: ClassVar[str] = "tests"

        def look(self, brief: Brief, workbench: Workbench) -> Evidence:
            for _ in range(20):
                workbench.subject.granted_network().logits(workbench.subject.granted_clean().floats()[:10])
            return Evidence()

    with pytest.raises(onecurve.BudgetError, match="would overdraw it"):
        onecurve.look(Goes(), case, budget=50)


def test_an_even_map_is_measured_between_floor_and_ceiling_by_the_same_door_as_a_run(case: Case) -> None:
    solved = onecurve.solve(Spends(), case, "localise", reader=SeesNoNetwork())
    assert solved.grade.status is Status.GRADED
    assert solved.grade.raw is not None
    assert solved.grade.floor is not None
    assert solved.grade.raw <= solved.grade.floor
    assert solved.skill == pytest.approx((solved.grade.raw - solved.grade.floor) / (solved.grade.ceiling - solved.grade.floor))


def test_the_truth_earns_one_and_abstaining_the_floor(case: Case) -> None:
    question = onecurve.ask(case, "discover")
    right = np.eye(len(question.options), dtype=np.float32)[case.truth.right][None]
    assert onecurve.grade(case, "discover", question, Weights(right)).skill == pytest.approx(1)
    abstained = onecurve.grade(case, "discover", question, Abstain("saw nothing"))
    assert (abstained.status, abstained.skill, abstained.reason) == (Status.ABSTAINED, 0.0, "saw nothing")


def test_a_direct_solver_and_a_pair_answer_without_more_words(case: Case) -> None:
    assert onecurve.solve("sparse-head", case, "replace", retrain_budget=2000).grade.status is Status.GRADED
    assert onecurve.solve("occlusion@verbatim", case, "localise").evidence is not None


@pytest.mark.parametrize(
    ("solver", "task", "message"),
    [
        ("no-such-tool", "detect", "no tool is called: no-such-tool"),
        ("occlusion", "no-such-task", "no task is called: no-such-task"),
        ("occlusion", "discover", "needs suspects"),
        ("finetune", "detect", "answers questions of form repaired"),
        ("finetune@unlearn", "repair", "takes no reader"),
        ("matcher", "discover", "cannot answer without a tool"),
        ("cppn@outlier", "detect", "`outlier` reads ClassScores"),
        ("occlusion@matcher", "localise", "answers questions of form lineup"),
        ("occlusion", "replace", "has no usual reader"),
    ],
)
def test_what_cannot_answer_is_one_clear_message(case: Case, solver: str, task: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        onecurve.solve(solver, case, task)
    assert message in str(caught.value)


def test_a_task_asks_about_a_network_without_any_truth(case: Case) -> None:
    subject, suspects = case.subject, case.truth.triggered.images[:3]
    assert onecurve.ask(subject, "detect").options[-1] == "none"
    question = onecurve.ask(subject, "localise", given=Given(target=2, suspects=suspects))
    assert (question.form, question.items, question.brief.target) == (Form.PIXELS, 3, 2)
    assert onecurve.look("occlusion", subject, question).evidence.heat_maps()
    for task in ("localise", "discover", "predict"):
        with pytest.raises(onecurve.SpecError):
            onecurve.ask(subject, task)
    with pytest.raises(onecurve.SpecError, match="a planted case supplies"):
        onecurve.ask(case, "detect", given=Given())


def test_a_task_that_cannot_be_asked_of_a_case_says_why(case: Case) -> None:
    with pytest.raises(onecurve.UngradeableError, match="detect"):
        onecurve.ask(_always_flawed(case), "detect")


def _always_flawed(case: Case) -> Case:
    from dataclasses import replace  # noqa: PLC0415

    return replace(case, truth=replace(case.truth, population=replace(case.truth.population, clean_share=1.0)))


def test_what_the_verbs_return_shows_itself_in_a_notebook_and_never_the_truth(case: Case) -> None:
    question = onecurve.ask(case, "localise")
    solved = onecurve.solve("occlusion", case, "localise")
    shown = {
        "case": case._repr_html_(),
        "question": question._repr_html_(),
        "look": onecurve.look("occlusion", case, question)._repr_html_(),
        "solved": solved._repr_html_(),
        "grade": solved.grade._repr_html_(),
    }
    for name in ("case", "question", "look", "solved"):
        assert "data:image/png;base64," in shown[name], name
    assert "skill" in shown["grade"]
    assert case.truth.words not in "".join(shown.values())
    assert case.truth.words not in repr(case)


def test_what_the_verbs_return_prints_in_a_few_lines(case: Case) -> None:
    question = onecurve.ask(case, "localise")
    for thing in (case, question, onecurve.look("occlusion", case, question), onecurve.solve("occlusion", case, "localise")):
        assert len(repr(thing)) < 3000, type(thing)


def test_a_tool_that_forgets_a_fact_and_a_flaw_that_is_none_are_told(case: Case, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Forgets:
        name: ClassVar[str] = "forgets"
        version: ClassVar[int] = 1
        needs: ClassVar[Access] = Access.QUERIES

        def look(self, brief: Brief, workbench: Workbench) -> Evidence:
            return Evidence()

    with pytest.raises(onecurve.ContractError, match="does not state `shows`"):
        onecurve.solve(Forgets(), case, "localise")
    file = tmp_path / "no_flaw.py"
    file.write_text("from dataclasses import dataclass\n\n\n@dataclass(frozen=True)\nclass NoFlaw:\n    pass\n")
    with pytest.raises(UsageError, match="is no flaw: it has no `sample`"):
        onecurve.plant(f"{file}:NoFlaw")
    with pytest.raises(UsageError, match="a file needs the name of a class"):
        onecurve.solve(str(file), case, "localise")


def test_a_network_of_the_zoo_is_opened_without_training() -> None:
    case = onecurve.open_zoo("natural-feature", number=1)
    assert case.truth.flaw == "natural-feature"
    assert onecurve.solve("edges", onecurve.open_zoo("patch"), "localise", budget=100).skill < 0.5
    with pytest.raises(UnknownNameError, match="patch"):
        onecurve.open_zoo("patches")
    for zoo in (".", "digits.json", "nope"):
        with pytest.raises(UnknownNameError):
            onecurve.open_zoo(zoo=zoo)
    with pytest.raises(UsageError, match="has 2 networks with style, numbered from 0"):
        onecurve.open_zoo("style", number=2)
