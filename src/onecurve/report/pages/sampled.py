"""The page of what a suite would plant: how often each kind and each factor occurs, and the first cases in words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import final

from onecurve.report.pages.data_files import write_records
from onecurve.report.pages.files import written
from onecurve.report.pages.write import assets_in, environment
from onecurve.report.words import numbers
from onecurve.report.words.naming import figure_name

FACTORS: Mapping[str, str] = {
    "kind": "Kinds of flaw",
    "data": "Sets of images",
    "model": "Architectures",
    "insertion": "Ways of insertion",
    "optimiser": "Optimisers",
    "epochs": "Epochs of training",
    "flaws_in_network": "Flaws in the network",
    "sources": "Source classes (0: all)",
    "poison_rate": "Shares of images that are poisoned",
}
"""Columns that every suite has, and their headings; other columns follow under their own names."""
TEXTUAL = ("network", "words", "targets", "trigger")
"""Columns that differ in nearly every case, so that a distribution would show nothing."""
MOST_BARS = 30
FIRST = 40
"""Cases described in words."""


@final
@dataclass(frozen=True)
class Level:
    """One value of a factor."""

    name: str
    count: int
    share: str
    width: float
    """In per cent of the longest bar."""


@final
@dataclass(frozen=True)
class Factor:
    """How often each value of a column occurs."""

    heading: str
    levels: tuple[Level, ...]
    cases: int
    """Cases that have the column at all."""


def write_sampled(cases: Sequence[Mapping[str, object]], suite: str, seed: int, out: Path) -> Path:
    """Write `index.html` and `assets/` into ``out``; returns the path of the page."""
    assets_in(out)
    run = {"suite": suite, "seed": seed, "seed_words": f"seed {seed}", "started": datetime.now(UTC)}
    page = environment({"run": run}).get_template("sampled.html")
    write_records(out, "cases", cases)
    networks = len({case["network"] for case in cases})
    return written(out / "index.html", page.render(up="", factors=factors(cases), cases=cases[:FIRST], total=len(cases), networks=networks))


def factors(cases: Sequence[Mapping[str, object]]) -> tuple[Factor, ...]:
    """All columns that have a distribution, the common ones first."""
    others = sorted({name for case in cases for name in case if name not in FACTORS and name not in TEXTUAL})
    headings = {**FACTORS, **{name: _capitalised(figure_name(name)) for name in others}}
    found = [_factor(heading, [case[name] for case in cases if name in case]) for name, heading in headings.items()]
    return tuple(factor for factor in found if len(factor.levels) > 1 or factor.heading in FACTORS.values())


def _capitalised(words: str) -> str:
    return words[:1].upper() + words[1:]


def _factor(heading: str, values: Sequence[object]) -> Factor:
    counts = Counter(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
    order = sorted(counts, key=lambda name: (-counts[name], name))[:MOST_BARS]
    most = max(counts.values(), default=1)
    levels = tuple(Level(name, counts[name], numbers.percent(counts[name] / len(values)), 100 * counts[name] / most) for name in order)
    return Factor(heading, levels, len(values))
