"""From the plain values of a suite file to a planting recipe."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from onecurve.core.errors import SpecError
from onecurve.flaws.planting.gate import Gate
from onecurve.flaws.planting.recipe import Recipe
from onecurve.models.steps import TrainingRecipe

T = TypeVar("T")
_RECORDS: Mapping[str, type] = {
    "pretraining": TrainingRecipe,
    "training": TrainingRecipe,
    "insertion_training": TrainingRecipe,
    "gate": Gate,
}


def recipe_of(values: Mapping[str, Any]) -> Recipe:
    """The recipe with these fields, nested ones as mappings; raises ``SpecError`` for a field that does not exist or fit."""
    plain = {
        name: _record(_RECORDS[name], name, value) if name in _RECORDS and value is not None else value for name, value in values.items()
    }
    return _record(Recipe, "recipe", plain)


def _record(kind: type[T], place: str, values: Mapping[str, Any]) -> T:
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise SpecError(f"`{place}` has no field: {', '.join(unknown)}", f"it has: {', '.join(known)}")
    needed = [field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING]  # type: ignore[arg-type]
    missing = [name for name in needed if name not in values]
    if missing:
        raise SpecError(f"`{place}` lacks a field: {', '.join(missing)}", f"it has: {', '.join(known)}")
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise SpecError(f"`{place}` does not fit: {error}") from error
