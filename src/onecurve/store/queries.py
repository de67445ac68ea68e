"""Questions to the tables whose answers are small, however many rows there are."""

from dataclasses import dataclass, fields
from typing import Any, final

from sqlalchemy import Executable, ScalarSelect, func, select

from onecurve.store.tables import cells, grades


@final
@dataclass(frozen=True)
class Scale:
    """What rows of one question were graded against; fields are those of ``Row``."""

    case: str
    task: str
    question: str
    task_version: int | None
    """None in rows that do not say it themselves."""
    retrain_budget: float
    floor: float
    ceiling: float


def counts() -> Executable:
    """How many cells have each status."""
    status = func.coalesce(grades.c.status, cells.c.status)
    return select(status, func.count()).select_from(cells.outerjoin(grades, grades.c.number == last_grade())).group_by(status)


def scales() -> Executable:
    """The fields of every ``Scale`` that some row is graded against."""
    graded = cells.join(grades, grades.c.number == last_grade())
    return select(*(_scale_column(item.name) for item in fields(Scale))).select_from(graded).where(grades.c.raw.is_not(None)).distinct()


def keys_on(scale: Scale) -> Executable:
    """Keys of the cells that are graded against this scale."""
    alike = [_scale_column(item.name).is_not_distinct_from(getattr(scale, item.name)) for item in fields(Scale)]
    return select(cells.c.key).select_from(cells.join(grades, grades.c.number == last_grade())).where(*alike)


def keys_without_grade(statuses: list[str]) -> Executable:
    """Keys of cells that no grade was given to, and that were kept with one of these statuses."""
    given = select(grades.c.number).where(grades.c.key == cells.c.key).exists()
    return select(cells.c.key).where(cells.c.status.in_(statuses) & ~given)


def keys_with_a_grade(statuses: list[str]) -> Executable:
    """Keys of cells that were given a grade of one of these statuses, maybe not as their last."""
    return select(grades.c.key).where(grades.c.status.in_(statuses)).distinct()


def last_grade() -> ScalarSelect[Any]:
    """The number of the last grade of a cell, for use where cells are selected."""
    return select(func.max(grades.c.number)).where(grades.c.key == cells.c.key).correlate(cells).scalar_subquery()


def _scale_column(name: str) -> Any:
    return grades.c[name] if name in {"floor", "ceiling"} else cells.c[name]
