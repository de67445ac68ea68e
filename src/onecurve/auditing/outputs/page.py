"""An audit as a page for people: the verdict, findings with pictures and their tests, what was looked at, and what was not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, final

from jinja2 import ChoiceLoader, Environment, PackageLoader

from onecurve.auditing.finding import Effect, Finding
from onecurve.auditing.outputs import words
from onecurve.auditing.outputs.outcome import Outcome
from onecurve.auditing.outputs.power_view import kind_views, persistence, rest_of
from onecurve.auditing.outputs.power_words import power_sentences
from onecurve.auditing.outputs.repair_words import class_table, repair_sentences
from onecurve.auditing.outputs.rules import RULES, Rule
from onecurve.auditing.outputs.tables import name_of, tables_of, value_of
from onecurve.auditing.result import Stage
from onecurve.report.pages import pictures
from onecurve.report.pages.assets import Assets, PageImage
from onecurve.report.pages.files import written
from onecurve.report.pages.write import assets_in, environment
from onecurve.report.words import numbers

FILE: Final = "index.html"

SIDE: Final = 224
"""Pictures of findings are enlarged by a whole factor until their longer side has at least this many pixels."""


@final
@dataclass(frozen=True)
class Strip:
    """Where value, interval and comparison lie, in per cent of the drawn scale."""

    value: float
    low: float
    high: float
    against: float
    ends: tuple[str, str]


@final
@dataclass(frozen=True)
class Card:
    """One finding as the page shows it."""

    finding: Finding
    title: str
    rule: Rule
    effect: str
    strip: Strip | None
    facts: tuple[tuple[str, str], ...]
    pictures: tuple[PageImage, ...]
    accepted: str
    """Why it is accepted; empty for one that is not."""
    survives: str
    """In how many copies without a planted flaw it is still there; empty where that was not measured."""


def write_page(outcome: Outcome, out: Path) -> Path:
    """Write `index.html` and its `assets/` into ``out``; returns the path of the page."""
    assets = assets_in(out)
    assets.write("audit.css", (files("onecurve.auditing") / "templates" / "audit.css").read_bytes())
    shown = {
        "verified": _cards(outcome.audit.verified, outcome, assets),
        "unverified": _cards(outcome.unverified, outcome, assets),
        "refuted": _cards(outcome.refuted, outcome, assets),
        "stages": [_stage_line(one) for one in outcome.audit.stages],
        "card": tables_of(outcome.audit.looked.data_card),
        "power": rest_of(outcome.audit.power or {}),
        "kinds": kind_views(outcome.audit.power or {}),
        "mended": _mended(outcome.audit.repair),
    }
    return written(out / FILE, _pages().get_template("audit.html").render(up="", **_told(outcome), **shown))


def _pages() -> Environment:
    pages = environment({})
    assert pages.loader is not None
    pages.loader = ChoiceLoader([PackageLoader("onecurve.auditing"), pages.loader])
    return pages


def _mended(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if told is None:
        return None
    by_class = class_table(told)
    return {"lines": repair_sentences(told), "tables": (by_class,) if by_class else ()}


def _told(outcome: Outcome) -> dict[str, Any]:
    audit = outcome.audit
    return {
        "audit": audit,
        "looked": audit.looked,
        "failing": len(outcome.failing),
        "verdict": words.verdict(outcome),
        "power_words": words.power_words(audit),
        "power_lines": () if audit.power is None else power_sentences(audit.power),
        "standing": words.standing_words(outcome),
        "gone": words.gone_words(outcome),
        "accuracy": words.accuracy_words(audit),
        "coverage": words.coverage_words(audit),
        "time": words.time_words(audit),
        "blind": words.BLIND,
        "unseen": [stage for stage in audit.stages if stage.coverage != "whole"],
    }


def _cards(findings: Sequence[Finding], outcome: Outcome, assets: Assets) -> list[Card]:
    return [_card(one, outcome, assets) for one in findings]


def _card(finding: Finding, outcome: Outcome, assets: Assets) -> Card:
    accepted = outcome.baseline.of(finding)
    shown = tuple(
        assets.keep(pictures.png_of(one.image, SIDE), f"{RULES[finding.kind].title}: {one.caption}", one.caption)
        for one in finding.exhibits
    )
    facts = tuple((name_of(name), value_of(value)) for name, value in finding.facts.items())
    strip = None if finding.effect is None or finding.effect.p is None else strip_of(finding.effect)
    why = "" if accepted is None else accepted.reason
    survives = persistence(outcome.audit.power or {}).get(finding.id, "")
    return Card(
        finding, words.sentence(finding.title), RULES[finding.kind], words.effect_words(finding), strip, facts, shown, why, survives
    )


def strip_of(effect: Effect) -> Strip:
    """The effect on a scale from 0 to 1, or to the largest of its values where one is above 1; from the smallest where one is below 0."""
    values = (effect.value, effect.interval.low, effect.interval.high, effect.against)
    least, most = min(0.0, *values), max(1.0, *values)
    value, low, high, against = (100 * (one - least) / (most - least) for one in values)
    return Strip(value, low, high, against, (numbers.figure(least), numbers.figure(most)))


def _stage_line(stage: Stage) -> dict[str, str]:
    cost = f"{numbers.cost(stage.forward)} forward, {numbers.cost(stage.backward)} backward"
    facts = "; ".join(f"{name_of(name)} {value_of(value)}" for name, value in stage.facts.items())
    return {
        "title": stage.title,
        "coverage": str(stage.coverage),
        "words": stage.words,
        "time": numbers.seconds(stage.seconds),
        "cost": cost,
        "found": str(len(stage.findings)),
        "facts": facts,
    }
