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
    for row in session.store.rows():
        prepared = asked.get(row.case, {"tasks": {}})["tasks"].get(row.task, {})
        if row.raw is None or (row.question, row.task_version) != (prepared.get("question"), prepared.get("version")):
            continue
        floor, ceiling = prepared_floor(prepared, row.retrain_budget)["raw"], prepared["ceiling"]["raw"]
        if (row.floor, row.ceiling) == (floor, ceiling):
            continue
        raw = floor if row.status is Status.ABSTAINED or row.solver == "floor" else ceiling if row.solver == "ceiling" else row.raw
        skill = 0.0 if row.status is Status.ABSTAINED else skill_of(raw, floor, ceiling)
        session.store.add_grade(row.key, Grade(row.status, row.reason, raw, floor, ceiling, skill, row.figures))


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
