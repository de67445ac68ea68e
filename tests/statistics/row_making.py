"""Rows for tests: everything has a plain default but what a test is about."""

from onecurve.core.grade import Status
from onecurve.core.row import Role, Row


def row(case, skill=None, *, solver="solver", task="discover", status=None, budget=100.0, retrain=0.0, repeat=0, cost=None, **more):
    settled = status or (Status.GRADED if skill is not None else Status.FAILED)
    facts = {"flaw": "patch", "subject": f"net-{case}", "role": Role.METHOD, "reader": "", "figures": {}, **more}
    return Row(
        key=f"{case}-{solver}-{task}-{budget}-{retrain}-{repeat}",
        case=str(case),
        data="toy",
        model="toy",
        task=task,
        solver=solver,
        tool=solver,
        budget=budget,
        retrain_budget=retrain,
        repeat=repeat,
        status=settled,
        skill=skill,
        forward=budget if cost is None else cost,
        **facts,
    )


def rows(skills, **more):
    """One row per case, cases numbered from 0."""
    return [row(f"case-{number:03d}", skill, **more) for number, skill in enumerate(skills)]
