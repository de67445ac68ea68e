"""Rows of a run that never took place, drawn from a known model, to measure how large runs are read.

Every network has one flaw, every couple of a solver and a task is asked about every network, at every budget, several times. A cell that
is graded has the skill

    base of the couple + slope of the couple · log10(budget / least budget) + step of the couple for the kind of flaw
    + what the network adds for this couple, N(0, 0.15) + what the repeat adds, N(0, 0.1)

and a known share of the cells of each couple fails or abstains, which counts as 0. So the true mean of every group is known.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, final

import numpy as np
from sqlalchemy import Connection, insert

from onecurve.store import tables
from onecurve.store.row_digests import row_digest
from onecurve.store.store import Store

KINDS = ("blended", "clean", "decoy", "dynamic", "label-noise", "patch", "rank-one", "shortcut", "style", "warp")
DATA, MODELS = ("digits", "shapes", "textures"), ("resnet20", "six-conv")
BUDGETS = (1_000.0, 3_000.0, 10_000.0, 30_000.0, 100_000.0)
TOOLS = {
    ("discover", "matcher"): (
        "blank", "cppn", "consensus", "edges", "error-images", "adversarial-patch", "neural-cleanse", "occlusion", "random-patches",
        "saliency", "style-inversion", "top-images", "grad-cam", "lime",
    ),
    ("localise", "verbatim"): (
        "blank", "edges", "occlusion", "saliency", "integrated-gradients", "grad-cam", "guided-backprop", "lrp", "rise", "smooth-grad",
        "lime", "kernel-shap", "deep-lift", "input-x-gradient", "consensus",
    ),
    ("detect", "outlier"): (
        "blank", "last-layer", "mm-bd", "neural-cleanse", "neuron-inspect", "random-patches", "adversarial-patch", "cppn",
        "style-inversion", "test-set", "top-images",
    ),
}  # fmt: skip
BASELINES = ("blank", "edges", "random-patches", "test-set", "error-images")
BETWEEN_NETWORKS, BETWEEN_REPEATS = 0.15, 0.1
LOST_SHARE = 0.002
BATCH = 10_000
"""Rows that are written at a time."""


@final
@dataclass(frozen=True)
class Couple:
    """One solver on one task, and the truth of it."""

    task: str
    tool: str
    reader: str
    base: float
    slope: float
    steps: tuple[float, ...]
    """By kind of flaw."""
    failing: float
    """Share of its cells that fail."""
    abstaining: float

    @property
    def solver(self) -> str:
        """As it stands in a row."""
        return f"{self.tool}@{self.reader}"

    def mean(self, budget: float, kind: int) -> float:
        """The true mean skill over networks of that kind, what failed and abstained at 0."""
        skill = self.base + self.slope * np.log10(budget / BUDGETS[0]) + self.steps[kind]
        return float(skill * (1 - self.failing - self.abstaining))


def couples(seed: int = 0) -> tuple[Couple, ...]:
    """The forty couples of a solver and a task."""
    rng = np.random.default_rng(seed)
    found = []
    for (task, reader), tools in TOOLS.items():
        for tool in tools:
            base, slope = (rng.uniform(-0.02, 0.08), 0.0) if tool == "blank" else (rng.uniform(0.0, 0.55), rng.uniform(0.0, 0.15))
            steps = tuple(float(step) for step in rng.normal(0, 0.08, len(KINDS)))
            found.append(
                Couple(task, tool, reader, float(base), float(slope), steps, float(rng.uniform(0, 0.06)), float(rng.uniform(0, 0.04)))
            )
    return tuple(found)


def network_of(number: int) -> tuple[str, str, str, str, str]:
    """Case, network, kind of flaw, data set and architecture of a network."""
    kind = KINDS[number % len(KINDS)]
    return f"{kind}-{number:05d}-a", f"network-{number:05d}", kind, DATA[number % len(DATA)], MODELS[number % len(MODELS)]


def lines(networks: int, repeats: int, seed: int = 0) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Cell and grade of every row, as the columns of the tables `cells` and `grades`; a cell that was lost has no grade."""
    asked = couples(seed)
    for number in range(networks):
        rng = np.random.default_rng([seed, number])
        for place, couple in enumerate(asked):
            yield from _cells(number, place, couple, repeats, rng)


def _cells(
    number: int, place: int, couple: Couple, repeats: int, rng: np.random.Generator
) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    case, network, kind, data, model = network_of(number)
    own = rng.normal(0, BETWEEN_NETWORKS)
    skills = rng.normal(0, BETWEEN_REPEATS, (len(BUDGETS), repeats)) + own + couple.base + couple.steps[KINDS.index(kind)]
    fates = rng.random((len(BUDGETS), repeats))
    facts = {"insertion": "train" if number % 2 else "finetune", "poison_rate": 0.05, "size": 3 + number % 4}
    for at, budget in enumerate(BUDGETS):
        spent = budget * (0.6 + 0.4 * fates[at, 0])
        for repeat in range(repeats):
            fate = fates[at, repeat]
            # SQLite keeps no negative zero.
            skill = round(float(skills[at, repeat] + couple.slope * np.log10(budget / BUDGETS[0])), 6) + 0.0
            key = f"{number:08x}{place:04x}{at:02x}{repeat:02x}"
            status, reason = _fate(fate, couple)
            cell = {
                "key": key, "case": case, "subject": network, "flaw": kind, "data": data, "model": model, "task": couple.task,
                "solver": couple.solver, "tool": couple.tool, "reader": couple.reader,
                "role": "baseline" if couple.tool in BASELINES else "method", "budget": budget, "retrain_budget": 0.0, "repeat": repeat,
                "status": "lost" if status == "lost" else "pending", "reason": reason if status == "lost" else "",
                "forward": round(spent / 2, 3), "backward": round(spent / 4, 3), "seconds": round(spent / 5_000, 3), "peak_mb": 120.0,
                "person_seconds": 0.0, "facts": facts, "question": f"q{number:08x}", "evidence": f"e{key}", "answer": f"a{key}",
                "traceback": "", "cpu_seconds": round(spent / 4_000, 3), "passes": round(spent * 1.1, 3), "task_version": 1,
                "clean_images": 0 if couple.tool in BASELINES else 100 + 50 * at,
            }  # fmt: skip
            if status == "lost":
                yield cell, None
                continue
            scored = status in {"graded", "abstained"}
            skill = skill if status == "graded" else 0.0
            grade = {
                "key": key, "status": status, "reason": reason, "raw": skill if scored else None, "floor": 0.0 if scored else None,
                "ceiling": 1.0 if scored else None, "skill": skill if scored else None,
                "figures": _figures(couple, kind, skill) if status == "graded" else {},
            }  # fmt: skip
            yield cell, grade


def _figures(couple: Couple, kind: str, skill: float) -> dict[str, float]:
    """Of a detector how suspicious it was: the more skilful, the further to the right side; of others what their tasks state."""
    held = round(min(max(skill, 0.0), 1.0), 3)
    if couple.task != "detect":
        return {"top1": float(skill > 0.5), "mass": held}
    innocent = kind in {"clean", "decoy"}
    return {
        "suspicion": round(0.5 - held / 2 if innocent else 0.5 + held / 2 - 0.05, 4),
        **({} if innocent else {"named": float(skill > 0.4)}),
    }


def _fate(fate: float, couple: Couple) -> tuple[str, str]:
    if fate < couple.failing:
        return "failed", "timed out after 60 s" if fate < couple.failing / 2 else "the answer has a weight that is not finite"
    if fate < couple.failing + couple.abstaining:
        return "abstained", "the map is flat"
    if fate > 1 - LOST_SHARE:
        return "lost", "the worker was killed"
    return "graded", ""


def fill(store: Store, networks: int, repeats: int, seed: int = 0) -> int:
    """Write the rows into an empty store, many at a time, each with its digest, and what a report asks of a run; returns how many."""
    made, graded = 0, 0
    asked = lines(networks, repeats, seed)
    while some := list(islice(asked, BATCH)):
        cells = [cell for cell, _ in some]
        grades = [{**grade, "number": graded + at} for at, grade in enumerate((grade for _, grade in some if grade), start=1)]
        store.database.write(partial(_write, cells=cells, grades=grades))
        made, graded = made + len(some), graded + len(grades)
    moment = "2026-01-01T00:00:00+00:00"
    suite = {"name": "synthetic", "tasks": sorted({task for task, _ in TOOLS}), "seed": seed}
    notes = {"suite": json.dumps(suite), "started": moment, "finished": {"at": moment, "seconds": 3600.0}}
    for name, value in {**notes, "planting": "synthetic", "secret": [network_of(0)[0]], "command": "none: the rows are synthetic"}.items():
        store.note(name, value)
    return made


def _write(connection: Connection, cells: list[dict[str, Any]], grades: list[dict[str, Any]]) -> None:
    for table, key, values in ((tables.cells, "key", cells), (tables.grades, "number", grades)):
        names = [column.name for column in table.c]
        kept = [[_as_kept(value[name]) for name in names] for value in values]
        digests = [
            {"table": table.name, "key": str(value[key]), "digest": row_digest(names, row)} for value, row in zip(values, kept, strict=True)
        ]
        connection.execute(insert(table), values)
        connection.execute(insert(tables.digests), digests)


def _as_kept(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict) else value
