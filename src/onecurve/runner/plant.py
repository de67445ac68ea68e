"""Planting one network on request: the order, and the folder it is delivered to."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from onecurve.core.case import Population
from onecurve.core.errors import UsageError
from onecurve.data.catalog import open_data
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.planting import plant
from onecurve.flaws.storage import save_planted
from onecurve.models.cache import Cache
from onecurve.runner.recipes import recipe_of
from onecurve.runner.session import Display


@final
@dataclass(frozen=True)
class PlantOrder:
    """What to plant in what."""

    flaws: tuple[str, ...]
    data: str
    model: str
    seed: int
    insertion: str
    device: str


def plant_here(order: PlantOrder, out: Path, cache: Path, display: Display) -> list[dict[str, Any]]:
    """Plant in this process and write ``out/subject`` and ``out/sealed``; returns the planting records.

    Raises ``UsageError`` if the folder already holds something.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"not an empty folder: {out}", "choose another --out")
    flaws = [FLAWS.make(flaw) for flaw in order.flaws]
    classes = len(open_data(order.data).class_names)
    recipe = recipe_of({"data": order.data, "model": order.model, "seed": order.seed, "insertion": order.insertion, "device": order.device})
    display.phase("plant", 100)
    done = 0

    def progress(fraction: float, words: str) -> None:
        nonlocal done
        steps = int(100 * fraction) - done
        done += steps
        display.done(steps, failed=False)

    planted = plant(
        flaws,
        recipe,
        order.seed,
        subject_id=out.name,
        population=Population(0.0, max(1, len(flaws)), classes),
        cache=Cache(cache / "weights"),
        progress=progress,
    )
    save_planted(out, planted)
    return [{**asdict(record), "strength": dict(record.strength), "facts": dict(record.facts)} for record in planted.records]
