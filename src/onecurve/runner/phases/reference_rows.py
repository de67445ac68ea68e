"""Floors and ceilings of a run: which one a row is graded against, and both as rows of their own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from onecurve.core.grade import Grade, Status, skill_of
from onecurve.core.row import Role, Row
from onecurve.core.spec import content_key
from onecurve.runner.floors import FLOORS, prepared_floor
from onecurve.runner.phases.plant import PlantedNetwork
from onecurve.runner.session import Session


def follow_floors(session: Session, asked: Mapping[str, Any]) -> None:
    """Give rows that were graded against another floor or ceiling the skill that they have against these; answers stay as measured.

    Rows that another version of the task asked stay as they are: their scale is another one.
    """
    asked_by = session.store.asked_by()
    for scale in session.store.scales():
        prepared = asked.get(scale.case, {"tasks": {}})["tasks"].get(scale.task, {})
        version = scale.task_version or asked_by.get(scale.question, 1)
        if (scale.question, version) != (prepared.get("question"), prepared.get("version")):
            continue
        floor, ceiling = prepared_floor(prepared, scale.retrain_budget)["raw"], prepared["ceiling"]["raw"]
        if (scale.floor, scale.ceiling) != (floor, ceiling):
            for row in session.store.rows_on(scale):
                session.store.add_grade(row.key, _followed(row, floor, ceiling))


def _followed(row: Row, floor: float, ceiling: float) -> Grade:
    """The grade of a row on another scale."""
    raw = floor if row.status is Status.ABSTAINED or row.solver == "floor" else ceiling if row.solver == "ceiling" else row.raw
    assert raw is not None
    skill = 0.0 if row.status is Status.ABSTAINED else skill_of(raw, floor, ceiling)
    return Grade(row.status, row.reason, raw, floor, ceiling, skill, row.figures)


def keep_reference_points(session: Session, networks: Sequence[PlantedNetwork], asked: Mapping[str, Any]) -> None:
    """Floor and ceiling as rows: they went through the same door and are counted beside everybody."""
    kept = session.store.cell_keys()
    for network in networks:
        for case in () if network.reference else network.cases:
            for row in _reference_rows(network, asked[case]):
                if row.key not in kept:
                    session.store.add_cell(row)


def _reference_rows(network: PlantedNetwork, asked: Mapping[str, Any]) -> Iterator[Row]:
    for task, prepared in asked["tasks"].items():
        if "refusal" not in prepared:
            for budget in prepared.get(FLOORS, {"0": None}):
                yield _reference_row(network, asked, task, "floor", float(budget))
            yield _reference_row(network, asked, task, "ceiling", 0.0)


def _reference_row(network: PlantedNetwork, asked: Mapping[str, Any], task: str, name: str, budget: float) -> Row:
    prepared = asked["tasks"][task]
    floor, ceiling = prepared_floor(prepared, budget)["raw"], prepared["ceiling"]["raw"]
    own = prepared_floor(prepared, budget) if name == "floor" else prepared["ceiling"]
    return Row(
        key=content_key(name, asked["case"], network.key, task, prepared["version"], prepared["question"], *([budget] if budget else [])),
        case=asked["case"],
        subject=network.name,
        flaw=network.kinds if prepared["blind"] else asked["flaw"],
        data=network.wanted.data,
        model=network.wanted.model,
        task=task,
        solver=name,
        tool=name,
        reader="",
        role=Role.REFERENCE_POINT,
        budget=0.0,
        retrain_budget=budget,
        repeat=0,
        status=Status.GRADED,
        raw=own["raw"],
        floor=floor,
        ceiling=ceiling,
        skill=skill_of(own["raw"], floor, ceiling),
        figures=own["figures"],
        facts=asked["facts"],
        question=prepared["question"],
        task_version=prepared["version"],
    )
