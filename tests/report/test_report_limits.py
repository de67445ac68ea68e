"""A suite that widens the gate says so beside what the gate let in."""

import json
from dataclasses import asdict, replace

import pytest

from onecurve.flaws.planting.gate import Gate
from onecurve.report.pages.write import write_report
from onecurve.report.rows.limits import other_limits
from onecurve.runner.suite import parse_suite

SUITE = "name: mine\nrecipe: {gate: GATE}\nnetworks: [{flaws: [patch]}]\nsolvers: [edges]\ntasks: [localise]\n"


def told(text: str) -> tuple[str, ...]:
    return other_limits(json.loads(parse_suite(text, "a test").model_dump_json()))


@pytest.mark.parametrize("gate", ["{}", "{clean_drop: 0.03}", json.dumps(asdict(Gate()))])
def test_the_usual_gate_is_not_worth_a_word(gate):
    assert told(SUITE.replace("GATE", gate)) == ()


def test_every_limit_that_departs_is_told_wherever_it_stands():
    own = SUITE.replace("GATE", "{clean_drop: 0.06, near_miss: 0.2}").replace(
        "{flaws: [patch]}", "{flaws: [patch], recipe: {gate: {strictness: 0.5}}}"
    )
    assert told(own) == ("clean drop 0.06 instead of 0.03", "strictness 0.5 instead of 1")


def test_the_page_tells_them_beside_what_was_planted(tiny, written, tmp_path):
    wide = replace(tiny, run=replace(tiny.run, other_limits=("clean drop 0.06 instead of 0.03", "strictness 0.5 instead of 1")))
    write_report(wide, tmp_path)
    words = "<b>This suite changes the usual limits:</b> clean drop 0.06 instead of 0.03 and strictness 0.5 instead of 1."
    assert words in (tmp_path / "index.html").read_text()
    assert "other limits" not in (written / "index.html").read_text()
