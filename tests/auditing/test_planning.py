"""Which look comes next: by what it found of planted flaws, per second on this network."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from torch import nn

from onecurve.auditing import stages as making
from onecurve.auditing.catalog import looks
from onecurve.auditing.examined import Allowance, Examined, metered
from onecurve.auditing.finding import Kind
from onecurve.auditing.look import Look, Report
from onecurve.auditing.planning import Prospect, allotments
from onecurve.auditing.result import Coverage
from onecurve.auditing.stages import Course, make_stages
from onecurve.auditing.yields import LEVELS, Yield, read_counts, shipped, write_counts, yields_of
from onecurve.core.image.images import LabelledImages
from onecurve.runner.session import Silent

SLOW, FAST = 100.0, 10.0


def prospect(name: str, needs: float, *shares: float) -> Prospect:
    return Prospect(name, needs, Yield(shares, measured=True))


def given(prospects: Sequence[Prospect], seconds: float) -> dict[str, float]:
    return {one.name: pytest.approx(one.seconds) for one in allotments(prospects, seconds)}


def test_of_equal_finds_the_cheaper_look_comes_first() -> None:
    made = allotments([prospect("slow", SLOW, 0.2, 0.4, 0.6), prospect("fast", FAST, 0.2, 0.4, 0.6)], 1000.0)
    assert [one.name for one in made] == ["fast", "slow"]
    assert made[0].per_second > made[1].per_second > 0


def test_of_equal_costs_the_look_that_finds_more_comes_first() -> None:
    made = allotments([prospect("few", SLOW, 0.1, 0.1, 0.1), prospect("many", SLOW, 0.3, 0.5, 0.9)], 50.0)
    assert made[0].name == "many"


def test_time_goes_where_the_next_second_finds_most() -> None:
    early, late = prospect("early", SLOW, 0.5, 0.52, 0.53), prospect("late", SLOW, 0.1, 0.2, 0.9)
    assert given([early, late], 10.0) == {"early": 10.0, "late": 0.0}
    assert given([early, late], 75.0) == {"early": 15.0, "late": 60.0}


def test_all_time_is_given_and_never_more() -> None:
    some = [prospect("a", SLOW, 0.1, 0.2, 0.3), prospect("b", FAST, 0.0, 0.0, 0.2), prospect("c", 1.0, 0.0, 0.0, 0.0)]
    for seconds in (0.0, 3.0, 40.0, 111.0, 5000.0):
        made = allotments(some, seconds)
        assert sum(one.seconds for one in made) == pytest.approx(seconds)
        assert min(one.seconds for one in made) >= 0


def test_shares_are_smoothed_and_never_fall() -> None:
    counts = {"look": {"patch": ((0, 0), (3, 3), (1, 3)), "group": ((0, 9), (0, 0), (0, 0))}}
    told = yields_of(counts, ("look", "other"))
    patch, group = 3.5 / 4, 0.5 / 10
    assert told["look"].shares == pytest.approx(((patch * LEVELS[0] / LEVELS[1] + group) / 2, (patch + group) / 2, (patch + group) / 2))
    assert told["look"].measured
    assert not told["other"].measured
    assert told["other"].shares == told["look"].shares
    assert told["look"].at(0.0) == 0


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    counts = {"look": {"patch": ((1, 2), (0, 0), (3, 4))}}
    write_counts(counts, tmp_path / "t.csv")
    assert read_counts(tmp_path / "t.csv") == counts


def test_the_shipped_table_names_looks_that_there_are() -> None:
    assert set(shipped()) <= {look.name for look in looks()}
    assert all(0 <= found <= planted for some in shipped().values() for tried in some.values() for found, planted in tried)


@dataclass(frozen=True)
class Noted:
    """A look that notes when it was made and with how much time."""

    name: str
    cost: float
    log: list[tuple[str, float]] = field(compare=False)
    version: ClassVar[int] = 1
    title: ClassVar[str] = "noted"
    kinds: ClassVar[tuple[Kind, ...]] = (Kind.TROJAN_TRIGGER,)
    needs_labels: ClassVar[bool] = False

    def pairs(self, examined: Examined) -> float:
        return self.cost

    def examine(self, examined: Examined, allowance: Allowance) -> Report:
        self.log.append((self.name, allowance.seconds))
        return Report(Coverage.WHOLE, "all")


def test_free_looks_come_first_and_stages_say_why_the_others_come_when(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(making, "shipped", lambda: {name: {"patch": ((1, 9), (2, 9), (4, 9))} for name in ("dear", "cheap")})
    monkeypatch.setattr(making, "pairs_per_second", lambda _: 10.0)
    images = LabelledImages(np.zeros((6, 1, 2, 2), np.uint8), np.zeros(6, np.int64))
    module, meter = metered(nn.Flatten(), (1, 2, 2))
    examined = Examined(module, meter, ("a", "b", "c", "d"), images, images, labelled=True)
    log: list[tuple[str, float]] = []
    some: list[Look] = [Noted(name, cost, log) for name, cost in (("dear", 1000.0), ("cheap", 10.0), ("free", 0.0))]  # type: ignore[misc]
    made = make_stages(some, examined, Course(tmp_path, "key", 60.0), Silent())
    assert [name for name, _ in log] == ["free", "cheap", "dear"]
    assert [stage.look for stage in made] == ["dear", "cheap", "free"]
    assert [stage.facts["made_as"] for stage in made] == [3, 2, 1]
    assert made[0].facts["needed_seconds"] == 100.0
    assert made[0].facts["yield_per_minute"] < made[1].facts["yield_per_minute"]  # type: ignore[operator]
    assert 50 < dict(log)["dear"] <= 60
    assert make_stages(some, examined, Course(tmp_path, "key", 60.0), Silent()) == made
    assert len(log) == 3


@dataclass(frozen=True)
class Unlucky(Noted):
    """A look that raises an error the first time."""

    raised: type[BaseException] = MemoryError

    def examine(self, examined: Examined, allowance: Allowance) -> Report:
        if not self.log:
            self.log.append((self.name, 0.0))
            raise self.raised("too many")
        return super().examine(examined, allowance)


@pytest.mark.parametrize("raised", [MemoryError, SystemExit])
def test_a_look_that_failed_is_made_again_by_an_audit_that_goes_on(tmp_path: Path, raised: type[BaseException]) -> None:
    images = LabelledImages(np.zeros((6, 1, 2, 2), np.uint8), np.zeros(6, np.int64))
    module, meter = metered(nn.Flatten(), (1, 2, 2))
    examined = Examined(module, meter, ("a", "b", "c", "d"), images, images, labelled=True)
    some: list[Look] = [Unlucky("unlucky", 0.0, [], raised=raised)]  # type: ignore[misc]
    told = [make_stages(some, examined, Course(tmp_path, "key", 60.0), Silent())[0].words for _ in range(2)]
    assert told == [f"failed: {raised.__name__}: too many", "all"]
