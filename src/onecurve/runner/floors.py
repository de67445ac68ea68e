"""Floors that depend on the retrain budget, as the grading side prepares them and as rows are graded."""

from collections.abc import Mapping
from typing import Any

FLOORS = "floors"
"""Under this a prepared task holds its floors by retrain budget, where they depend on it."""


def budget_name(budget: float) -> str:
    """A retrain budget as the key of its floor."""
    return f"{budget:g}"


def prepared_floor(prepared: Mapping[str, Any], retrain_budget: float) -> Mapping[str, Any]:
    """The floor of a prepared task for cells with that retrain budget: its `raw` and `figures`."""
    found: Mapping[str, Any] = prepared.get(FLOORS, {}).get(budget_name(retrain_budget), prepared["floor"])
    return found
