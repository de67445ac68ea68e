"""A tiny suite, good solvers, and what may be left of a run: for benchmarks of what goes wrong."""

from pathlib import Path

import psutil

GOOD = ("edges@verbatim", "saliency@verbatim", "finetune", "oracle@matcher", "top-images@matcher")
CLOCKS = ("seconds", "peak_mb", "cpu_seconds", "passes", "traceback")
SUITE = {
    "name": "hostile",
    "seed": 0,
    "data": "digits",
    "model": "six-conv[width=4]",
    "recipe": {
        "train_images": 200,
        "pretraining": None,
        "clean_images": 40,
        "heldout_images": 60,
        "triggered_images": 20,
        "training": {"epochs": 1},
        "insertion_training": {"epochs": 1},
        "gate": {"strictness": 0.0, "clean_drop": 1.0, "above_chance": -1.0, "elsewhere": 1.0, "near_miss": 1.0},
    },
    "networks": [{"flaws": ["patch"]}],
    "references": 1,
    "tasks": ["detect", "discover", "localise", "repair"],
    "look_budgets": [500.0],
    "retrain_budgets": [500.0],
    "limits": {"seconds": 30.0, "memory_mb": 600.0},
    "lineups": 0,
}


def left(place: Path) -> list[str]:
    """Processes of the run that live, and folders of cells that are there."""
    found = [str(path) for path in place.glob("onecurve-cell-*")] + [str(path) for path in place.glob("run-*/owned")]
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR", "").startswith(str(place)) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"process {process.pid}")
        except psutil.Error:
            continue
    return found
