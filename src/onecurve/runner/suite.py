"""Suites: what to sample, how many, which solvers, budgets and seeds. A small YAML file."""

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from onecurve.core.errors import SpecError, UnknownNameError, UsageError
from onecurve.core.spec import content_key
from onecurve.flaws.zoo.manifest import Manifest, ZooNetwork, manifest
from onecurve.runner.suite_faults import faults_of, fields_hint
from onecurve.tasks.catalog import TASKS

_STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
_FILE = re.compile(r"[^@\[\]=]+(?:\.py(?=:)|\.onnx)|(?<=weights=)[^\]]+")
"""A person's file in an address: code, a network, weights."""
MOST_NETWORKS, MOST_CELLS = 100_000, 100_000_000
"""A suite of more is refused as a slip of the pen."""


Weights = dict[str, Annotated[float, Field(gt=0)]]
"""What may be drawn, and how often in proportion."""


class Networks(BaseModel):
    """Some networks planted alike."""

    model_config = _STRICT

    flaws: tuple[str, ...] = ()
    """Addresses of flaws, `patch` or `patch[sources=2]`; none for a clean network."""
    count: PositiveInt = 1
    data: str | None = None
    """Another set than the suite's."""
    model: str | None = None
    """Another architecture than the suite's."""
    recipe: dict[str, Any] = Field(default_factory=dict)
    """Fields of the planting recipe that differ from the suite's."""
    seed: int | None = None
    """The seed of a network that was sampled before; only with a count of 1."""
    label: str = ""
    """A name for the seed of networks that were sampled; the suite's own numbering otherwise."""

    secret: Annotated[int, Field(ge=0)] = 0
    """The last so many of the flaws are secret: results and reports do not say what they are unless asked to reveal it."""

    @model_validator(mode="after")
    def _one_seed(self) -> "Networks":
        if self.seed is not None and self.count > 1:
            raise ValueError("networks with a seed of their own are alike, so their count must be 1")
        if self.secret > len(self.flaws):
            raise ValueError(f"{self.secret} flaws cannot be secret among {len(self.flaws)}")
        return self


class Insertion(BaseModel):
    """One way of planting, drawn with the others: optimiser, intensity and insertion are factors of their own."""

    model_config = _STRICT

    weight: Annotated[float, Field(gt=0)] = 1.0
    recipe: dict[str, Any] = Field(default_factory=dict)
    """Fields of the planting recipe that differ from the suite's."""


class Sampled(BaseModel):
    """A population: networks drawn by seed from a declared distribution of flaws, data and ways of planting."""

    model_config = _STRICT

    networks: PositiveInt
    controls: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Share of networks that are clean or carry a control only."""
    clean_share: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of networks that are clean, a part of ``controls``; None to deal them as ``control_kinds`` says."""
    data: Weights = Field(default_factory=lambda: {"digits": 1.0})
    models: Weights = Field(default_factory=lambda: {"six-conv": 1.0})
    insertions: Annotated[tuple[Insertion, ...], Field(min_length=1)] = (Insertion(),)
    flaws_per_network: dict[PositiveInt, Annotated[float, Field(gt=0)]] = Field(default_factory=lambda: {1: 1.0})
    kinds: Weights = Field(default_factory=dict)
    """Flaws by address; empty for every kind of the catalogue that has an effect, alike."""
    control_kinds: Weights = Field(default_factory=dict)
    """Controls by address, `clean` among them; empty for every control of the catalogue, clean networks as often as the rest."""
    dials: bool = True
    """Whether the strength of each flaw is drawn from the values of its dial; off for its defaults."""

    @model_validator(mode="after")
    def _clean_ones_among_controls(self) -> "Sampled":
        if self.clean_share is None:
            return self
        if self.clean_share > self.controls:
            raise ValueError(f"the clean_share {self.clean_share:g} is a part of controls, which is {self.controls:g}: raise controls")
        if "clean" in self.control_kinds:
            raise ValueError("clean_share says how many are clean, so `clean` cannot stand among control_kinds")
        return self


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
    seed: int | None = None
    """Whoever knows it and the suite can compute every truth; None to have one drawn for each run, which is secret meanwhile."""
    data: str = "digits"
    model: str = "six-conv"
    recipe: dict[str, Any] = Field(default_factory=dict)
    """Fields of the planting recipe that differ from its defaults."""
    networks: tuple[Networks, ...] = ()
    sampled: Sampled | None = None
    """Networks that are drawn, beside those that are named."""
    zoo: str = ""
    """A zoo whose networks are examined, beside those that are named or drawn; its references come first."""
    references: Annotated[int, Field(ge=0)] = 2
    """Clean networks, per set and architecture, on which detectors are calibrated; never examined themselves."""
    solvers: Annotated[tuple[str, ...], Field(min_length=1)]
    """`tool` (read by the usual readers), `tool@reader` or a direct solver."""
    controls: tuple[str, ...] = ()
    """`oracle@reader` and `noise@reader`: readers fed with the truth and with noise."""
    tasks: tuple[str, ...] = tuple(TASKS.entries)
    """Tasks by address: `localise`, or `localise[suspects=100]`; each task once."""
    look_budgets: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (4_000.0, 16_000.0)
    """Forward-equivalents for one look."""
    class_budgets: tuple[Annotated[float, Field(gt=0, le=1e12)], ...] = ()
    """Forward-equivalents per class for a look that is told no target; none to grant it ``look_budgets``, whatever the classes."""
    retrain_budgets: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (15_000.0,)
    """Forward-equivalents for what retrains."""
    repeats: PositiveInt = 1
    limits: Limits = Limits()
    lineups: Annotated[int, Field(ge=0)] = 40
    """Sampled lineups per kind of flaw for the calibration of `discover` readers."""
    ladder: bool = False
    """Whether these readers are tried on damaged evidence too, from a blurred trigger to one that is half noise."""

    @model_validator(mode="after")
    def _some_networks(self) -> "Suite":
        if not self.networks and self.sampled is None and not self.zoo:
            raise ValueError("name at least one entry under `networks`, name a `zoo`, or declare what is `sampled`")
        return self

    @model_validator(mode="after")
    def _within_reason(self) -> "Suite":
        if self.count > MOST_NETWORKS:
            raise ValueError(f"{self.count:,} networks, at most {MOST_NETWORKS:,} are planted")
        if self.most_cells > MOST_CELLS:
            raise ValueError(f"up to {self.most_cells:,} cells, at most {MOST_CELLS:,} are run: lower repeats, budgets or networks")
        return self

    @model_validator(mode="after")
    def _each_task_once(self) -> "Suite":
        if len(set(self.task_names)) < len(self.tasks):
            raise ValueError(f"a task may be named once, got: {', '.join(self.tasks)}")
        return self

    @model_validator(mode="after")
    def _each_budget_once(self) -> "Suite":
        for name in ("look_budgets", "class_budgets", "retrain_budgets"):
            budgets = getattr(self, name)
            if len(set(budgets)) < len(budgets):
                raise ValueError(f"a budget may be named once in {name}, got: {', '.join(f'{budget:g}' for budget in budgets)}")
        return self

    @property
    def task_names(self) -> tuple[str, ...]:
        """The tasks without their settings."""
        return tuple(address.partition("[")[0] for address in self.tasks)

    @property
    def settled_seed(self) -> int:
        """The seed; raises ``SpecError`` for a suite whose seed is drawn by the run."""
        if self.seed is None:
            raise SpecError(f"the suite `{self.name}` has no seed yet", "give one, or run it")
        return self.seed

    @property
    def count(self) -> int:
        """How many networks are examined."""
        drawn = self.sampled.networks if self.sampled else 0
        return sum(some.count for some in self.networks) + drawn + len(self.zoo_networks)

    @property
    def zoo_networks(self) -> tuple[Networks, ...]:
        """The networks of the zoo, each with its own recipe and seed; none where the suite names no zoo."""
        shelf = manifest(self.zoo) if self.zoo else None
        return tuple(_of_zoo(shelf, one) for one in shelf.examined) if shelf else ()

    @property
    def zoo_references(self) -> tuple[Networks, ...]:
        """The clean networks of the zoo on which detectors are calibrated."""
        shelf = manifest(self.zoo) if self.zoo else None
        return tuple(_of_zoo(shelf, one) for one in shelf.references) if shelf else ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Data and architectures that a person may have changed since, and all others."""
        some = self.sampled
        drawn = (*some.data, *some.models) if some else ()
        own = [address for each in (*self.networks, *self.zoo_networks) for address in (each.data, each.model) if address]
        return tuple(dict.fromkeys((self.data, self.model, *own, *drawn)))

    @property
    def files(self) -> tuple[str, ...]:
        """Absolute paths of the files and folders of a person that it names, each once."""
        return tuple(
            dict.fromkeys(file for address in (*self.addresses, *self.tasks, *self.solvers, *self.controls) for file in _files(address))
        )

    @property
    def planting_key(self) -> str:
        """Changes whenever what is planted does."""
        named = [some.model_dump(exclude={"secret"}) for some in self.networks]
        sampled = self.sampled.model_dump() if self.sampled else {}
        zoo = [one.key for one in manifest(self.zoo).networks] if self.zoo else []
        return content_key(self.seed, self.data, self.model, self.recipe, named, sampled, self.references, *([zoo] if zoo else []))

    def changed(self, changes: Mapping[str, Any], more_solvers: tuple[str, ...] = ()) -> "Suite":
        """The suite with other values; None leaves a field as it is. Checked like a file."""
        values = {**self.model_dump(), **{name: value for name, value in changes.items() if value is not None}}
        values["solvers"] = (*values["solvers"], *more_solvers)
        return _checked(values, f"the changed suite `{self.name}`")

    def on(self, data: str | None, model: str | None) -> "Suite":
        """The suite on another set or architecture wherever it names or draws one; None leaves it as it is.

        Raises ``UsageError`` for a suite whose networks come trained.
        """
        given = {name: value for name, value in (("data", data), ("model", model)) if value is not None}
        if not given:
            return self
        if self.zoo:
            raise UsageError(
                f"the suite `{self.name}` examines the zoo `{self.zoo}`, whose networks have their own images",
                "`onecurve run first-look` plants flaws on yours",
            )
        named = [{**some.model_dump(), **dict.fromkeys(given)} for some in self.networks]
        drawn = self.sampled and {**self.sampled.model_dump(), **{_DRAWN[name]: {value: 1.0} for name, value in given.items()}}
        return self.changed({**given, "networks": tuple(named), "sampled": drawn})

    def plan_in_words(self) -> str:
        """What would be run, for a person."""
        networks = [f"{some.count} with {' + '.join(some.flaws) or 'no flaw'}" for some in self.networks]
        if self.sampled:
            clean = "" if self.sampled.clean_share is None else f" ({self.sampled.clean_share:.0%} clean)"
            networks.append(f"{self.sampled.networks} sampled, {self.sampled.controls:.0%} of them clean or controls{clean}")
        if self.zoo:
            networks.append(f"{len(self.zoo_networks)} of the zoo `{self.zoo}`, which come trained")
        lines = {
            "suite": f"{self.name}, " + ("with a seed drawn for the run" if self.seed is None else f"seed {self.seed}"),
            "data and models": ", ".join(self.addresses),
            "networks": f"{'; '.join(networks)}; {self.references} clean references",
            "tasks": ", ".join(self.tasks),
            "solvers": ", ".join((*self.solvers, *self.controls)),
            "budgets": f"{', '.join(f'{budget:g}' for budget in self.look_budgets)} for a look, "
            f"{''.join(f'{budget:g} per class, ' for budget in self.class_budgets)}"
            f"{', '.join(f'{budget:g}' for budget in self.retrain_budgets)} for retraining (forward-equivalents)",
        }
        return "\n".join(f"{name}: {words}" for name, words in lines.items())

    @property
    def most_cells(self) -> int:
        """An upper bound on the count of cells: every solver on every task of every case."""
        cases = sum(some.count * max(1, len(some.flaws)) for some in (*self.networks, *self.zoo_networks))
        cases += self.sampled.networks * max(self.sampled.flaws_per_network) if self.sampled else 0
        budgets = max(len(self.look_budgets), len(self.class_budgets)) * len(self.retrain_budgets) * self.repeats
        return cases * len(self.tasks) * len((*self.solvers, *self.controls)) * budgets


def _files(address: str) -> list[str]:
    """Absolute paths in `FILE.py:NAME@FILE.py:NAME`, `folder:PATH`, `npz:PATH`, `FILE.onnx`, and of weights in brackets."""
    kind, colon, path = address.partition(":")
    if colon and kind in {"folder", "npz"}:
        return [str(Path(path.partition("[")[0]).absolute())]
    return [str(Path(found.strip("'\"")).absolute()) for found in _FILE.findall(address)]


def _of_zoo(shelf: Manifest, one: ZooNetwork) -> Networks:
    label = f"zoo-{shelf.name}-{one.key}"
    return Networks(
        flaws=one.flaws, data=shelf.recipe["data"], model=shelf.recipe["model"], recipe={"zoo": shelf.name}, seed=one.seed, label=label
    )


_DRAWN = {"data": "data", "model": "models"}
"""Fields of what is sampled, by the suite's field for one of them."""


class _Loader(yaml.SafeLoader):
    """Refuses a field that is named twice, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [name.value for name, _ in node.value if isinstance(name, yaml.ScalarNode)]
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"a field is named twice: {', '.join(twice)}", node.start_mark)
        return super().construct_mapping(node, deep)


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
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SpecError(f"{path} is not a text file in UTF-8: {error}", "see `docs/guides/suites.md`") from error
    elif place in suite_names():
        text = (files("onecurve.runner") / "suites" / f"{place}.yaml").read_text(encoding="utf-8")
    else:
        raise UnknownNameError.among("suite", place, suite_names())
    return parse_suite(text, place)


def parse_suite(text: str, place: str) -> Suite:
    """A suite from YAML; ``place`` is named in errors."""
    try:
        values = yaml.load(text, _Loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SpecError(f"{place} is not YAML that can be read: {error}", "see `docs/guides/suites.md`") from error
    if not isinstance(values, dict):
        raise SpecError(f"{place} must hold a mapping of fields", "see `docs/guides/suites.md`")
    return _checked(values, place)


_PARTS: Final[Mapping[str, type[BaseModel]]] = {"networks": Networks, "sampled": Sampled, "insertions": Insertion, "limits": Limits}


def _checked(values: dict[str, Any], place: str) -> Suite:
    try:
        return Suite(**values)
    except ValidationError as error:
        raise SpecError(f"{place} is not a suite: {faults_of(error)}", fields_hint(error, Suite, _PARTS)) from error
