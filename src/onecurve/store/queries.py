"""Questions to the tables whose answers are small, however many rows there are."""

from dataclasses import dataclass, fields
from typing import Any, final

from sqlalchemy import Executable, FromClause, func, select

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
    return select(status, func.count()).select_from(with_grades()).group_by(status)


def scales() -> Executable:
    """The fields of every ``Scale`` that some row is graded against."""
    columns = [_scale_column(item.name) for item in fields(Scale)]
    return select(*columns).select_from(with_grades()).where(grades.c.raw.is_not(None)).distinct()


def keys_on(scale: Scale) -> Executable:
    """Keys of the cells that are graded against this scale."""
    alike = [_scale_column(item.name).is_not_distinct_from(getattr(scale, item.name)) for item in fields(Scale)]
    return select(cells.c.key).select_from(with_grades()).where(*alike)


def keys_without_grade(statuses: list[str]) -> Executable:
    """Keys of cells that no grade was given to, and that were kept with one of these statuses."""
    given = select(grades.c.number).where(grades.c.key == cells.c.key).exists()
    return select(cells.c.key).where(cells.c.status.in_(statuses) & ~given)


def keys_with_a_grade(statuses: list[str]) -> Executable:
    """Keys of cells that were given a grade of one of these statuses, maybe not as their last."""
    return select(grades.c.key).where(grades.c.status.in_(statuses)).distinct()


def with_grades(*, few: bool = False) -> FromClause:
    """Cells with their last grades; those without a grade too. ``few`` for when a few cells are named and not all are gone through."""
    if few:
        number = select(func.max(grades.c.number)).where(grades.c.key == cells.c.key).correlate(cells).scalar_subquery()
        return cells.outerjoin(grades, grades.c.number == number)
    # For all cells one pass over the grades, which no planner takes for a pass for each cell.
    last = select(grades.c.key, func.max(grades.c.number).label("number")).group_by(grades.c.key).subquery("last")
    return cells.outerjoin(last, last.c.key == cells.c.key).outerjoin(grades, grades.c.number == last.c.number)


def _scale_column(name: str) -> Any:
    return grades.c[name] if name in {"floor", "ceiling"} else cells.c[name]
