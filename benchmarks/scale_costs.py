"""What large runs cost: measured figures, and the page `docs/scale.md` that is calculated from them.

    python benchmarks/scale_costs.py run RUN            costs by kind of cell, and storage, of a finished run
    python benchmarks/scale_costs.py trusted RUN        asking and grading: some of the cases and answers of that run, here
    python benchmarks/scale_costs.py driver [--engine E] what the process that keeps the rows does for a cell
    python benchmarks/scale_costs.py rates [--store URL] how fast rows, blobs and merges are written here
    python benchmarks/scale_costs.py page                write docs/scale.md from scale_measured.json

All but the last write their figures into `benchmarks/scale_measured.json`. Figures of other benchmarks are written there by hand, with the
command that measured them; null stands for what was not measured.
"""

import argparse
import json
import shutil
import sys
import tempfile
import textwrap
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from onecurve.core.display import PlantRecord
from onecurve.core.evidence import Evidence, HeatMap
from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.core.spec import content_key
from onecurve.runner.engine.choosing import EngineChoice
from onecurve.runner.handlers.trusted import HANDLERS
from onecurve.runner.isolation.walls import Wanted
from onecurve.runner.merging.merge import merge_runs
from onecurve.runner.phases.solve import Grading, grading_job
from onecurve.runner.run import Place, run_suite
from onecurve.store.blobs import Blobs
from onecurve.store.store import FILE, Store
from runner_overhead import SOLVER, overhead_suite

ROOT = Path(__file__).parents[1]
MEASURED, PAGE = ROOT / "benchmarks" / "scale_measured.json", ROOT / "docs" / "scale.md"
MADE = "<!-- made by benchmarks/scale_costs.py; do not edit -->\n"
ATTEMPTED = (Status.GRADED, Status.ABSTAINED, Status.FAILED)
SIZES = (10**5, 10**6, 10**7)
HOUR, GIGABYTE = 3600.0, 1e9
CORES = 16
"""Of the machine in whose hours costs are told."""
UNKNOWN = {
    "local_cells": "python benchmarks/scale_costs.py driver --engine local",
    "ray_cells": "python benchmarks/scale_costs.py driver --engine ray",
    "slurm_cells": "python benchmarks/scale_costs.py driver --engine slurm",
    "sqlite_cells": "python benchmarks/scale_costs.py rates",
    "postgresql_cells": "python benchmarks/scale_costs.py rates --store postgresql://…",
    "blobs": "python benchmarks/scale_costs.py rates",
    "read_rows": "python benchmarks/scale_costs.py rates",
    "merged_rows": "python benchmarks/scale_costs.py rates",
    "report_rows": "python benchmarks/million_rows.py",
    "graded_answers": "python benchmarks/scale_costs.py trusted RUN",
    "asked_cases": "python benchmarks/scale_costs.py trusted RUN",
}
"""Every rate, with the command that measures it."""
TRIVIAL = 200
"""Cells by which the driver is measured."""
SAMPLED, CASES, MEMORY_MB = 60, 8, 1e6
"""How many answers and cases are graded and asked to measure what that takes, about; and no limit of memory, which is of the process."""
ROWS, BLOBS, MAP = 3000, 300, 64
"""How many rows and blobs are written to measure a rate; a blob is a heat map of MAP x MAP floats for 3 inputs."""


def costs_of(folder: Path) -> dict[str, Any]:
    """What a run cost, by task, and what it takes on the disk."""
    with Store.read(folder) as store:
        rows, looks, plants, command = store.rows(), store.looks(), store.plants(), store.noted("command")
    cells = [row for row in rows if row.status in ATTEMPTED and row.role is not Role.REFERENCE_POINT]
    seen: set[str] = set()
    by_task: dict[str, dict[str, float]] = {}
    look_costs = {look.evidence: look.cost for look in looks.values() if look.evidence}
    for task in sorted({row.task for row in cells}):
        by_task[task] = _task_costs([row for row in cells if row.task == task], look_costs, seen)
    charged = {row.evidence for row in cells}
    others = [look.cost.cpu_seconds or 0.0 for look in looks.values() if look.evidence not in charged]
    subjects = {row.subject for row in cells}
    return {
        "command": command,
        "rows": len(rows),
        "cells": len(cells),
        "cases": len({row.case for row in cells}),
        "networks": len({record.subject for record in plants}),
        "tasks": by_task,
        "reference_looks": {"looks": len(others), "cpu_seconds": sum(others)},
        "planting_seconds": _planting(plants, subjects),
        "bytes": _sizes(folder, subjects),
    }


def _task_costs(cells: Sequence[Row], looks: Mapping[str, Any], seen: set[str]) -> dict[str, float]:
    """A look that serves several cells is counted with the first of them."""
    looking = reading = 0.0
    taken = 0
    for row in cells:
        own = looks.get(row.evidence)
        look = (own.cpu_seconds or 0.0) if own else 0.0
        reading += max(0.0, (row.cpu_seconds or 0.0) - look)
        if own and row.evidence not in seen:
            seen.add(row.evidence)
            looking, taken = looking + look, taken + 1
    longest = max(row.seconds for row in cells)
    return {"cells": len(cells), "looks": taken, "look_cpu_seconds": looking, "read_cpu_seconds": reading, "longest_seconds": longest}


def _planting(plants: Iterable[Any], subjects: set[str]) -> dict[str, float]:
    by_network: dict[str, float] = defaultdict(float)
    for record in plants:
        by_network[record.subject] = max(by_network[record.subject], record.seconds)
    examined = [seconds for name, seconds in by_network.items() if name in subjects]
    return {"networks": len(examined), "mean": fmean(examined), "longest": max(examined)}


def _sizes(folder: Path, subjects: set[str]) -> dict[str, float]:
    networks = [_bytes(folder / "networks" / name) for name in subjects]
    return {
        "database": (folder / FILE).stat().st_size,
        "blobs": _bytes(folder / "blobs"),
        "sealed": _bytes(folder / "sealed"),
        "network_mean": fmean(networks),
    }


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def driver(engine: str) -> dict[str, dict[str, Any]]:
    """Trivial cells, each with a look and a reading, by an engine with two workers; processor seconds are of the driver alone."""
    command = f"python benchmarks/scale_costs.py driver --engine {engine}"
    with tempfile.TemporaryDirectory() as folder:
        place, file = Path(folder), Path(folder) / "trivial.py"
        file.write_text(SOLVER)
        suite = overhead_suite(file, TRIVIAL)
        chosen = EngineChoice(engine, options={"cluster": "local"} if engine == "slurm" else {}, jobs=2)
        there = Place(place / "out", place / "cache", 2, isolation=Wanted.OFF, engine=chosen)
        run_suite(suite.changed({"repeats": 1}), there)
        return {f"{engine}_cells": _rate(lambda: run_suite(suite, there), TRIVIAL - 1, command)}


def trusted(folder: Path) -> dict[str, dict[str, Any]]:
    """Processor seconds of grading an answer and of asking the questions of a case, over some of a run, in this process."""
    command = "python benchmarks/scale_costs.py trusted RUN"
    with Store.read(folder) as store:
        rows, suite = store.rows(), json.loads(store.noted("suite"))
    answered = [row for row in rows if row.answer and row.status is Status.GRADED][:: max(1, len(rows) // SAMPLED)]
    graded = _rate(lambda: [_grade(folder, row) for row in answered], len(answered), command)
    cases = sorted({(row.subject, row.case) for row in rows})
    cases = cases[:: max(1, len(cases) // CASES)]
    with tempfile.TemporaryDirectory() as place:
        asked = _rate(lambda: [_ask(folder, suite, case, Path(place)) for case in cases], len(cases), command)
    return {"graded_answers": graded, "asked_cases": asked}


def _grade(folder: Path, row: Row) -> None:
    job = grading_job(Grading(str(folder / "networks" / row.subject), str(folder / "blobs"), "cpu", 0.0), row, row.case)
    HANDLERS["grade"](**{**job.arguments, "device": "cpu", "memory_mb": MEMORY_MB})


def _ask(folder: Path, suite: Mapping[str, Any], case: tuple[str, str], place: Path) -> None:
    network, name = case
    HANDLERS["prepare"](
        folder=str(folder / "networks" / network),
        case=name,
        tasks=suite["tasks"],
        first=name.endswith(".1"),
        seed=0,
        population={"clean_share": 0.4, "flaws_per_network": 1, "announced": 0.4},
        trained={"budgets": suite["retrain_budgets"], "clean": [], "device": "cpu"},
        blobs={"open": str(place / "open"), "sealed": str(place / "sealed")},
    )


def rates(store_address: str = "") -> dict[str, dict[str, Any]]:
    """Rows, blobs and merges per second of a processor, and per second on the clock."""
    place = Path(tempfile.mkdtemp(prefix="scale-"))
    command = "python benchmarks/scale_costs.py rates"
    try:
        found = {"sqlite_cells": _rate(lambda: _write_rows(place / "sqlite", ""), ROWS, command)}
        if store_address:
            told = f"{command} --store postgresql://…"
            found["postgresql_cells"] = _rate(lambda: _write_rows(place / "postgresql", store_address), ROWS, told)
        found["blobs"] = _rate(lambda: _write_blobs(place / "blobs"), BLOBS, command)
        found["read_rows"] = _rate(lambda: _read_rows(place / "sqlite"), ROWS, command)
        found["merged_rows"] = _rate(lambda: merge_runs([place / "sqlite"], place / "merged"), ROWS, command)
    finally:
        shutil.rmtree(place)
    return found


def _rate(work: Any, count: int, command: str) -> dict[str, Any]:
    began, processor = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - processor
    return {"per_second": count / seconds, "per_cpu_second": count / cpu, "command": command}


def _write_rows(folder: Path, address: str) -> None:
    """Cells with a grade each, written down one by one as a run does."""
    network = folder / "networks" / "net-1"
    network.mkdir(parents=True)
    (network / "key").write_text(content_key("scale"))
    with Store.create(folder, address) as store:
        store.note("planting", content_key("scale"))
        store.note("started", "2026-01-01T00:00:00+00:00")
        store.add_plants("net-1", [_plant()])
        for number in range(ROWS):
            row = _row(number)
            store.add_cell(replace(row, status=Status.PENDING, raw=None, floor=None, ceiling=None, skill=None, figures={}))
            store.add_grade(row.key, row.grade)


def _plant() -> PlantRecord:
    return PlantRecord(case="net-1.1", subject="net-1", flaw="patch", words="", admitted=True, reason="", strength={})


def _row(number: int) -> Row:
    facts = {"clean_accuracy": 0.99, "insertion": "joint", "poison_rate": 0.1, "success": 0.97, "trigger": "a small square", "size": 7}
    figures = dict.fromkeys(("top1", "top3", "mass", "overlap", "rank", "calibration"), 0.25)
    return Row(
        key=content_key("cell", number), case="net-1.1", subject="net-1", flaw="patch", data="shapes", model="six-conv", task="discover",
        solver="cppn@matcher", tool="cppn", reader="matcher", role=Role.METHOD, budget=1000.0, retrain_budget=0.0, repeat=number,
        status=Status.GRADED, raw=0.5, floor=0.25, ceiling=1.0, skill=1 / 3, forward=1000.0, seconds=1.0, cpu_seconds=1.0, passes=1e3,
        figures=figures, facts=facts, question="q" * 32, evidence="", answer="", task_version=2,
    )  # fmt: skip


def _write_blobs(folder: Path) -> None:
    blobs, rng = Blobs(folder), np.random.default_rng(0)
    for _ in range(BLOBS):
        blobs.put(Evidence(tuple(HeatMap(rng.random((MAP, MAP), np.float32), item) for item in range(3))))


def _read_rows(folder: Path) -> None:
    with Store.read(folder) as store:
        sum(1 for _ in store.stream())


def page(measured: Mapping[str, Any]) -> str:
    """The whole page as Markdown."""
    run, rate = measured["run"], measured["rates"]
    cell = _per_cell(run)
    parts = [
        MADE,
        "# What 100,000 to 10 million cells cost\n",
        _wrapped(
            f"Every figure here follows from measurements on {measured['machine']}. "
            "`python benchmarks/scale_costs.py page` calculates the page from `benchmarks/scale_measured.json`, where each figure "
            "has the command that measured it. What was not measured says so."
        ),
        "\n## What a cell costs\n",
        _wrapped(
            f"Costs are those of `{run['command']}`: {run['cells']:,} cells that a solver attempted ({run['rows']:,} rows with "
            "reference points and cells that cannot be attempted). A look that serves several tasks is counted with the first of them. "
            "Processor seconds are of one core. The networks are small (six convolutions, 32 x 32 inputs), and so are the budgets: a "
            "larger network or budget costs in proportion to its passes."
        ),
        _cell_table(run),
        _wrapped(
            f"Looks at clean reference networks add {cell['reference']:.3f} s per cell. Planting adds {cell['planting']:.2f} s per cell: "
            f"{run['planting_seconds']['mean']:.0f} s on the clock for each network, in one process of one thread, and "
            f"{cell['per_network']:.0f} cells for each network. {_grading_words(cell, rate)} "
            f"Together: **{_total(cell, rate):.2f} processor seconds per cell**."
        ),
        "\n## What it takes on the disk\n",
        _storage_table(run, cell),
        "\n## What large runs cost\n",
        _wrapped(
            f"The mix of cells is that of `standard`. Hours are of a machine with {CORES} cores that is always busy; planting is included. "
            "The larger runs have more networks, not more cells for each network."
        ),
        _size_table(cell, rate),
        "\n## What comes after\n",
        _wrapped(
            "Processor time of one core, if it grows in proportion; a report was measured up to 200,000 rows, a merge up to 100,000. "
            "A merge holds about half a kilobyte of memory for each cell."
        ),
        _after_table(cell, rate),
        "\n## Where the first bottleneck is\n",
        _bottlenecks(cell, rate),
        "\n## How each rate was measured\n",
        _rate_table(rate),
    ]
    return "\n".join(parts) + "\n"


def _per_cell(run: Mapping[str, Any]) -> dict[str, float]:
    cells, networks = run["cells"], run["planting_seconds"]["networks"]
    tasks = run["tasks"].values()
    return {
        "solving": sum(one["look_cpu_seconds"] + one["read_cpu_seconds"] for one in tasks) / cells,
        "reference": run["reference_looks"]["cpu_seconds"] / cells,
        "planting": run["planting_seconds"]["mean"] * networks / cells,
        "per_network": cells / networks,
        "per_case": cells / run["cases"],
        "rows": run["rows"] / cells,
        "database": run["bytes"]["database"] / cells,
        "blobs": (run["bytes"]["blobs"] + run["bytes"]["sealed"]) / cells,
        "networks": run["bytes"]["network_mean"] * networks / cells,
    }


def _total(cell: Mapping[str, float], rate: Mapping[str, Any]) -> float:
    graded, asked = (rate[name]["per_cpu_second"] for name in ("graded_answers", "asked_cases"))
    known = cell["solving"] + cell["reference"] + cell["planting"]
    return known + (1 / graded if graded else 0.0) + (1 / asked / cell["per_case"] if asked else 0.0)


def _grading_words(cell: Mapping[str, float], rate: Mapping[str, Any]) -> str:
    graded, asked = (rate[name]["per_cpu_second"] for name in ("graded_answers", "asked_cases"))
    words = f"Grading takes {1 / graded:.2f} s per answer" if graded else "Grading was not measured"
    if not asked:
        return f"{words}, and asking the questions was not measured."
    return f"{words}, and asking the questions of a case {1 / asked:.1f} s, {1 / asked / cell['per_case']:.2f} s per cell."


def _cell_table(run: Mapping[str, Any]) -> str:
    lines = ["| task | cells | share | looks | s per look | s per reading and answer | longest cell, s |", "|---|---|---|---|---|---|---|"]
    for task, one in run["tasks"].items():
        look = f"{one['look_cpu_seconds'] / one['looks']:.2f}" if one["looks"] else "–"
        share, read = one["cells"] / run["cells"], one["read_cpu_seconds"] / one["cells"]
        lines.append(f"| `{task}` | {one['cells']} | {share:.0%} | {one['looks']} | {look} | {read:.2f} | {one['longest_seconds']:.0f} |")
    return "\n".join(lines) + "\n"


def _storage_table(run: Mapping[str, Any], cell: Mapping[str, float]) -> str:
    lines = [
        "| what | per cell |",
        "|---|---|",
        f"| database ({cell['rows']:.1f} rows for each attempted cell) | {cell['database'] / 1e3:.1f} kB |",
        f"| questions, evidence, answers, displays | {cell['blobs'] / 1e3:.0f} kB |",
        f"| networks with their truths ({run['bytes']['network_mean'] / 1e6:.1f} MB each) | {cell['networks'] / 1e3:.0f} kB |",
    ]
    return "\n".join(lines) + "\n"


def _size_table(cell: Mapping[str, float], rate: Mapping[str, Any]) -> str:
    lines = [
        f"| cells | networks | core-hours | hours of {CORES} cores | database | blobs | networks on disk |",
        "|---|---|---|---|---|---|---|",
    ]
    for size in SIZES:
        hours = size * _total(cell, rate) / HOUR
        stored = " | ".join(_size(size * cell[part]) for part in ("database", "blobs", "networks"))
        lines.append(f"| {size:,} | {size / cell['per_network']:,.0f} | {hours:,.0f} | {hours / CORES:,.0f} | {stored} |")
    return "\n".join(lines) + "\n"


AFTER = {"report_rows": "a report", "merged_rows": "a merge", "graded_answers": "`verify --grade`, answers alone"}
"""What is done with finished rows."""


def _after_table(cell: Mapping[str, float], rate: Mapping[str, Any]) -> str:
    lines = [f"| cells | {' | '.join(AFTER.values())} |", "|---|---|---|---|"]
    for size in SIZES:
        counts = {name: size * (1 if name == "graded_answers" else cell["rows"]) for name in AFTER}
        told = [_time(counts[name] / each) if (each := rate[name]["per_cpu_second"]) else "not measured" for name in AFTER]
        lines.append(f"| {size:,} | {' | '.join(told)} |")
    return "\n".join(lines) + "\n"


def _time(seconds: float) -> str:
    return f"{seconds / HOUR:,.1f} h" if seconds >= HOUR else f"{seconds / 60:.1f} min"


def _size(count: float) -> str:
    return f"{count / 1e12:.1f} TB" if count >= 1e12 else f"{count / GIGABYTE:.1f} GB"


WRITERS = {
    "local_cells": "the driver with local workers",
    "ray_cells": "the driver with workers on Ray",
    "slurm_cells": "the driver with workers by Slurm",
    "sqlite_cells": "rows in SQLite",
    "postgresql_cells": "rows in PostgreSQL",
    "blobs": "blobs on a local disk, by one process",
}
"""What each cell passes through, and what may hold back all workers."""
BLOBS_PER_CELL = 2
"""Evidence and an answer."""


def _bottlenecks(cell: Mapping[str, float], rate: Mapping[str, Any]) -> str:
    total = _total(cell, rate)
    each = {name: rate[name]["per_cpu_second"] for name in WRITERS if rate[name]["per_cpu_second"]}
    known = {name: count / (BLOBS_PER_CELL if name == "blobs" else 1) for name, count in each.items()}
    order = sorted(known, key=lambda name: known[name])
    lines = ["| what | cells per second | cores that it keeps busy | 10 million cells take at least |", "|---|---|---|---|"]
    lines += [
        f"| {WRITERS[name]} | {known[name]:,.0f} | {known[name] * total:,.0f} | {10**7 / known[name] / HOUR:,.1f} h |" for name in order
    ]
    lines += [f"| {words} | not measured | – | – |" for name, words in WRITERS.items() if name not in known]
    engines = [name for name in order if name.endswith("_cells") and name not in {"sqlite_cells", "postgresql_cells"}]
    first = WRITERS[order[0]] if order else "unknown"
    words = (
        f"A cell takes {total:.2f} processor seconds, so a part that passes on n cells per second keeps n x {total:.2f} cores busy. "
        f"With more cores than that they wait for it. The first is {first}. "
        "Rates are those of one core that does nothing else: other work shared the machine while they were measured, so seconds on the "
        "clock tell more of that work. Those of drivers are bounds: a driver also looks around while it waits, and it waited long here. "
        "Writing rows is a part of what a driver does; the processes of PostgreSQL itself come on top."
    )
    split = " Past it, split the suite by seed, run the parts with a driver each, and merge them (`onecurve merge`)." if engines else ""
    return "\n".join([*lines, "", _wrapped(words + split)])


def _rate_table(rate: Mapping[str, Any]) -> str:
    lines = ["| figure | per second | per processor second | command |", "|---|---|---|---|"]
    for name, one in rate.items():
        told = [_figure(one[kind]) if one.get(kind) else "not measured" for kind in ("per_second", "per_cpu_second")]
        lines.append(f"| {name.replace('_', ' ')} | {told[0]} | {told[1]} | `{one['command']}` |")
    return "\n".join(lines)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _wrapped(words: str) -> str:
    return textwrap.fill(words, 118, break_long_words=False, break_on_hyphens=False) + "\n"


def main() -> None:
    """Measure, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "trusted", "driver", "rates", "page"))
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--store", default="")
    parser.add_argument("--engine", default="local")
    asked = parser.parse_args()
    measured = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else {"machine": "", "run": {}, "rates": {}}
    unknown = {name: {"per_second": None, "per_cpu_second": None, "command": command} for name, command in UNKNOWN.items()}
    measured["rates"] = {**unknown, **{name: one for name, one in measured["rates"].items() if one["per_second"]}}
    if asked.what == "run":
        measured["run"] = costs_of(asked.folder)
    elif asked.what == "driver":
        measured["rates"] |= driver(asked.engine)
    elif asked.what == "trusted":
        measured["rates"] |= trusted(asked.folder)
    elif asked.what == "rates":
        measured["rates"] |= rates(asked.store)
    else:
        PAGE.write_text(page(measured), encoding="utf-8")
    MEASURED.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
