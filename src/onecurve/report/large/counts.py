"""Counts of a large run: how large it is, what became of its cells, what they cost, which alarms were raised."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from onecurve.core.grade import Status
from onecurve.core.row import JOINT, Role, Row
from onecurve.flaws.catalog import CONTROLS
from onecurve.report.large.aggregates import CONTENDERS
from onecurve.report.pages.sections import BrokenSolver, LedgerLine, LostCells
from onecurve.report.pages.table import ROLE_WORDS
from onecurve.report.words import numbers
from onecurve.report.words.naming import CLEAN, failure_anchor, no_reason, solver_link
from onecurve.report.words.sentences import Extent
from onecurve.report.words.tasks import ordered_tasks
from onecurve.statistics.detection import ALARM, NAMED, SUSPICION
from onecurve.store.querying import RowsDatabase

MOST_REASONS: Final = 40
"""Reasons for missing answers that a page lists."""
MOST_CASES: Final = 6
"""Cases that a reason names."""
_SCORED: Final = f"({Status.GRADED} + {Status.ABSTAINED})"
_RANK: Final = {Status.FAILED: 0, Status.ABSTAINED: 1, Status.LOST: 1, Status.PENDING: 2, Status.WAITING: 3}


def extent(database: RowsDatabase) -> Extent:
    """How large the run is, rows of other versions of a task left out."""
    flaws = [
        (line["subject"], line["case"], frozenset(line["flaw"].split(JOINT)) - set(CONTROLS), line["flaw"])
        for line in database.find('SELECT DISTINCT subject, "case", flaw FROM scores WHERE compared')
    ]
    networks = {subject for subject, _, kinds, _ in flaws if kinds}
    clean = {subject for subject, _, _, flaw in flaws if flaw == CLEAN}
    query = f"SELECT count(DISTINCT tool) AS tools, coalesce(sum({_SCORED}), 0)::BIGINT AS answers FROM scores"  # noqa: S608 - our own names
    (told,) = database.find(f"{query} WHERE compared AND {CONTENDERS} AND {_SCORED} > 0")
    (asked,) = database.find("SELECT count(DISTINCT task) AS tasks FROM scores WHERE compared")
    return Extent(
        networks=len(networks),
        flaws=len({case for _, case, kinds, _ in flaws if kinds}),
        clean=len(clean),
        controls=len({subject for subject, *_ in flaws} - networks - clean),
        kinds=len({kind for _, _, kinds, _ in flaws for kind in kinds}),
        tools=told["tools"],
        tasks=asked["tasks"],
        answers=told["answers"],
    )


def statuses(database: RowsDatabase) -> tuple[tuple[str, int], ...]:
    """The number of cells with each status."""
    sums = ", ".join(f"coalesce(sum({status}), 0)::BIGINT AS {status}" for status in Status)
    (found,) = database.find(f"SELECT {sums} FROM scores WHERE compared")  # noqa: S608 - our own names
    return tuple((str(status), found[status]) for status in Status)


def broken(database: RowsDatabase) -> tuple[BrokenSolver, ...]:
    """Solvers that failed in every cell that they attempted."""
    query = f"""
    SELECT solver, any_value(tool) AS tool, sum(failed)::BIGINT AS cells FROM scores WHERE compared AND role <> '{Role.REFERENCE_POINT}'
    GROUP BY solver HAVING sum(failed) > 0 AND sum({_SCORED}) = 0 ORDER BY solver
    """  # noqa: S608 - our own names
    reasons = "SELECT reason, count(*) AS n FROM rows WHERE solver = ? AND status = 'failed' GROUP BY reason ORDER BY n DESC, reason"
    made = []
    for line in database.find(query):
        why = database.find(reasons, [line["solver"]])
        made.append(
            BrokenSolver(line["solver"], solver_link(line["tool"]), line["cells"], why[0]["reason"] or "no reason given", len(why) - 1, "")
        )
    return tuple(made)


def lost(database: RowsDatabase, where: str = "true", values: Sequence[Any] = ()) -> tuple[LostCells, ...]:
    """Cells without a full answer, grouped by solver, task, status and reason, failures first; the most frequent of them."""
    query = f"""
    SELECT status, task, solver, any_value(tool) AS tool, reason, count(*) AS n, count(DISTINCT "case") AS cases,
        list_sort(list(DISTINCT "case"))[1:{MOST_CASES}] AS some, any_value(traceback) FILTER (traceback <> '') AS traceback
    FROM rows SEMI JOIN (SELECT DISTINCT task, task_version FROM scores WHERE compared) USING (task, task_version)
    WHERE status NOT IN ('{Status.GRADED}', '{Status.SKIPPED}') AND role <> '{Role.REFERENCE_POINT}' AND {where}
    GROUP BY status, task, solver, reason ORDER BY n DESC, solver, task, reason LIMIT {MOST_REASONS}
    """  # noqa: S608 - our own names
    found = [_lost_cells(line) for line in database.find(query, values)]
    return tuple(sorted(found, key=lambda one: (_RANK[Status(one.status)], ordered_tasks([one.task]), -one.count)))


def ledger(database: RowsDatabase) -> tuple[LedgerLine, ...]:
    """The cost of each solver over all its cells, the most expensive first."""
    return tuple(_ledger_line(line) for line in _spent(database, "solver"))


def cost_records(database: RowsDatabase) -> list[dict[str, Any]]:
    """What each solver spent on each task."""
    return [
        {
            "solver": line["solver"],
            "task": line["task"],
            "cells": line["cells"],
            "forward": line["forward"],
            "backward": line["backward"],
            "equivalents": line["equivalents"],
            "seconds": line["seconds"],
            "processor_seconds": line["cpu_seconds"] or 0.0,
            "processor_passes": line["passes"] or 0.0,
            "beyond_meter": line["beyond"],
            "person_seconds": line["person_seconds"],
            "clean_images": line["clean_images"],
        }
        for line in sorted(_spent(database, "solver, task"), key=lambda line: (line["solver"], line["task"]))
    ]


def judged_networks(database: RowsDatabase) -> tuple[Row, ...]:
    """One row for each network that a detector judged, with its mean suspicion, as detection is measured; none where nobody was asked."""
    columns = {line["column_name"] for line in database.find("DESCRIBE rows")}
    if f"figures.{SUSPICION}" not in columns:
        return ()
    suspicion = _judged(SUSPICION)
    named, alarm = (_judged(figure) if f"figures.{figure}" in columns else "NULL" for figure in (NAMED, ALARM))
    if alarm != "NULL":  # a network of which a row does not tell has no alarm to count, as in `statistics.detection`
        alarm = f"CASE WHEN bool_and(status <> '{Status.GRADED}' OR \"figures.{ALARM}\" IS NOT NULL) THEN {alarm} END"
    query = f"""
    SELECT task, solver, any_value(tool) AS tool, any_value(reader) AS reader, any_value(role) AS role, subject, any_value(flaw) AS flaw,
        {suspicion} AS suspicion, {named} AS named, {alarm} AS alarm
    FROM rows SEMI JOIN (SELECT DISTINCT task, task_version, solver, budget, retrain_budget FROM scores WHERE compared AND largest)
        USING (task, task_version, solver, budget, retrain_budget)
    WHERE role <> '{Role.REFERENCE_POINT}' AND status IN ('{Status.GRADED}', '{Status.ABSTAINED}', '{Status.FAILED}')
        AND task IN (SELECT DISTINCT task FROM rows WHERE "figures.{SUSPICION}" IS NOT NULL)
    GROUP BY task, solver, subject ORDER BY ALL
    """  # noqa: S608 - our own names
    return tuple(_judged_row(line) for line in database.find(query))


def _judged(figure: str) -> str:
    return f"avg(CASE status WHEN '{Status.ABSTAINED}' THEN 0.0 WHEN '{Status.GRADED}' THEN \"figures.{figure}\" END)"


def _judged_row(line: Mapping[str, Any]) -> Row:
    figures = {name: line[name] for name in (SUSPICION, NAMED, ALARM) if line[name] is not None}
    row = Row(
        key="", case=line["subject"], subject=line["subject"], flaw=line["flaw"], data="", model="", task=line["task"],
        solver=line["solver"], tool=line["tool"], reader=line["reader"], role=Role(line["role"]), budget=0.0, retrain_budget=0.0, repeat=0,
        status=Status.GRADED, skill=0.0, figures=figures,
    )  # fmt: skip
    return row if SUSPICION in figures else replace(row, status=Status.FAILED, skill=None)


def _lost_cells(line: Mapping[str, Any]) -> LostCells:
    return LostCells(
        solver=line["solver"],
        tool=line["tool"],
        link=solver_link(line["tool"]),
        task=line["task"],
        status=line["status"],
        reason=line["reason"] or no_reason(Status(line["status"])),
        count=line["n"],
        cases=tuple((case, "") for case in line["some"]),
        more=line["cases"] - len(line["some"]),
        traceback=line["traceback"] or "",
        anchor=failure_anchor(line["status"], line["task"], line["solver"], line["reason"]),
    )


def _spent(database: RowsDatabase, by: str) -> list[dict[str, Any]]:
    query = f"""
    SELECT {by}, any_value(tool) AS tool, any_value(role) AS role, sum(cells)::BIGINT AS cells, sum(forward) AS forward,
        sum(backward) AS backward, sum(forward) + 2 * sum(backward) AS equivalents, sum(seconds) AS seconds,
        sum(cpu_seconds) AS cpu_seconds, sum(all_passes) AS passes, sum(beyond)::BIGINT AS beyond, max(peak_mb) AS peak_mb,
        sum(person_seconds) AS person_seconds, max(most_clean_images) AS clean_images
    FROM scores WHERE compared AND role <> '{Role.REFERENCE_POINT}' GROUP BY {by} ORDER BY equivalents DESC, {by}
    """  # noqa: S608 - our own names
    return database.find(query)


def _ledger_line(line: Mapping[str, Any]) -> LedgerLine:
    return LedgerLine(
        solver=line["solver"],
        tool=line["tool"],
        link=solver_link(line["tool"]),
        role=ROLE_WORDS[Role(line["role"])],
        cells=line["cells"],
        forward=numbers.cost(line["forward"]),
        backward=numbers.cost(line["backward"]),
        equivalents=numbers.cost(line["equivalents"]),
        seconds=numbers.seconds(line["seconds"]),
        processor=numbers.seconds(line["cpu_seconds"]),
        passes=numbers.cost(line["passes"] or None),
        beyond=line["beyond"],
        clean=numbers.cost(line["clean_images"]),
        peak=f"{line['peak_mb']:.0f} MB" if line["peak_mb"] else numbers.MISSING,
        person=numbers.seconds(line["person_seconds"]) if line["person_seconds"] else numbers.MISSING,
        order=line["equivalents"],
    )
