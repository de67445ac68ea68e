"""What tools say of clean networks: class scores of several architectures and data sets, made by `benchmarks/outlier_table.py`."""

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

TABLE = Path(__file__).with_name("clean_scores.csv")
"""Columns: tool, model, data, network, and one per class: the score less the median, in median absolute deviations."""
FACTS = 4
"""Columns before the scores."""


@lru_cache(maxsize=8)
def clean_scores(classes: int) -> Doubles:
    """Looks x K: all scores of the table, K the smaller of ``classes`` and the classes of its networks."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = [row[FACTS:] for row in csv.reader(file)][1:]
    return np.array(rows, np.float64)[:, :classes]
