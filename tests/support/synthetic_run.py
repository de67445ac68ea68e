"""A run of rows that are drawn from a known model, written many at a time."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from onecurve.store.store import Store


def _loaded() -> ModuleType:
    place = Path(__file__).parents[2] / "benchmarks" / "synthetic.py"
    spec = importlib.util.spec_from_file_location("synthetic", place)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["synthetic"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


synthetic = _loaded()


def synthetic_run(folder: Path, networks: int = 6, repeats: int = 2) -> Path:
    """The run in ``folder``: 40 couples of a solver and a task, 5 budgets; the first case is secret."""
    with Store.create(folder) as store:
        synthetic.fill(store, networks, repeats)
    return folder
