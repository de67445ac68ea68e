"""A secret flaw is counted in rows and pages, and nothing says what it is."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from report_fixture import results
from tiny_world import named, suite_of

from onecurve.cli.main import cli
from onecurve.core.errors import SpecError, UnknownNameError
from onecurve.report.pages.write import write_report
from onecurve.report.rows.loading import load_results
from onecurve.report.rows.results import Results
from onecurve.report.rows.secrecy import WORDS, redacted_display, redacted_record, redacted_row
from onecurve.report.words.naming import page_name
from onecurve.runner.networks import wanted_networks
from onecurve.runner.run import Place, run_suite
from onecurve.runner.suite import Networks


@pytest.fixture(scope="module")
def whole() -> Results:
    return results(2, 1, 1, side=8)


def secret_case(whole: Results) -> str:
    return next(name for name, display in whole.displays.items() if display.trigger is not None)


def kept(whole: Results, secret: set[str]) -> Results:
    return replace(
        whole,
        rows=tuple(redacted_row(row, secret) for row in whole.rows),
        displays={name: redacted_display(display, secret) for name, display in whole.displays.items()},
        plants=tuple(redacted_record(record, secret) for record in whole.plants),
    )


def test_pages_do_not_say_what_a_secret_flaw_is(whole: Results, tmp_path: Path) -> None:
    case = secret_case(whole)
    told = whole.displays[case].words
    assert told in (write_report(whole, tmp_path / "open").parent / f"cases/{page_name(case)}").read_text()
    folder = write_report(kept(whole, {case}), tmp_path / "kept").parent
    assert not any(told in page.read_text() for page in folder.rglob(page_name(case)))
    assert WORDS in (folder / f"cases/{page_name(case)}").read_text()


def test_grades_of_a_secret_flaw_stay_and_what_tells_it_goes(whole: Results) -> None:
    case = secret_case(whole)
    for row, shut in zip(whole.rows, kept(whole, {case}).rows, strict=True):
        assert shut.skill == row.skill
        assert shut.figures == row.figures
        if row.case != case:
            assert shut == row
        elif row.role in {"control", "yardstick"}:
            assert shut.evidence == shut.answer == ""
        assert row.case != case or {name for name, value in shut.facts.items() if isinstance(value, str)} <= {"insertion", "optimiser"}


def test_only_so_many_flaws_can_be_secret_as_there_are() -> None:
    suite = suite_of("edges").changed({"networks": [{"flaws": ["patch", "style"], "secret": 1}]})
    network = next(network for network in wanted_networks(suite, (), "cpu") if network.flaws)
    assert network.secret_cases == (f"{network.name}.2",)
    with pytest.raises(SpecError, match="2 flaws cannot be secret among 1"):
        suite.changed({"networks": [{"flaws": ["patch"], "secret": 2}]})
    assert Networks().secret == 0


def test_a_run_keeps_its_secrets_unless_asked(cache_folder: Path, tmp_path: Path) -> None:
    gate = {"strictness": 0.0, "clean_drop": 2.0, "above_chance": -1.0, "elsewhere": 2.0, "near_miss": 2.0}
    tiny = suite_of(*named("Uniform"))
    suite = tiny.changed({"recipe": {**tiny.recipe, "gate": gate}, "networks": [{"flaws": ["patch"], "secret": 1}, {}]})
    out = tmp_path / "out"
    run_suite(suite, Place(out, cache_folder, 2))
    (case,) = [name for name, display in load_results(out, reveal=True).displays.items() if display.trigger is not None]
    assert load_results(out).displays[case].trigger is None
    told = load_results(out, reveal=True).displays[case].words.partition(",")[0]
    shown = CliRunner().invoke(cli, ["results", str(out)]).output
    revealed = CliRunner().invoke(cli, ["results", str(out), "--reveal"]).output
    assert '"trigger"' not in shown
    assert '"trigger"' in revealed
    assert isinstance(CliRunner().invoke(cli, ["report", str(out), "--solver", "nobody"]).exception, UnknownNameError)
    assert CliRunner().invoke(cli, ["report", str(out), "--against", str(out)]).exit_code == 0
    assert not [path for path in out.rglob("*.html") if told in path.read_text()]
    assert told not in (out / "cases" / page_name(case)).read_text()
    assert CliRunner().invoke(cli, ["report", str(out), "--reveal"]).exit_code == 0
    assert told in (out / "cases" / page_name(case)).read_text()
