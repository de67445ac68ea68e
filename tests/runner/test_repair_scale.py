"""The scale of repairs: unlearned noise is the floor at each budget, other clean networks are the ceiling, or else the twin."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

from onecurve.core.answer import Abstain, Rebuilt
from onecurve.core.errors import UngradeableError
from onecurve.core.evidence import Hypothesis
from onecurve.runner.floors import FLOORS, prepared_floor
from onecurve.runner.handlers import repair_scale as module
from onecurve.runner.handlers.repair_scale import COUNT, DRAWS, NETWORKS, Trained, repair_scale
from onecurve.tasks.machinery.reference_points import measured, reference_points
from onecurve.tasks.machinery.toy_case import toy_case
from onecurve.tasks.repair import Repair

TASK, CASE = Repair(), toy_case()
QUESTION = TASK.pose(CASE, 0)
KNOWN = reference_points(TASK, CASE, QUESTION)


@dataclass(frozen=True)
class Partly:
    """The clean twin on a share of the images, by their content, and the flawed network on the others."""

    share: float

    def logits(self, images):
        clean = (images[:, 1, 3, 3] * 997 % 1) < self.share
        return np.where(clean[:, None], CASE.truth.twin.logits(images), CASE.truth.network.logits(images))

    def size(self):
        return 1

    def relearned(self, images, labels, seed, steps):
        return CASE.truth.network


@dataclass(frozen=True)
class Reads:
    """Repairs the more the larger the budget, and keeps the evidence that it read."""

    seen: list
    abstains: bool = False

    def read(self, question, evidence, workbench):
        self.seen.append(evidence)
        return Abstain("no step") if self.abstains else Rebuilt(Partly(workbench.budget / 1000))


@pytest.fixture
def reader(monkeypatch):
    found = Reads([])
    monkeypatch.setattr(module, "READERS", SimpleNamespace(make=lambda name: found))
    monkeypatch.setattr(module, "metered_workbench", lambda subject, budget, seed, device: SimpleNamespace(budget=budget))
    monkeypatch.setattr(module, "load_subject", lambda path, device: replace(CASE.subject, network=Partly(float(path.name))))
    return found


def scale(budgets=(100.0, 500.0), clean=(), case=CASE):
    return repair_scale(TASK, case, QUESTION, KNOWN, 3, Trained(budgets, clean, "cpu"))


def raw(share):
    return measured(TASK, CASE, QUESTION, Rebuilt(Partly(share))).raw


def test_the_floor_is_what_unlearned_noise_earns_at_each_budget(reader):
    found = scale()
    assert {budget: floor.raw for budget, floor in found.floors.items()} == pytest.approx({100.0: raw(0.1), 500.0: raw(0.5)})
    assert KNOWN.floor.raw < raw(0.1) < raw(0.5) < 1
    assert len(reader.seen) == 2 * DRAWS
    patterns = {piece.trigger.patterns.tobytes() for evidence in reader.seen for piece in evidence.pieces if isinstance(piece, Hypothesis)}
    assert len(patterns) == DRAWS, "each draw is other noise, the same at every budget"
    assert CASE.truth.trigger.patterns.tobytes() not in patterns


def test_where_noise_helps_less_than_leaving_the_network_alone_that_is_the_floor(reader):
    assert scale((0.0,)).floors[0.0].raw == KNOWN.floor.raw


def test_a_reader_that_abstains_leaves_the_plain_floor(reader, monkeypatch):
    monkeypatch.setattr(module, "READERS", SimpleNamespace(make=lambda name: Reads([], abstains=True)))
    assert scale().floors[500.0] == KNOWN.floor


def test_the_ceiling_is_the_mean_of_other_clean_networks(reader):
    ceiling = scale(clean=("0.8", "0.9")).ceiling
    assert ceiling.raw == pytest.approx((raw(0.8) + raw(0.9)) / 2)
    assert ceiling.figures[COUNT] == 2
    assert scale(clean=("0.9",) * 9).ceiling.figures[COUNT] == NETWORKS


def test_without_another_clean_network_the_twin_is_the_ceiling_and_the_figure_says_so(reader):
    ceiling = scale().ceiling
    assert ceiling.raw == KNOWN.ceiling.raw == 1
    assert ceiling.figures[COUNT] == 0


def test_a_scale_without_room_is_refused(reader):
    with pytest.raises(UngradeableError):
        scale((900.0,), ("0.9",))


def test_a_row_is_graded_against_the_floor_of_its_own_budget():
    prepared = {"floor": {"raw": 0.5}, FLOORS: {"500": {"raw": 0.5}, "100": {"raw": 0.1}}}
    assert [prepared_floor(prepared, budget)["raw"] for budget in (100.0, 500.0, 0.0)] == [0.1, 0.5, 0.5]
    assert prepared_floor({"floor": {"raw": 0.3}}, 500.0)["raw"] == 0.3
