"""What the zoo holds: which networks, of which seeds, planted by which recipe. The weights lie beside it (see ``weights``).

The ground truth of a zoo is public: whoever reads the manifest can sample every flaw again.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from onecurve.core.digests import require_intact
from onecurve.core.errors import DataError, SchemaError, UnknownNameError
from onecurve.core.row import joined_kinds

FOLDER = Path(__file__).parent / "stored"
SCHEMA = 1
REMEDY = "install OneCurve again"


@final
@dataclass(frozen=True)
class ZooNetwork:
    """One network of a zoo."""

    key: str
    """Changes with whatever changes the weights: recipe, seed, flaws and the version of planting."""
    flaws: tuple[str, ...]
    """Addresses of its flaws; none for a clean network."""
    seed: int
    reference: bool
    """True for a clean network that detectors are calibrated on."""
    facts: Mapping[str, float]
    """Strengths as measured after the weights were rounded."""

    @property
    def kind(self) -> str:
        """Its flaws joined by `+`, or `clean`."""
        return joined_kinds(self.flaws)


@final
@dataclass(frozen=True)
class Manifest:
    """The networks of one zoo. All are planted by one recipe."""

    name: str
    recipe: Mapping[str, Any]
    """Fields of the planting recipe that differ from its defaults, set, architecture and seed included."""
    networks: tuple[ZooNetwork, ...]

    @property
    def examined(self) -> tuple[ZooNetwork, ...]:
        """All but the references."""
        return tuple(network for network in self.networks if not network.reference)

    @property
    def references(self) -> tuple[ZooNetwork, ...]:
        """Clean networks that are never examined."""
        return tuple(network for network in self.networks if network.reference)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {"schema": SCHEMA, **asdict(self)}


def zoo_names(folder: Path = FOLDER) -> tuple[str, ...]:
    """Names of the zoos in that folder, by default those that come with OneCurve."""
    return tuple(sorted(path.stem for path in folder.glob("*.json") if path.with_suffix(".safetensors").is_file()))


def place_of(zoo: str) -> Path:
    """Where the files of a zoo lie, without their endings: beside this package for a name, elsewhere for a path such as `made/digits`."""
    return Path(zoo) if Path(zoo).name != zoo else FOLDER / zoo


def manifest(zoo: str) -> Manifest:
    """The zoo of that name or path; raises ``UnknownNameError`` for none, ``DataError`` for a damaged one."""
    place = place_of(zoo)
    if place.name not in zoo_names(place.parent):
        raise UnknownNameError.among("zoo", zoo, zoo_names(place.parent))
    path = place.with_suffix(".json")
    require_intact(path.parent, [path.name])
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["schema"] != SCHEMA:
            raise SchemaError(f"{path} has schema {values['schema']}, this version reads {SCHEMA}")
        networks = tuple(ZooNetwork(**{**one, "flaws": tuple(one["flaws"])}) for one in values["networks"])
        return Manifest(values["name"], values["recipe"], networks)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"not a manifest of a zoo: {path}: {error}", REMEDY) from error


def recipe_in(zoo: str, own: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recipe that takes its weights from a zoo: what the zoo was planted by, then ``own`` fields.

    Raises as ``manifest`` does.
    """
    return {**manifest(zoo).recipe, **own, "zoo": zoo}


def write_manifest(made: Manifest, folder: Path) -> None:
    """Write ``folder/NAME.json``."""
    (folder / f"{made.name}.json").write_text(json.dumps(made.record(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
