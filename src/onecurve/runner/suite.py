"""Suites: what to sample, how many, which solvers, budgets and seeds. A small YAML file."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError

from onecurve.core.errors import SpecError, UnknownNameError
from onecurve.core.spec import content_key

_STRICT = ConfigDict(extra="forbid", frozen=True)


class Networks(BaseModel):
    """Some networks planted alike."""

    model_config = _STRICT

    flaws: tuple[str, ...] = ()
    """Addresses of flaws, `patch` or `patch[sources=2]`; none for a clean network."""
    count: PositiveInt = 1


class Limits(BaseModel):
    """What one cell may take before it is stopped and recorded as failed."""

    model_config = _STRICT

    seconds: PositiveFloat = 120.0
    memory_mb: PositiveFloat = 4096.0


class Suite(BaseModel):
    """A whole run, declared. Everything that changes a row is in here or in the specs of what runs."""

    model_config = _STRICT

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    summary: str = ""
    seed: int = 0
    data: str = "digits"
    model: str = "six-conv"
    recipe: dict[str, Any] = Field(default_factory=dict)
    """Fields of the planting recipe that differ from its defaults."""
    networks: Annotated[tuple[Networks, ...], Field(min_length=1)]
    references: Annotated[int, Field(ge=0)] = 2
    """Clean networks of the same recipe on which detectors are calibrated; never examined themselves."""
    solvers: Annotated[tuple[str, ...], Field(min_length=1)]
    """`tool` (read by the usual readers), `tool@reader` or a direct solver."""
    controls: tuple[str, ...] = ()
    """`oracle@reader` and `noise@reader`: readers fed with the truth and with noise."""
    tasks: tuple[str, ...] = ("detect", "discover", "localise", "predict", "repair", "replace")
    look_budgets: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (4_000.0, 16_000.0)
    """Forward-equivalents for one look."""
    retrain_budgets: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (15_000.0,)
    """Forward-equivalents for what retrains."""
    repeats: PositiveInt = 1
    limits: Limits = Limits()
    lineups: Annotated[int, Field(ge=0)] = 40
    """Sampled lineups per kind of flaw for the calibration of `discover` readers."""

    @property
    def clean_share(self) -> float:
        """Share of the examined networks that carry no flaw."""
        return sum(some.count for some in self.networks if not some.flaws) / self.count

    @property
    def count(self) -> int:
        """How many networks are examined."""
        return sum(some.count for some in self.networks)

    @property
    def flaws_per_network(self) -> int:
        """The most flaws that one network carries, at least 1."""
        return max([1, *(len(some.flaws) for some in self.networks)])

    @property
    def planting_key(self) -> str:
        """Changes whenever what is planted does."""
        return content_key(self.seed, self.data, self.model, self.recipe, [some.model_dump() for some in self.networks], self.references)

    def changed(self, changes: Mapping[str, Any], more_solvers: tuple[str, ...] = ()) -> "Suite":
        """The suite with other values; None leaves a field as it is. Checked like a file."""
        values = {**self.model_dump(), **{name: value for name, value in changes.items() if value is not None}}
        values["solvers"] = (*values["solvers"], *more_solvers)
        return _checked(values, f"the changed suite `{self.name}`")

    def plan_in_words(self) -> str:
        """What would be run, for a person."""
        networks = "; ".join(f"{some.count} with {' + '.join(some.flaws) or 'no flaw'}" for some in self.networks)
        lines = {
            "suite": f"{self.name}, seed {self.seed}",
            "data and model": f"{self.data}, {self.model}",
            "networks": f"{networks}; {self.references} clean references",
            "tasks": ", ".join(self.tasks),
            "solvers": ", ".join((*self.solvers, *self.controls)),
            "budgets": f"{', '.join(f'{budget:g}' for budget in self.look_budgets)} for a look, "
            f"{', '.join(f'{budget:g}' for budget in self.retrain_budgets)} for retraining (forward-equivalents)",
            "cells at most": str(self.most_cells),
        }
        return "\n".join(f"{name}: {words}" for name, words in lines.items())

    @property
    def most_cells(self) -> int:
        """An upper bound on the count of cells: every solver on every task of every case."""
        cases = sum(some.count * max(1, len(some.flaws)) for some in self.networks)
        budgets = len(self.look_budgets) * len(self.retrain_budgets) * self.repeats
        return cases * len(self.tasks) * len((*self.solvers, *self.controls)) * budgets


def suite_names() -> tuple[str, ...]:
    """Names of the suites that come with OneCurve."""
    folder = files("onecurve.runner") / "suites"
    return tuple(sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml")))


def load_suite(place: str) -> Suite:
    """The suite of that name or in that YAML file.

    Raises ``UnknownNameError`` for neither, ``SpecError`` listing everything that is wrong in the file.
    """
    path = Path(place)
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise SpecError(f"no such suite file: {path}")
        text = path.read_text(encoding="utf-8")
    elif place in suite_names():
        text = (files("onecurve.runner") / "suites" / f"{place}.yaml").read_text(encoding="utf-8")
    else:
        raise UnknownNameError.among("suite", place, suite_names())
    return parse_suite(text, place)


def parse_suite(text: str, place: str) -> Suite:
    """A suite from YAML; ``place`` is named in errors."""
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SpecError(f"{place} is not YAML: {error}") from error
    if not isinstance(values, dict):
        raise SpecError(f"{place} must hold a mapping of fields", "see `docs/guides/suites.md`")
    return _checked(values, place)


def _checked(values: dict[str, Any], place: str) -> Suite:
    try:
        return Suite(**values)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise SpecError(f"{place} is not a suite: " + "; ".join(faults), f"fields: {', '.join(Suite.model_fields)}") from error
