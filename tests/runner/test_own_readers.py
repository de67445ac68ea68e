"""Who answers a Weigh question has no network: cheats are refused or fail, and whoever brings a reader of their own is ranked apart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from tiny_world import named, suite_of

from onecurve import load_suite
from onecurve.bench.verbs import solve
from onecurve.core.access import Access
from onecurve.core.answer import Answer, Weights
from onecurve.core.errors import ContractError, UsageError
from onecurve.core.evidence import ClassScores, Evidence, Picture, Pieces
from onecurve.core.grade import Status
from onecurve.core.question import Brief, Form, Forms, Question, Weigh
from onecurve.core.row import Role, Row
from onecurve.core.workbench import Workbench
from onecurve.models.network import torch_module
from onecurve.report.pages.write import write_report
from onecurve.report.rows.loading import load_results
from onecurve.runner.commands.check import check_address
from onecurve.runner.handlers.untrusted import HANDLERS, describe, reach
from onecurve.runner.run import Place, run_suite
from onecurve.runner.suite import Suite
from onecurve.store.blobs import Blobs
from onecurve.tasks.predict import Predict

Run = Callable[[Suite], dict[str, Row]]
TASKS = ("discover", "predict")


class _Facts:
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "for tests"
    source: ClassVar[str] = "tests"
    needs: ClassVar[Access] = Access.QUERIES | Access.CLEAN_IMAGES
    shows: ClassVar[Pieces] = (ClassScores, Picture)
    reads: ClassVar[Pieces] = (ClassScores, Picture)
    answers: ClassVar[Forms] = (Form.OUTCOMES, Form.LINEUP)


def _by_running(question: Question, workbench: Workbench) -> Weights:
    """Runs the network on the inputs asked about, or on the pictures of every option."""
    assert isinstance(question, Weigh)
    network = workbench.subject.granted_network()
    if question.inputs is not None:
        return Weights(np.exp(network.logits(question.inputs)))
    shares = [np.exp(network.logits(option.pictures))[:, question.brief.target].mean() for option in question.shown]
    return Weights(np.array([shares], np.float32))


@dataclass(frozen=True)
class RunIt(_Facts):
    """Answers by running the network on what is asked."""

    name: ClassVar[str] = "run-it"

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        return _by_running(question, workbench)


@dataclass(frozen=True)
class PasteOptions(RunIt):
    """Answers by running the network on the pictures of the options."""

    name: ClassVar[str] = "paste-options"
    answers: ClassVar[Forms] = (Form.LINEUP,)


@dataclass(frozen=True)
class RunItReading(_Facts):
    """The same as tool and reader."""

    name: ClassVar[str] = "run-it-reading"

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        return Evidence((ClassScores(np.zeros(workbench.subject.classes, np.float32)),))

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        return _by_running(question, workbench)


@dataclass(frozen=True)
class Smuggler(_Facts):
    """Shows the weights as pictures: one long one, or as many as are allowed."""

    name: ClassVar[str] = "smuggler"
    needs: ClassVar[Access] = Access.WEIGHTS
    cut: bool = False

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        values = torch.cat([part.detach().reshape(-1) for part in torch_module(workbench.subject).parameters()]).numpy()
        shape = workbench.subject.input_shape
        pictures = np.resize(values, (-(-len(values) // int(np.prod(shape))), *shape)) if self.cut else values[None, None, None]
        return Evidence(tuple(Picture(picture.astype(np.float32)) for picture in pictures))

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        raise AssertionError("no evidence comes through")


def address(kind: type, settings: str = "") -> str:
    return f"{__file__}:{kind.__name__}{settings}"


@pytest.mark.parametrize("cheat", [RunIt, PasteOptions])
def test_who_would_answer_with_the_network_at_hand_is_refused_before_anything_is_planted(cheat: type, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        run_suite(suite_of(address(cheat), tasks=TASKS), Place(tmp_path / "out", cache, 1))
    assert f"`{cheat.name}` has the network at hand and may hand back networks only" in caught.value.message
    assert caught.value.hint.startswith("write `look`, which shows evidence, and `read`, which answers from it without a network")
    assert not (tmp_path / "out").exists()
    findings = [finding for finding in check_address(address(cheat)) if not finding.passed]
    assert [finding.check for finding in findings] == ["answers Rebuild questions only"]
    with pytest.raises(ContractError, match="may hand back networks only"):
        describe(address(cheat))


def test_one_form_too_many_is_enough_to_be_refused(run: Run) -> None:
    with pytest.raises(UsageError, match="but states the form: outcomes"):
        run(suite_of(*named("AnswersWithNetwork")))


def test_a_notebook_refuses_it_too() -> None:
    with pytest.raises(ContractError, match="may hand back networks only"):
        solve(RunIt(), Predict().toy(), "predict")


def test_no_weigh_question_reaches_a_solver_whatever_was_planned(tmp_path: Path) -> None:
    question = Blobs(tmp_path).put(Weigh(Brief(), 1, ("a", "b")))
    place = {"subject": str(tmp_path / "none"), "blobs": str(tmp_path)}
    with pytest.raises(ContractError, match="`finetune` has the network at hand"):
        HANDLERS["answer"](place, "finetune", question, 100.0, 0)


def test_as_tool_and_reader_the_cheats_have_no_network_beside_the_question(run: Run) -> None:
    row = run(suite_of(address(RunItReading), tasks=("discover",)).changed({"lineups": 0}))["run-it-reading"]
    assert row.status is Status.FAILED
    assert "is not granted here" in row.reason


@pytest.mark.parametrize(("settings", "reason"), [("", "a Picture may be at most"), ("[cut=True]", "bytes in all")])
def test_weights_do_not_travel_to_a_reader_as_pictures(run: Run, settings: str, reason: str) -> None:
    row = run(suite_of(address(Smuggler, settings), tasks=("discover",)))["smuggler"]
    assert row.status is Status.FAILED
    assert row.reason.startswith("the look failed: ")
    assert reason in row.reason


@pytest.fixture(scope="module")
def ranked(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tool read by a reader of ours, by its own class, and a tool of ours read by a person's reader."""
    out = tmp_path_factory.mktemp("ranked") / "out"
    both, tool = named("Uniform", "ShowsScores")
    run_suite(suite_of(both, tool, f"test-set@{both}", "test-set", "oracle@outlier"), Place(out, cache, 2))
    return out


def roles(folder: Path) -> Mapping[str, Role]:
    return {row.solver: row.role for row in load_results(folder).rows if row.role is not Role.REFERENCE_POINT}


def test_pairs_with_a_readers_of_a_persons_own_are_known_by_their_role(ranked: Path) -> None:
    assert roles(ranked) == {
        "uniform@uniform": Role.OWN_READER,
        "shows-scores@outlier": Role.METHOD,
        "test-set@uniform": Role.OWN_READER,
        "test-set@outlier": Role.BASELINE,
        "oracle@outlier": Role.CONTROL,
    }


def test_a_report_ranks_them_apart(ranked: Path, tmp_path: Path) -> None:
    page = write_report(load_results(ranked), tmp_path).read_text(encoding="utf-8")
    apart = page[page.index("<h3>Read by a reader of its author’s own</h3>") :]
    apart = apart[: apart.index('<p class="scale"')]
    assert "uniform@uniform" in apart
    assert "test-set@uniform" in apart
    assert "outlier" not in apart
    charts = page[page.index('id="curve-title"') : page.index('id="table-title"')]
    assert "uniform" not in charts
    assert "test-set" in charts
    assert (tmp_path / "solvers" / "uniform.html").is_file()


def test_a_run_without_them_does_not_speak_of_them(cache: Path, tmp_path: Path) -> None:
    run_suite(suite_of("test-set"), Place(tmp_path / "out", cache, 2))
    assert "author’s own" not in write_report(load_results(tmp_path / "out"), tmp_path / "pages").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["quick", "standard", "hard"])
def test_no_suite_of_ours_needs_a_reader_that_is_not_ours(name: str) -> None:
    assert not any(".py:" in solver for solver in load_suite(name).solvers)


def test_the_process_of_a_reader_may_not_even_read_the_networks_file(tmp_path: Path) -> None:
    place = {"subject": str(tmp_path / "subject"), "blobs": str(tmp_path / "blobs"), "reference": str(tmp_path / "reference")}
    for granted in (True, False):
        handed = reach({"place": {**place, "network": granted}, "reader": "verbatim", "question": "q"}, ()).readable
        assert ({tmp_path / "subject", tmp_path / "reference"} <= set(handed)) == granted
    lineups = reach({"reader": "verbatim", "subject": str(tmp_path / "subject"), "folder": str(tmp_path / "lineups"), "trials": []}, ())
    assert lineups.readable == (tmp_path / "lineups",)
