"""From rows to one score per case and from cases to networks, in SQL: the rules of ``statistics.cases`` for any number of rows.

Repeats of a cell are averaged first, then the cases of a network, and a mean is one over networks, so each network counts the same. A
failed cell counts as the floor. Rows of several versions of a task are never averaged together.
"""

from typing import Final

from onecurve.core.grade import Status
from onecurve.core.row import JOINT, Role
from onecurve.statistics.cases import ATTEMPTED, SCORED
from onecurve.store.querying import VIEW

_ATTEMPTED: Final = ", ".join(f"'{status}'" for status in ATTEMPTED)
_SCORED: Final = ", ".join(f"'{status}'" for status in SCORED)
_COUNTS: Final = ", ".join(f"count(*) FILTER (status = '{status}') AS {status}" for status in Status)

_CELL: Final = "task, task_version, solver, budget, retrain_budget"

SCORES: Final = f"""
WITH asked AS (
    SELECT {_CELL}, bool_or(status IN ({_ATTEMPTED}) AND role <> '{Role.REFERENCE_POINT}') AS asked FROM {VIEW} GROUP BY {_CELL}
), versions AS (
    SELECT task, task_version, row_number() OVER (PARTITION BY task ORDER BY bool_or(asked) DESC, task_version DESC) = 1 AS compared
    FROM asked GROUP BY task, task_version
), granted AS (
    SELECT {_CELL}, compared,
        row_number() OVER (PARTITION BY task, task_version, solver ORDER BY budget + retrain_budget DESC, budget DESC) = 1 AS largest
    FROM asked JOIN versions USING (task, task_version)
)
SELECT
    {_CELL}, compared, largest, subject, "case", any_value(tool) AS tool, any_value(reader) AS reader, any_value(role) AS role,
    any_value(flaw) AS flaw, any_value(data) AS data, any_value(model) AS model, count(*) AS cells, {_COUNTS},
    avg(CASE WHEN status = '{Status.FAILED}' THEN 0.0 WHEN status IN ({_SCORED}) THEN skill END) AS score,
    avg(skill) FILTER (status IN ({_SCORED})) AS success,
    avg(equivalents) FILTER (status IN ({_ATTEMPTED})) AS cost,
    CASE WHEN count(passes) FILTER (status IN ({_ATTEMPTED})) = count(*) FILTER (status IN ({_ATTEMPTED}))
         THEN avg(passes) FILTER (status IN ({_ATTEMPTED})) END AS passes,
    avg(clean_images) FILTER (status IN ({_ATTEMPTED})) AS clean_images,
    count(*) FILTER (beyond_meter) AS beyond,
    sum(forward) AS forward, sum(backward) AS backward, sum(seconds) AS seconds, sum(cpu_seconds) AS cpu_seconds,
    sum(passes) AS all_passes, max(peak_mb) AS peak_mb, sum(person_seconds) AS person_seconds,
    max(clean_images) AS most_clean_images
FROM {VIEW} JOIN granted USING ({_CELL}) GROUP BY {_CELL}, compared, largest, subject, "case"
"""  # noqa: S608 - our own names
"""One line per case, solver and budget: the table or view ``scores``."""

KINDS: Final = f"(SELECT *, unnest(string_split(flaw, '{JOINT}')) AS kind FROM scores)"  # noqa: S608
"""The same with one line for each kind of flaw that it is about."""


def means(keys: str, source: str, where: str) -> str:
    """One line per group of ``keys``: its mean over networks and their deviation, and what its cells came to; ``where`` selects scores."""
    counts = ", ".join(f"sum({status})::BIGINT AS {status}" for status in Status)
    return f"""
    WITH chosen AS MATERIALIZED (SELECT * FROM {source} WHERE {where}), networks AS (
        SELECT {keys}, subject, avg(score) AS score, avg(success) AS success, count(DISTINCT "case") FILTER (score IS NOT NULL) AS cases
        FROM chosen GROUP BY {keys}, subject
    ), mean AS (
        SELECT {keys}, count(score) AS networks, sum(cases)::BIGINT AS cases, avg(score) AS skill,
            coalesce(stddev_samp(score), 0) AS deviation, avg(success) AS mean_over_successes
        FROM networks GROUP BY {keys}
    ), total AS (
        SELECT {keys}, sum(cells)::BIGINT AS cells, {counts}, sum(beyond)::BIGINT AS beyond,
            median(score) AS median, list_sort(list(score) FILTER (score IS NOT NULL)) AS sorted,
            avg(cost) AS mean_cost, median(cost) AS median_cost,
            CASE WHEN count(passes) = count(score) THEN avg(passes) END AS mean_passes,
            CASE WHEN count(passes) = count(score) THEN median(passes) END AS median_passes,
            avg(clean_images) FILTER (score IS NOT NULL) AS mean_clean_images,
            median(clean_images) FILTER (score IS NOT NULL) AS median_clean_images
        FROM chosen GROUP BY {keys}
    )
    SELECT * EXCLUDE (sorted), list_avg(sorted[1:ceil(len(sorted) / 10)::BIGINT]) AS worst_tenth
    FROM total JOIN mean USING ({keys}) ORDER BY {keys}
    """  # noqa: S608 - our own names
